"""Evaluations of a Flax NNX model in which single modules are intercepted: recorded, replaced or shifted.

Every evaluation merges a fresh copy of the model; in it, the class of an intercepted module is exchanged for one that
answers calls with an interceptor. So parameters, attributes and the rest of the copy stay what they are, and nothing
reaches the model itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from bnverify.empirical.adapters.flax_normalization import check_call
from bnverify.errors import InputError

Path = tuple[Any, ...]


class Record:
    """Lets a module compute, and keeps what went in and out at every run of it, also inside compiled functions; and in
    which ``turn`` it was called."""

    _turns = count()

    def __init__(self, name: str):
        self.name = name
        self.values: list[tuple[np.ndarray, ...]] = []
        self.rest: tuple = ()
        self.named: dict[str, Any] = {}
        self.turn = 0
        self.refused: InputError | None = None

    def __call__(self, kind, module, y, *rest, **named):
        try:
            check_call(self.name, kind, module, rest, named)
        except InputError as error:
            if getattr(module, "axis_name", None) is not None:  # nothing computes that on one device
                raise
            self.refused = error
        self.rest, self.named, self.turn = rest, named, next(self._turns)
        z = kind.__call__(module, y, *rest, **named)
        dtypes = [jnp.asarray(value).dtype for value in (y, z)]

        def keep(*found):
            pairs = zip(found, dtypes, strict=True)
            self.values.append(tuple(np.asarray(each).view(dtype)[..., 0] for each, dtype in pairs))

        # As bytes, because the thread of a callback has its own idea of whether there is float64.
        jax.debug.callback(keep, *(jax.lax.bitcast_convert_type(value, jnp.uint8) for value in (y, z)))
        return z


class Replace:
    """Returns z, whatever goes in."""

    def __init__(self, z: Array):
        self.z = z

    def __call__(self, kind, module, y, *rest, **named):
        return self.z


class Shift:
    """Lets a module compute, and adds to what comes out."""

    def __init__(self, by: Array):
        self.by = by

    def __call__(self, kind, module, y, *rest, **named):
        return kind.__call__(module, y, *rest, **named) + self.by


def evaluate(structure: Any, loss: Callable, interceptors: Mapping[Path, Any], state: Any) -> Any:
    """The loss of a fresh copy of (model, args) with the modules at some paths intercepted."""
    model, args = nnx.merge(structure, state, copy=True)
    modules = {path: node for path, node in nnx.iter_graph(model) if path in interceptors}
    for path, interceptor in interceptors.items():
        kind: Any = type(modules[path])
        object.__setattr__(modules[path], "_interceptor", interceptor)
        object.__setattr__(modules[path], "__class__", _intercepted(kind))
    with jax.numpy_dtype_promotion("standard"):  # what Flax is written for
        return loss(model, *args)


@cache
def _intercepted(kind: Any) -> type:
    """The same class, but for calls, which go to the instance's interceptor. As an attribute the interceptor is part of
    what functions the user compiles are kept by, so none is taken over from another evaluation."""

    first = next(iter(list(inspect.signature(kind.__call__).parameters)[1:]), "x")

    def call(self, *args, **named):
        if not args and first in named:  # self.norm(x=h)
            args = (named.pop(first),)
        return self._interceptor(kind, self, *args, **named)

    return type(kind)(kind.__name__, (kind,), {"__call__": call, "__module__": kind.__module__})
