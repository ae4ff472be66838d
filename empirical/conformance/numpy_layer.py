"""A forward and a backward pass in NumPy (or in C behind it) as a subject: nothing is differentiated automatically."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from bnverify.empirical.conformance.subject import (
    Arguments,
    Evaluation,
    Kept,
    Running,
    Second,
    Setting,
    Unsupported,
    changed,
)
from bnverify.errors import InputError


class NumpyLayer:
    """``call(y, parameters, epsilon)``, and ``backward(g, y, ...)`` with what else the forward pass takes, which gives
    v, or v and the gradients of the parameters in their order."""

    framework = "numpy"
    frozen: frozenset[str] = frozenset()
    dtypes = ("float64", "float32", "float16")
    layouts = ("strided",)
    ways: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self, name: str, call: Callable, backward: Callable | None, args: tuple, keywords: Mapping[str, Any],
        taken: Arguments, parameters: Mapping[str, np.ndarray], again: Callable[[int, int], Any] | None = None,
    ):  # fmt: skip
        self.name, self.parameters, self.epsilon = name, dict(parameters), taken.default
        self._call, self._backward, self._args, self._keywords, self._taken = call, backward, args, keywords, taken
        self._kept, self._again = Kept(), again

    def evaluate(self, y, parameters, g, setting: Setting) -> Evaluation:
        """z, and with g the gradients; see `Subject`."""
        if setting.epsilon is not None and self._taken.epsilon is None:
            raise Unsupported("its epsilon cannot be set")
        y, given = _laid(np.array(y, setting.dtype), setting.layout), np.array(y, setting.dtype)
        arrays = {name: np.array(value, setting.of_parameters) for name, value in parameters.items()}
        read = {"y": (y, given.copy()), **{name: (array, array.copy()) for name, array in arrays.items()}}
        try:
            z = self._call(y, arrays, setting.epsilon)
            if self._backward is None and hasattr(z, "shape") and not isinstance(z, (np.ndarray, np.generic)):
                raise Unsupported(f"it returns a {type(z).__name__} of {type(z).__module__}, no array of NumPy")
            z = np.asarray(z)
            if z.shape != y.shape:
                raise Unsupported(f"it returns {z.shape} for y of shape {y.shape}")
            given_z = z.astype(float)
            later = self._kept.overwritten(lambda: z.astype(float))
            if g is None or self._backward is None:
                return Evaluation(given_z, z.dtype.name, changed=changed(read, later, _same))
            g = _laid(np.array(g, z.dtype), setting.gradient_layout)
            read |= {"y in the backward pass": (given, given.copy()), "g": (g, g.copy())}
            out = self._back(g, given, arrays, setting.epsilon)
        except Unsupported:
            raise
        except Exception as error:
            raise Unsupported(f"{type(error).__name__}: {error}") from error
        v, slopes = _gradients(out, y.shape, arrays)
        return Evaluation(given_z, z.dtype.name, v, slopes, changed(read, later, _same))

    def second(self, y, parameters, g, d, setting: Setting) -> Second:
        """The gradient of <v, d>."""
        raise Unsupported("a backward pass in NumPy is not differentiated")

    def running(self, y, parameters, setting: Setting, size: float = 1.0) -> Running | None:
        """One step of the running statistics, if there are any."""
        return None

    def instance(self, setting: Setting) -> None:
        """There is none of a function."""

    def resized(self, old: int, new: int):
        """The same layer for another size, if it can be made."""
        return None if self._again is None else self._again(old, new)

    def _back(self, g: np.ndarray, y: np.ndarray, arrays: Mapping[str, np.ndarray], epsilon: float | None) -> Any:
        assert self._backward is not None
        named: dict[str, Any] = dict(arrays)
        value = epsilon if epsilon is not None else self._taken.default
        if self._taken.epsilon is not None and value is not None:
            named[self._taken.epsilon] = value
        return self._backward(g, y, *self._args, **named, **self._keywords)


_same = partial(np.array_equal, equal_nan=True)


def _gradients(
    out: Any, shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """v and the gradients of the parameters by name. InputError where that is not what the backward pass gives."""
    v, *slopes = out if isinstance(out, (tuple, list)) else (out,)
    try:
        found = np.array(v, float)
        named = {name: np.array(slope, float) for name, slope in zip(arrays, slopes, strict=False)}
    except (TypeError, ValueError) as error:
        raise _refused(f"{type(out).__name__} of what are no arrays ({error})", shape, arrays) from error
    if v is None or found.shape != shape:
        got = "None" if v is None else f"v of shape {found.shape}"
        raise _refused(got, shape, arrays)
    for name, slope in named.items():
        own = arrays[name].shape
        if slope.size == arrays[name].size:
            named[name] = slope.reshape(own)
        elif slope.size != 1 and (slope.shape != shape or own != shape[-len(own) :]):  # not summed is wrong, and told
            raise _refused(f"a gradient of {name} of shape {slope.shape}", shape, arrays)
    return found, named


def _refused(got: str, shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]) -> InputError:
    of = "".join(f", the gradient of {name} {array.shape}" for name, array in arrays.items())
    return InputError(
        got=f"a backward pass that gives {got} for y of shape {shape}", expected=f"v {shape}{of}, in this order",
        advice="return a tuple of arrays: return v, dgamma, dbeta",
    )  # fmt: skip


def _laid(array: np.ndarray, layout: str) -> np.ndarray:
    if layout == "strided":
        wide = np.full((2 * array.shape[0], *array.shape[1:]), np.nan, array.dtype, order="F")
        wide[::2] = array
        return wide[::2]
    if layout == "expanded":
        return np.broadcast_to(array.flat[0], array.shape)
    return array
