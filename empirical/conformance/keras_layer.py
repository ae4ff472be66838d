"""Keras layers on its JAX backend, as functions of y and their parameters: made anew in every dtype that is tried.

Float64 is not among them: Keras takes means of it in float32 (``keras.ops.mean``), and its normalizations compute in
float32 whatever their dtype says.
"""

from __future__ import annotations

import os
from typing import Any

import jax.numpy as jnp
import numpy as np

from bnverify.empirical.conformance.jax_layer import JaxLayer
from bnverify.empirical.conformance.subject import EPSILONS, Setting, drawn_statistic, earlier, modes
from bnverify.errors import InputError

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras

_DTYPES = ("float32", "bfloat16", "float16")
# What y and the parameters are in, and the policy of a layer that computes so.
_POLICIES = {(name, name): name for name in _DTYPES} | {("bfloat16", "float32"): "mixed_bfloat16"}


def is_module(layer: Any) -> bool:
    """Whether it is a layer."""
    return isinstance(layer, keras.Layer)


def keras_layer(name: str, layer: Any, shape: tuple[int, ...], again: Any = None) -> JaxLayer:
    """The subject of a layer, whose statistics start where the layer has them."""
    if keras.backend.backend() != "jax":
        raise InputError(
            got=f"Keras on {keras.backend.backend()}", expected="Keras on JAX, whose derivatives are compared",
            advice="set KERAS_BACKEND=jax before keras is imported",
        )  # fmt: skip
    if not layer.built:
        layer.build(shape)
    made = {types: _in_policy(name, layer, policy, shape) for types, policy in _POLICIES.items()}
    parameters, state = ([np.asarray(each) for each in _held(layer, which)] for which in (True, False))
    names, statistics = ([each.name for each in _variables(layer, which)] for which in (True, False))
    attribute = next((each for each in EPSILONS if isinstance(getattr(layer, each, None), float)), None)
    flag = modes(layer.call)[0]

    def applied(y: Any, given: Any, epsilon: float | None, held: Any, training: bool = True) -> tuple[Any, Any]:
        of = next((each.dtype.name for each in given.values()), y.dtype.name)
        one = made[y.dtype.name, of]
        stated = None if attribute is None else getattr(one, attribute)
        try:
            if epsilon is not None:
                setattr(one, str(attribute), epsilon)
            z, after = one.stateless_call([given[key] for key in names], held, y, **dict.fromkeys(flag, training))
        finally:
            if attribute is not None:
                setattr(one, attribute, stated)
        return z, after

    def call(y: Any, given: Any, epsilon: float | None) -> Any:
        return applied(y, given, epsilon, [jnp.asarray(value) for value in state])[0]

    def instance(setting: Setting) -> Any:
        one = _in_policy(name, layer, _POLICIES[setting.dtype, setting.of_parameters], shape)
        for variable, value in zip(_variables(one, False), state, strict=True):
            variable.assign(value)

        def called(y: Any, given: Any, training: bool) -> Any:
            for variable, key in zip(_variables(one, True), names, strict=True):
                variable.assign(given[key])
            return one(y, **dict.fromkeys(flag, training))

        return called

    def step(y: Any, given: Any) -> Any:
        start = [jnp.asarray(drawn_statistic(k, v), y.dtype) for k, v in zip(statistics, state, strict=True)]
        before = applied(earlier(y), given, None, start)[1]
        after = applied(y, given, None, before)[1]
        kept = (dict(zip(statistics, each, strict=True)) for each in (start, before, after))
        infer, train = (lambda y, training=mode: applied(y, given, None, after, training)[0] for mode in (False, True))
        return *kept, infer if flag else None, train, None

    moving = bool(state) and all(np.issubdtype(each.dtype, np.floating) for each in state)
    subject = JaxLayer(
        name, call, dict(zip(names, parameters, strict=True)), None if attribute is None else getattr(layer, attribute),
        framework="keras", settable=attribute is not None, again=again, step=step if moving else None,
        momentum=getattr(layer, "momentum", None), made=instance,
    )  # fmt: skip
    subject.dtypes = _DTYPES
    return subject


def _variables(layer: Any, trainable: bool) -> list[Any]:
    return layer.trainable_variables if trainable else layer.non_trainable_variables


def _held(layer: Any, trainable: bool) -> list[Any]:
    return [each.value for each in _variables(layer, trainable)]


def _in_policy(name: str, layer: Any, policy: str, shape: tuple[int, ...]) -> Any:
    """A layer of the same arguments that computes in another dtype."""
    try:
        made = type(layer).from_config({**layer.get_config(), "dtype": policy})
    except Exception as error:
        raise InputError(
            got=f"{name}, which is not made again from its get_config() ({type(error).__name__}: {error})",
            expected="a layer whose get_config() has all its arguments, dtype among them",
            advice="define get_config and pass **kwargs to Layer.__init__",
        ) from error
    made.build(shape)
    return made
