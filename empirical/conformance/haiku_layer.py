"""Haiku modules, which live inside transformed functions only: a class with its arguments, or a function of y that
makes modules, as a function of y and the parameters."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from bnverify.empirical.conformance.jax_layer import JaxLayer, plain_jax
from bnverify.empirical.conformance.subject import EPSILONS, Setting, drawn_statistic, earlier, modes
from bnverify.errors import InputError


def haiku_layer(
    name: str, layer: Any, args: tuple, keywords: Mapping[str, Any], shape: tuple[int, ...], resizable: bool = True
) -> JaxLayer:
    """The subject of a class (made with the arguments inside a transform), or of a function that makes modules."""
    if isinstance(layer, hk.Module):
        raise InputError(
            got=f"{name}, an instance", expected="a class of Haiku with its arguments, or a function of y",
            advice="pass the class: conforms(haiku.LayerNorm, -1, True, True, shape=(32, 8))",
        )  # fmt: skip
    made = inspect.isclass(layer)
    taken = inspect.signature(layer).parameters if made else {}
    epsilon_name = next((each for each in EPSILONS if each in taken), None)
    stated = keywords.get(str(epsilon_name), taken[epsilon_name].default) if epsilon_name else None
    modal = modes(layer.__call__, 2) if made else modes(layer, 1 + len(args), keywords)

    def transformed(epsilon: float | None, flag: bool = True) -> Any:
        def function(y: Any) -> Any:
            if not made:
                return layer(y, *args, **keywords, **modal[not flag])
            extra = dict(keywords) if epsilon is None else {**keywords, str(epsilon_name): epsilon}
            return layer(*args, **extra)(y, **modal[not flag])

        return hk.transform_with_state(function)

    with plain_jax():
        start, state = transformed(None).init(jax.random.key(0), jnp.zeros(shape))
    flat = {f"{module}.{key}": value for module, own in start.items() for key, value in own.items()}

    def tree(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        return {module: {key: parameters[f"{module}.{key}"] for key in own} for module, own in start.items()}

    def cast(dtype: Any) -> Any:
        return jax.tree.map(lambda x: jnp.asarray(x, dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, state)

    def call(y: Any, parameters: Any, epsilon: float | None) -> Any:
        return transformed(epsilon).apply(tree(parameters), cast(y.dtype), None, y)[0]

    def instance(setting: Setting) -> Any:
        held = cast(setting.dtype)

        def called(y: Any, parameters: Any, mode: bool) -> Any:
            nonlocal held
            z, held = transformed(None, mode).apply(tree(parameters), held, None, y)
            return z

        return called

    def step(y: Any, parameters: Any, size: float) -> Any:
        states = [{
            module: {key: jnp.asarray(drawn_statistic(module, value, size), y.dtype) if key == "hidden" else value
                     for key, value in own.items()}
            for module, own in cast(y.dtype).items()
        }]  # fmt: skip
        for each in (earlier(y), y):
            states.append(transformed(None).apply(tree(parameters), states[-1], None, each)[1])
        after = states[-1]

        def named(each: Any, which: str) -> dict[str, Any]:
            return {module: own[which] for module, own in each.items() if which in own}

        def later(flag: bool, y: Any, parameters: Any) -> Any:
            return transformed(None, flag).apply(tree(parameters), after, None, y)[0]

        infer = partial(later, False) if modal[1] else None
        return *(named(each, "hidden") for each in states), infer, partial(later, True), named(after, "average")

    decay = keywords.get("decay_rate")
    return JaxLayer(
        name, call, {key: np.asarray(value, float) for key, value in flat.items()},
        float(stated) if isinstance(stated, (int, float)) else None, framework="haiku",
        settable=epsilon_name is not None, step=step if state else None, momentum=decay,
        made=instance if state else None,
        again=(lambda old, new: haiku_layer(
            name, layer, args, keywords, tuple(new if n == old else n for n in shape), False
        )) if resizable else None,
    )  # fmt: skip
