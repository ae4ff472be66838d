"""Keras layers as they were given: copies attribute by attribute, which need not be built, nor tell all to get_config.

Keras copies a layer by its ``get_config()``: what an attribute set later, or an argument that is not in there, does is
lost, and what such a copy gives is not what the layer gives. It is used in the types that a layer is not of, where
`difference` finds none.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import partial
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bnverify.empirical.conformance.arithmetic import source
from bnverify.errors import InputError

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
from keras.src.utils.tracking import DotNotTrackScope

_OBJECTS = (keras.Operation, keras.Metric, keras.Loss, keras.optimizers.Optimizer)  # what Keras copies by get_config
_OWN = (*_OBJECTS, keras.Variable)
_SIZES = (0, -20, 20)  # powers of two: epsilon is seen where y is small


@contextlib.contextmanager
def _own_random() -> Iterator[None]:
    """Seeds that a new layer draws are not taken from those of the session."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@_own_random()
def copied(name: str, layer: Any, shape: tuple[int, ...]) -> Any:
    """A layer of the same attributes, built for a shape where the given one is not; the given stays as it is."""
    held = _reached(layer, _graph(layer))
    objects = [each for each in held if isinstance(each, _OBJECTS)]
    closures = [each for each in held if isinstance(each, FunctionType) and _closes_over_own(each)]
    memo: dict[int, Any] = {id(each): each for each in held if isinstance(each, ModuleType)}
    memo |= {id(each): [] for each in _graph(layer)} | {id(each): object.__new__(type(each)) for each in objects}
    cells = {id(cell): CellType() for each in closures for cell in _cells(each)}
    memo |= {id(each): _with_cells(each, tuple(cells[id(cell)] for cell in _cells(each))) for each in closures}
    with DotNotTrackScope():  # what enters a list of a copy is in its tracker already
        for each in (*objects, *closures):
            vars(memo[id(each)]).update({key: _copy(value, memo) for key, value in vars(each).items()})
        for cell in (cell for each in closures for cell in _cells(each) if _filled(cell)):
            cells[id(cell)].cell_contents = _copy(cell.cell_contents, memo)
    for tracker in (vars(memo[id(each)]).get("_tracker") for each in objects):
        for kind, (_, stored) in getattr(tracker, "config", {}).items():
            tracker.stored_ids[kind] = {id(each) for each in stored}
    own = {id(each) for each in held if isinstance(each, _OWN)}
    if any(id(each) in own for each in _reached(memo[id(layer)])):
        raise InputError(
            got=f"{name}, which holds something that refers to it and is not copied (a default of a function, say)",
            expected="a layer that can be copied, as calls change it", advice="let call() find it in self",
        )  # fmt: skip
    return _built(memo[id(layer)], shape)


@_own_random()
def remade(layer: Any, policy: str, shape: tuple[int, ...]) -> Any:
    """What the arguments of a layer, as its configuration tells them, make where it computes in another type."""
    return _built(type(layer).from_config({**layer.get_config(), "dtype": policy}), shape)


def _built(layer: Any, shape: tuple[int, ...]) -> Any:
    """The layer with its variables and those of layers in it, which a first call makes where ``build`` does not."""
    if not layer.built and type(layer).build is not keras.Layer.build:
        layer.build(shape)
    if not all(each.built for each in layers(layer)):
        layer(keras.KerasTensor(shape, layer.compute_dtype))
    return layer


def layers(layer: Any) -> list[Any]:
    """The layer and those in it."""
    return [each for each in _reached(layer, _graph(layer)) if isinstance(each, keras.Layer)]


def called(layer: Any, y: Any, given: Any, state: Any, **flags: bool) -> tuple[Any, list[Any]]:
    """z and the state after, of a layer whose variables have other values, called as Keras calls it."""
    mapping = [*zip(layer.trainable_variables, given, strict=True)]
    mapping += zip(layer.non_trainable_variables, state, strict=True)
    with keras.StatelessScope(mapping) as scope:
        z = layer(y, **flags)
        return z, [scope.get_current_value(each) for each in layer.non_trainable_variables]


def difference(one: Any, other: Any, shape: tuple[int, ...]) -> str:
    """What two layers of one type differ in: attributes, values, state or gradients; "" where nothing is seen."""
    mine, its = ([_attributes(each) for each in layers(layer)] for layer in (one, other))
    if len(mine) != len(its):
        return "has other layers in it"
    names = sorted({key for a, b in zip(mine, its, strict=True) for key in {*a, *b} if a.get(key) != b.get(key)})
    if names:
        return f"has another {', '.join(names)}"
    if _kinds(one) != _kinds(other):
        return "has other variables"
    try:
        pairs = zip(_seen(one, one, shape), _seen(other, one, shape), strict=True)
        return "" if all(np.array_equal(*pair, equal_nan=True) for pair in pairs) else "gives other values"
    except Exception as error:
        return f"cannot be compared with it ({type(error).__name__})"


def _kinds(layer: Any) -> list[list[Any]]:
    both = layer.trainable_variables, layer.non_trainable_variables
    return [[(each.shape, each.dtype) for each in variables] for variables in both]


def _seen(layer: Any, of: Any, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Values, state and gradients in both modes, small y and large, with the state of another layer."""
    drawn = source(13)
    y, g = (jnp.asarray(drawn.standard_normal(shape), layer.compute_dtype) for _ in range(2))
    given = [jnp.asarray(drawn.uniform(0.5, 1.5, each.shape), each.dtype) for each in layer.trainable_variables]
    state = [each.value for each in of.non_trainable_variables]
    for training in (True, False):
        for k in _SIZES:
            run = partial(called, layer, state=state, training=training)
            z, back, after = jax.vjp(run, y * 2.0**k, given, has_aux=True)
            for each in jax.tree.leaves((z, after, back(g.astype(z.dtype)))):
                yield np.asarray(each, float)


def _attributes(layer: Any) -> dict[str, Any]:
    """What a class of one's own keeps in a layer, as far as that compares."""
    usual = vars(keras.Layer())
    return {key: _plain(value) for key, value in vars(layer).items() if key not in usual}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return getattr(value, "__qualname__", type(value).__qualname__)


def _graph(layer: Any) -> list[list]:
    """How it is placed in a model, which is no part of it."""
    return [getattr(layer, key, []) for key in ("_inbound_nodes", "_outbound_nodes")]


def _reached(root: Any, without: Sequence[list] = ()) -> list[Any]:
    """All that an object holds; of a function what it closes over, not what its module has."""
    seen, found, todo = {id(each) for each in without}, [], [root]
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        found.append(each)
        if isinstance(each, FunctionType):
            todo += [each.__dict__, each.__kwdefaults__, each.__defaults__, each.__closure__]
        elif not isinstance(each, (type, ModuleType, CodeType)):
            todo += reversed(gc.get_referents(each))
    return found


def _closes_over_own(function: FunctionType) -> bool:
    return bool(_cells(function)) and any(isinstance(each, _OWN) for each in _reached(function))


def _cells(function: FunctionType) -> tuple[CellType, ...]:
    return function.__closure__ or ()


def _with_cells(function: FunctionType, cells: tuple[CellType, ...]) -> FunctionType:
    new = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, cells)
    new.__kwdefaults__, new.__qualname__ = function.__kwdefaults__, function.__qualname__
    return new


def _filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _copy(value: Any, memo: dict[int, Any]) -> Any:
    """A deep copy; the value itself where there is none, as of a lock."""
    try:
        return deepcopy(value, memo)
    except Exception:
        return value
