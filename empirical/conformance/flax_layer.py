"""Flax modules, NNX and Linen, as functions of y and their parameters."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx, traverse_util

from bnverify.empirical.conformance.jax_layer import JaxLayer, plain_jax
from bnverify.empirical.conformance.subject import EPSILONS, Setting, drawn_statistic, earlier, modes


def is_module(layer: Any) -> bool:
    """Whether it is a module of either kind."""
    return isinstance(layer, (nnx.Module, linen.Module))


def flax_layer(name: str, module: Any, shape: tuple[int, ...], again: Any = None) -> JaxLayer:
    """The subject of a module."""
    make = _linen if isinstance(module, linen.Module) else _nnx
    return make(name, module, shape, again)


def _nnx(name: str, module: nnx.Module, shape: tuple[int, ...], again: Any) -> JaxLayer:
    structure, state = nnx.split(module)
    flat = dict(nnx.to_flat_state(state))
    names = {".".join(map(str, path)): path for path, each in flat.items() if isinstance(each, nnx.Param)}
    statistics = {".".join(map(str, path)): path for path, each in flat.items() if isinstance(each, nnx.BatchStat)}
    attribute = next((each for each in EPSILONS if isinstance(getattr(module, each, None), float)), None)
    taken = inspect.signature(module.__call__).parameters  # where None stands for a mode, `train` and `eval` set it
    modal = [{k: v for k, v in each.items() if taken[k].default is not None} for each in modes(module.__call__)]

    def merged(
        parameters: Any, epsilon: float | None, training: bool, dtype: Any, size: float | None = None
    ) -> nnx.Module:
        values = dict(flat)
        for key, path in names.items():
            if key in parameters:
                values[path] = flat[path].replace(parameters[key])
        for key, path in statistics.items():
            value = flat[path][...] if size is None else drawn_statistic(key, flat[path][...], size)
            values[path] = flat[path].replace(jnp.asarray(value, dtype))
        made = nnx.merge(structure, nnx.from_flat_state(values), copy=True)
        (made.train if training else made.eval)()
        if epsilon is not None:
            setattr(made, str(attribute), epsilon)
        return made

    def call(y: Any, parameters: Any, epsilon: float | None) -> Any:
        return merged(parameters, epsilon, True, y.dtype)(y, **modal[0])

    def made(setting: Setting) -> Any:
        one = merged({}, None, True, setting.dtype)

        def called(y: Any, parameters: Any, training: bool) -> Any:
            (one.train if training else one.eval)()
            nnx.update(one, nnx.from_flat_state({path: flat[path].replace(parameters[k]) for k, path in names.items()}))
            return one(y, **modal[not training])

        return called

    def step(y: Any, parameters: Any, size: float) -> Any:
        made = merged(parameters, None, True, y.dtype, size)
        kept = [_statistics(made)]
        for each in (earlier(y), y):
            made(each, **modal[0])
            kept.append(_statistics(made))

        structure, state = nnx.split(made)

        def again(training: bool, y: Any, parameters: Any) -> Any:
            one = nnx.merge(structure, state, copy=True)
            nnx.update(one, nnx.from_flat_state({path: flat[path].replace(parameters[k]) for k, path in names.items()}))
            (one.train if training else one.eval)()
            return one(y, **modal[not training])

        return *kept, partial(again, False), partial(again, True), None

    def _statistics(made: nnx.Module) -> dict[str, Any]:
        found = dict(nnx.to_flat_state(nnx.state(made, nnx.BatchStat)))
        return {".".join(map(str, path)): each[...] for path, each in found.items()}

    return JaxLayer(
        name, call, {key: np.asarray(flat[path][...], float) for key, path in names.items()},
        None if attribute is None else float(getattr(module, attribute)), framework="nnx",
        settable=attribute is not None,
        again=again, step=step if statistics else None, momentum=getattr(module, "momentum", None), made=made,
    )  # fmt: skip


def _of_type(leaf: Any, value: Any, dtype: Any) -> Any:
    """A value of a state in a type; what is no number of a layer's, as a counter, as it is."""
    return jnp.asarray(value, dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else jnp.asarray(leaf)


def _linen(name: str, module: Any, shape: tuple[int, ...], again: Any) -> JaxLayer:
    training, inference = modes(module.__call__)
    if "use_running_average" in training and getattr(module, "use_running_average", None) is not None:
        module = module.clone(use_running_average=None)
    with plain_jax():
        variables = dict(module.init(jax.random.key(0), jnp.zeros(shape), **training))
    parameters = traverse_util.flatten_dict(variables.pop("params", {}), sep=".")
    attribute = next((each for each in EPSILONS if isinstance(getattr(module, each, None), float)), None)

    def applied(y: Any, given: Any, epsilon: float | None, rest: Any, named: dict[str, bool]) -> Any:
        one = module if epsilon is None else module.clone(**{str(attribute): epsilon})
        rest = jax.tree.map(lambda leaf: _of_type(leaf, leaf, y.dtype), rest)
        tree = {"params": traverse_util.unflatten_dict(dict(given), sep="."), **rest}
        return one.apply(tree, y, mutable=list(rest), **named)

    def call(y: Any, given: Any, epsilon: float | None) -> Any:
        return applied(y, given, epsilon, variables, training)[0]

    def made(setting: Setting) -> Any:
        held = variables

        def called(y: Any, given: Any, mode: bool) -> Any:
            nonlocal held
            z, held = applied(y, given, None, held, training if mode else inference)
            return z

        return called

    def step(y: Any, given: Any, size: float) -> Any:
        flat = traverse_util.flatten_dict(dict(variables), sep=".")
        drawn = {k: _of_type(v, drawn_statistic(k, v, size), y.dtype) for k, v in flat.items()}
        before = applied(earlier(y), given, None, traverse_util.unflatten_dict(drawn, sep="."), training)[1]
        after = applied(y, given, None, before, training)[1]
        return (
            drawn, *(traverse_util.flatten_dict(dict(each), sep=".") for each in (before, after)),
            (lambda y, given: applied(y, given, None, after, inference)[0]) if inference else None,
            lambda y, given: applied(y, given, None, after, training)[0], None,
        )  # fmt: skip

    return JaxLayer(
        name, call, {key: np.asarray(value, float) for key, value in parameters.items()},
        None if attribute is None else float(getattr(module, attribute)), framework="linen",
        settable=attribute is not None, again=again, step=step if "batch_stats" in variables else None,
        made=made if variables else None, momentum=getattr(module, "momentum", None),
    )  # fmt: skip
