"""Keras layers on its JAX backend, as functions of y and their parameters: copies of the layer in the type it is of, in
others what its configuration makes, where that is the same layer in its own.

Float64 is not among them: Keras takes means of it in float32 (``keras.ops.mean``), and its normalizations compute in
float32 whatever their dtype says.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from bnverify.empirical.conformance.jax_layer import JaxLayer, plain_jax
from bnverify.empirical.conformance.subject import (
    EPSILONS,
    Setting,
    Unsupported,
    drawn_statistic,
    earlier,
    modes,
)
from bnverify.errors import InputError

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras

from bnverify.empirical.conformance.keras_copy import called, copied, difference, layers, remade

DTYPES = ("float32", "bfloat16", "float16")
# What y and the parameters are in, and the policy of a layer that computes so.
_POLICIES = {(name, name): name for name in DTYPES} | {("bfloat16", "float32"): "mixed_bfloat16"}


def is_module(layer: Any) -> bool:
    """Whether it is a layer."""
    return isinstance(layer, keras.Layer)


def on_jax() -> None:
    """InputError where Keras computes with another backend."""
    if keras.backend.backend() != "jax":
        raise InputError(
            got=f"Keras on {keras.backend.backend()}", expected="Keras on JAX, whose derivatives are compared",
            advice="set KERAS_BACKEND=jax before keras is imported",
        )  # fmt: skip


@plain_jax()
def keras_layer(name: str, layer: Any, shape: tuple[int, ...], again: Any = None) -> JaxLayer:
    """The subject of a layer, whose statistics start where the layer has them."""
    on_jax()
    given = copied(name, layer, shape)
    own, refused = given.dtype_policy.name, _unlike(given, layer, shape)
    if refused and own != DTYPES[0]:
        raise InputError(
            got=f"{name}, which computes in {own}: {refused}", expected=f"a layer in {DTYPES[0]}, where all is seen",
            advice=f"make it with dtype={DTYPES[0]!r}, or let its get_config() have all its arguments",
        )  # fmt: skip
    parameters, state = ([np.asarray(each.value) for each in _variables(given, which)] for which in (True, False))
    names, statistics = (_keys(_variables(given, which)) for which in (True, False))
    attribute = next((each for each in EPSILONS if isinstance(getattr(given, each, None), float)), None)
    modal = bool(modes(given.call)[0]) or any("training" in modes(each.call)[0] for each in layers(given))

    def new(policy: str) -> Any:
        if policy == own:
            return copied(name, layer, shape)
        if refused:
            raise Unsupported(refused)
        return remade(layer, policy, shape)

    made = {types: given if policy == own else new(policy) for types, policy in _POLICIES.items()
            if policy == own or not refused}  # fmt: skip

    def applied(y: Any, arrays: Any, epsilon: float | None, held: Any, training: bool = True) -> tuple[Any, Any]:
        of = next((each.dtype.name for each in arrays.values()), y.dtype.name)
        one = made.get((y.dtype.name, of))
        if one is None:
            raise Unsupported(refused)
        stated = None if attribute is None else getattr(one, attribute)
        try:
            if epsilon is not None:
                setattr(one, str(attribute), epsilon)
            return called(one, y, [arrays[key] for key in names], held, **_flags(one, training))
        finally:
            if attribute is not None:
                setattr(one, attribute, stated)

    def call(y: Any, arrays: Any, epsilon: float | None) -> Any:
        return applied(y, arrays, epsilon, [jnp.asarray(value) for value in state])[0]

    def instance(setting: Setting) -> Any:
        one = new(_POLICIES[setting.dtype, setting.of_parameters])
        for variable, value in zip(_variables(one, False), state, strict=True):
            variable.assign(value)

        def as_users_do(y: Any, arrays: Any, training: bool) -> Any:
            for variable, key in zip(_variables(one, True), names, strict=True):
                variable.assign(arrays[key])
            return one(y, **_flags(one, training))

        return as_users_do

    def step(y: Any, arrays: Any, size: float) -> Any:
        start = [_start(key, value, y.dtype, size) for key, value in zip(statistics, state, strict=True)]
        before = applied(earlier(y), arrays, None, start)[1]
        after = applied(y, arrays, None, before)[1]
        kept = (dict(zip(statistics, each, strict=True)) for each in (start, before, after))

        def again(training: bool, y: Any, arrays: Any) -> Any:
            return applied(y, arrays, None, after, training)[0]

        return *kept, partial(again, False) if modal else None, partial(again, True), None

    moving = any(jnp.issubdtype(each.dtype, jnp.floating) for each in state)
    return JaxLayer(
        name, call, dict(zip(names, parameters, strict=True)), None if attribute is None else getattr(given, attribute),
        framework="keras", settable=attribute is not None, again=again, step=step if moving else None,
        momentum=getattr(given, "momentum", None), made=instance, dtypes=DTYPES,
    )  # fmt: skip


def _flags(layer: Any, training: bool) -> dict[str, bool]:
    """What tells the mode: Keras hands ``training`` to all layers in one, also where its own call does not take it."""
    return {"training": training, **modes(layer.call)[not training]}


def _start(key: str, value: np.ndarray, dtype: Any, size: float) -> Any:
    """Where a state starts: what is no number of the layer's type, as the seed of random numbers, where it is."""
    if not jnp.issubdtype(value.dtype, jnp.floating):
        return jnp.asarray(value)
    return jnp.asarray(drawn_statistic(key, value, size), dtype)


def _variables(layer: Any, trainable: bool) -> list[Any]:
    return layer.trainable_variables if trainable else layer.non_trainable_variables


def _keys(variables: list[Any]) -> list[str]:
    """Their names; where several have one, their paths, which are numbered where several have one, too."""
    names = [each.name for each in variables]
    keys: list[str] = []
    for each in variables:
        key = each.name if names.count(each.name) == 1 else each.path.replace("/", ".")
        count = sum(other.partition(" ")[0] == key for other in keys)
        keys.append(f"{key} ({count + 1})" if count else key)
    return keys


def _unlike(given: Any, layer: Any, shape: tuple[int, ...]) -> str:
    """Why what is made of the configuration of a layer is not that layer; "" where no difference is seen."""
    try:
        found = difference(given, remade(layer, given.dtype_policy.name, shape), shape)
    except Exception as error:
        return f"it is not made in another type by its get_config(): {type(error).__name__}: {error}"
    return f"what its get_config() makes {found}, and is not the layer in another type" if found else ""
