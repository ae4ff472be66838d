"""Equinox modules, which take one sample, as functions of a batch and their parameters."""

from __future__ import annotations

import copy
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from bnverify.empirical.conformance.jax_layer import JaxLayer
from bnverify.empirical.conformance.subject import EPSILONS, Setting, drawn_statistic, earlier
from bnverify.errors import InputError


def is_module(layer: Any) -> bool:
    """Whether it is a module."""
    return isinstance(layer, eqx.Module)


def equinox_layer(name: str, module: Any, shape: tuple[int, ...], again: Any = None) -> JaxLayer:
    """The subject of a module that is given a sample, a position, or (of one's own) the batch as it is: the first of
    these that it takes. Batch norm is mapped over samples with its axis name, from its initial state."""
    arrays, static = eqx.partition(module, eqx.is_inexact_array)
    leaves, structure = jax.tree_util.tree_flatten_with_path(arrays)
    stateful = hasattr(module, "axis_name")
    own = {_path(path): leaf for path, leaf in leaves if not (stateful and "state" in _path(path))}
    attribute = next((each for each in EPSILONS if isinstance(getattr(module, each, None), float)), None)

    def made(parameters: Any, epsilon: float | None, inference: bool = False) -> Any:
        values = [parameters.get(_path(path), leaf) for path, leaf in leaves]
        one = eqx.combine(jax.tree_util.tree_unflatten(structure, values), static)
        if stateful and inference:
            one = eqx.nn.inference_mode(one)
        if epsilon is not None:
            one = copy.copy(one)
            object.__setattr__(one, str(attribute), epsilon)  # a static field of a module that is this function's own
        return one

    def batched(y: Any, parameters: Any, epsilon: float | None, state: Any = None, inference: bool = False) -> Any:
        one = made(parameters, epsilon, inference)
        if stateful:
            mapped = jax.vmap(one, axis_name=module.axis_name, in_axes=(0, None), out_axes=(0, None))
            return mapped(y, state)
        for _ in range(levels):
            one = jax.vmap(one)
        return one(y)

    levels = 0

    def initial(dtype: Any) -> Any:
        if not stateful:
            return None

        def cast(leaf: Any) -> Any:
            if eqx.is_inexact_array(leaf):
                return jnp.asarray(leaf, dtype)
            weak = eqx.is_array(leaf) and leaf.weak_type  # a counter, which has the width of the session
            return jnp.asarray(int(leaf)) if weak and leaf.ndim == 0 else leaf

        return jax.tree.map(cast, eqx.nn.State(module))

    def call(y: Any, parameters: Any, epsilon: float | None) -> Any:
        out = batched(y, parameters, epsilon, initial(y.dtype))
        return out[0] if stateful else out

    def index() -> Any:
        return module.ema_state_index if module.mode == "ema" else module.batch_state_index

    def statistics(state: Any) -> dict[str, Any]:
        return dict(zip(("mean", "variance"), state.get(index()), strict=True))

    def instance(setting: Setting) -> Any:
        held = initial(setting.dtype)

        def called(y: Any, parameters: Any, training: bool) -> Any:
            nonlocal held
            z, held = batched(y, parameters, None, held, not training)
            return z

        return called

    def step(y: Any, parameters: Any, size: float) -> Any:
        start = initial(y.dtype)
        drawn = {
            name: jnp.asarray(drawn_statistic(name, value, size), y.dtype) for name, value in statistics(start).items()
        }
        start = start.set(index(), tuple(drawn.values()))
        before = batched(earlier(y), parameters, None, start)[1]
        between = statistics(before)  # a state is used up by the call it is given to
        after = batched(y, parameters, None, before)[1]
        kept = statistics(after)
        corrected = 1.0 if module.mode == "ema" else 1 - module.momentum**2  # of batch mode, for its start from zero
        return (
            drawn, between, kept, lambda y, parameters: batched(y, parameters, None, after, True)[0],
            lambda y, parameters: batched(y, parameters, None, after)[0], {k: v / corrected for k, v in kept.items()},
        )  # fmt: skip

    if not stateful:
        levels = _levels(name, module, shape)
    return JaxLayer(
        name, call, {key: np.asarray(value, float) for key, value in own.items()},
        None if attribute is None else float(getattr(module, attribute)), framework="equinox",
        settable=attribute is not None, again=again, step=step if stateful else None,
        made=instance if stateful else None,
    )  # fmt: skip


def _levels(name: str, module: Any, shape: tuple[int, ...]) -> int:
    """Over how many leading axes the module is mapped: one sample at a time first, then positions, then none."""
    reasons = []
    for levels in (1, *range(2, len(shape)), 0):
        one = module
        for _ in range(levels):
            one = jax.vmap(one)
        try:
            found = jax.eval_shape(one, jax.ShapeDtypeStruct(shape, jnp.float32))
        except Exception as error:
            reasons.append(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
            continue
        if getattr(found, "shape", None) == shape:
            return levels
    raise InputError(
        got=f"{name} on activations of shape {shape}: {reasons[0] if reasons else 'another shape comes out'}",
        expected="a module of one sample, or of one position", advice="pass the --shape that it is made for",
    )  # fmt: skip


def _path(path: Any) -> str:
    return jax.tree_util.keystr(path).lstrip(".")
