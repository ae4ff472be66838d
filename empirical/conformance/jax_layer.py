"""JAX functions as subjects of the conformance suite; modules of Flax, Equinox and Haiku become such functions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bnverify.empirical.conformance.subject import Evaluation, Instance, Running, Second, Setting, Unsupported

Call = Callable[[jax.Array, Mapping[str, jax.Array], float | None], jax.Array]


class JaxLayer:
    """``call(y, parameters, epsilon)`` as a pure function; ``step(y, parameters, size)`` gives running statistics
    (`drawn_statistic`) before, between and after two training calls and the layer with those after, as functions of y
    and parameters, where it keeps any; ``made(setting)`` is a new instance ``(y, parameters, training)``, where calls
    leave something in one."""

    layouts: tuple[str, ...] = ()
    frozen: frozenset[str] = frozenset()
    ways: Mapping[str, str] = MappingProxyType(
        {"uncompiled": "operation by operation, not compiled", "mapped": "mapped over a further axis (vmap)"}
    )

    def __init__(
        self, name: str, call: Call, parameters: Mapping[str, np.ndarray], epsilon: float | None, *,
        framework: str = "jax", settable: bool = True, again: Callable[[int, int], Any] | None = None,
        step: Callable | None = None, momentum: float | None = None,
        made: Callable[[Setting], Callable[..., Any]] | None = None,
        dtypes: tuple[str, ...] = ("float64", "float32", "bfloat16", "float16"),
    ):  # fmt: skip
        self.name, self.framework, self.epsilon = name, framework, epsilon
        self.parameters = {key: np.asarray(value, float) for key, value in parameters.items()}
        self.call, self._settable, self._again, self._step, self._momentum = call, settable, again, step, momentum
        self._made, self.dtypes = made, dtypes
        self._compiled: dict[tuple[str, float | None, str], Any] = {}

    def evaluate(self, y, parameters, g, setting: Setting) -> Evaluation:
        """z, and with g the gradients; see `Subject`."""
        with plain_jax():
            y, arrays = self._prepared(y, parameters, setting)
            if g is None or setting.way:  # a tracer of gradients would hide how it is called
                z = self._run("forward", setting, y, arrays)
                return Evaluation(_numpy(z), z.dtype.name)
            z, v, slopes = self._run("backward", setting, y, arrays, jnp.asarray(g))
            return Evaluation(_numpy(z), z.dtype.name, _numpy(v), {k: _numpy(value) for k, value in slopes.items()})

    def second(self, y, parameters, g, d, setting: Setting) -> Second:
        """The gradient of <v, d>."""
        with plain_jax():
            y, arrays = self._prepared(y, parameters, setting)
            try:
                found = self._run("second", setting, y, arrays, jnp.asarray(g), jnp.asarray(d))
                of_y, slopes, of_g = jax.tree.map(_numpy, found)
                return Second(of_y, of_g, slopes)
            except Unsupported as error:
                raise Unsupported(f"no second derivative ({error})") from error

    def _run(self, kind: str, setting: Setting, *arrays: Any) -> Any:
        """One of three functions, compiled as users compile theirs; as it is, where it cannot be compiled."""
        function: Any = {"forward": self._forward, "backward": self._backward, "second": self._second}[kind]
        function = partial(function, setting.epsilon)
        key = (kind, setting.epsilon, setting.way)
        if key not in self._compiled:
            self._compiled[key] = jax.jit(_mapped(function) if setting.way == "mapped" else function)
        try:
            return function(*arrays) if setting.way == "uncompiled" else self._compiled[key](*arrays)
        except Unsupported:
            raise
        except Exception:
            try:
                return function(*arrays)
            except Unsupported:
                raise
            except Exception as error:
                raise Unsupported(f"{type(error).__name__}: {_line(error)}") from error

    def _forward(self, epsilon, y, arrays):
        z = self.call(y, arrays, epsilon)
        if getattr(z, "shape", None) != y.shape:
            raise Unsupported(f"it returns {getattr(z, 'shape', type(z).__name__)} for y of shape {y.shape}")
        return z

    def _backward(self, epsilon, y, arrays, g):
        z, back = jax.vjp(partial(self._forward, epsilon), y, arrays)
        return z, *back(jnp.asarray(g, z.dtype))

    def _second(self, epsilon, y, arrays, g, d):
        """Reverse over reverse, which hand-written backward passes can have too."""

        def along(y, arrays, g):
            z, back = jax.vjp(lambda y: self._forward(epsilon, y, arrays), y)
            (v,) = back(jnp.asarray(g, z.dtype))
            return (v * jnp.asarray(d, v.dtype)).sum()

        return jax.grad(along, (0, 1, 2))(y, arrays, g)

    def running(self, y, parameters, setting: Setting, size: float = 1.0) -> Running | None:
        """Two steps of the running statistics, if there are any."""
        if self._step is None:
            return None
        with plain_jax():
            y, arrays = self._prepared(y, parameters, setting)
            *found, infer, train, used = self._step(y, arrays, size)

            def plain(function):
                if function is None:
                    return None

                def called(y):
                    with plain_jax():
                        return _numpy(function(jnp.asarray(y, setting.dtype), arrays))

                return called

            def back(y, g):
                with plain_jax():
                    z, of = jax.vjp(infer, jnp.asarray(y, setting.dtype), arrays)
                    v, slopes = of(jnp.asarray(g, z.dtype))
                    return _numpy(v), {name: _numpy(slope) for name, slope in slopes.items()}

            start, before, after = ({k: _numpy(v) for k, v in state.items()} for state in found)
            used = None if used is None else {k: _numpy(v) for k, v in used.items()}
            return Running(start, before, after, plain(infer), plain(train), self._momentum, used, infer and back)

    def instance(self, setting: Setting) -> Instance | None:
        """A new instance, if calls leave something in one."""
        if self._made is None:
            return None
        with plain_jax():
            one = self._made(setting)

        def called(y, parameters, g=None, training=True):
            with plain_jax():
                try:
                    z = one(*self._prepared(y, parameters, setting), training)
                except Exception as error:
                    raise Unsupported(f"{type(error).__name__}: {_line(error)}") from error
                return Evaluation(_numpy(z), z.dtype.name)

        return called

    def resized(self, old: int, new: int):
        """The same layer for another size, if it can be made."""
        return None if self._again is None else self._again(old, new)

    def _prepared(self, y, parameters, setting: Setting):
        if setting.layout != "contiguous":
            raise Unsupported("JAX has no layouts that a layer sees")
        if setting.epsilon is not None and not self._settable:
            raise Unsupported("its epsilon cannot be set")
        arrays = {name: jnp.asarray(value, setting.of_parameters) for name, value in parameters.items()}
        return jnp.asarray(y, setting.dtype), arrays


@contextlib.contextmanager
def plain_jax() -> Iterator[None]:
    """Float64, and JAX as it comes: a session's strictness is not the layer's."""
    with (
        jax.enable_x64(True), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"),
        jax.debug_nans(False), jax.transfer_guard("allow"),
    ):  # fmt: skip
        yield


def _mapped(function: Callable) -> Callable:
    """The function on a stack of two, as the first of them comes out."""
    return lambda y, arrays: jax.vmap(function, (0, None))(jnp.stack([y, 1 - 2 * y]), arrays)[0]


def _numpy(array: Any) -> np.ndarray:
    return np.asarray(jnp.asarray(array, jnp.float64))


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:110]
