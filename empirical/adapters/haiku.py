"""A Haiku network as it is, cut at every normalization.

    measured = measure_model(params, loss, state, x, labels)  # loss(params, state, x, labels): calls network.apply
    print(table(measured, judge(measured)))

Calls are seen by `haiku.intercept_methods`, so the loss may apply any transformed function, also a compiled one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bnverify.empirical.adapters.jax_network import Called, Calls, arrays_in, measure_network
from bnverify.empirical.adapters.reading import Sites
from bnverify.empirical.conformance.jax_layer import JaxLayer
from bnverify.empirical.measurement.cut import Running
from bnverify.errors import InputError

try:
    import haiku as hk
except ImportError as error:
    raise InputError(
        got="no module haiku", expected="Haiku, for its networks", advice="pip install 'bnverify[frameworks]'"
    ) from error

KINDS = (hk.BatchNorm, hk.LayerNorm, hk.RMSNorm, hk.GroupNorm, hk.InstanceNorm)


def measure_model(
    params: Any, loss: Callable[..., Any], *args: Any, seed: int = 0, sampled: int = 2
) -> Sites:  # fmt: skip
    """All claims' quantities at every normalization that the loss calls, by the module's name as in "network/~/norm".

    ``loss(params, *args)`` is a scalar; among ``args`` may be the state and a key, as ``network.apply`` wants them.
    ``sampled`` random vectors a site get Hessian-vector products of their own; ``seed`` draws them and the test
    vectors. What is not measured is in ``skipped`` of the result, with the reason.
    """

    def evaluate(calls: Calls, given: Any) -> Any:
        with hk.intercept_methods(partial(_intercepted, calls)):
            return loss(*given)

    return measure_network(evaluate, (params, *args), seed=seed, sampled=sampled, what="a loss")


def _intercepted(calls: Calls, inner: Callable, args: tuple, named: dict[str, Any], context: Any) -> Any:
    module, own = context.module, isinstance(context.module, KINDS)
    if context.method_name != "__call__" or not (own or "norm" in type(module).__name__.lower()):
        return inner(*args, **named)
    held = tuple(_copied(each) for each in (module.params_dict(), module.state_dict()))
    z = inner(*args, **named)
    bound = inspect.signature(type(module).__call__).bind(module, *args, **named).arguments
    given = dict(list(bound.items())[1:])
    y = given.pop(next(iter(given)), None) if given else None
    name = module.module_name
    if arrays_in(given):
        calls.refuse(name, f"it is called with an array as {', '.join(k for k, v in given.items() if arrays_in(v))}")
    elif given.get("is_training") is False and not given.get("test_local_stats"):
        calls.refuse(name, "it uses running statistics (inference mode)")
    elif getattr(module, "cross_replica_axis", None) is not None:
        calls.refuse(name, f"its statistics are over the devices of the axis {module.cross_replica_axis!r}")
    else:
        channel = getattr(module, "channel_index", -1)
        called = Called(
            type(module).__name__, type(module) in KINDS, channel, partial(_subject, module, given),
            partial(_running, module, given),
        )  # fmt: skip
        return calls(name, called, y, z, held)
    return z


def _copied(flat: Any) -> dict[str, Any]:
    """ "module/name" to array, as Haiku lists what a module and its parts hold."""
    return dict(flat)


def _tree(flat: dict[str, Any]) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for key, value in flat.items():
        module, _, name = key.rpartition("/")
        out.setdefault(module, {})[name] = value
    return out


def _applied(module: Any, given: dict[str, Any], params: dict, state: dict, y: Any) -> tuple[Any, Any]:
    """The module called again inside of a transformed function of its own; its names lead to the same parameters."""
    return hk.transform_with_state(lambda y: module(y, **given)).apply(_tree(params), _tree(state), None, y)


def _subject(module: Any, given: dict[str, Any], held: Any) -> JaxLayer:
    params, state = held
    epsilon = getattr(module, "eps", None)

    def call(y: Any, values: Any, _: float | None) -> Any:
        kept = {
            key: jnp.asarray(value, y.dtype) if jnp.issubdtype(value.dtype, jnp.floating) else value
            for key, value in state.items()
        }
        return _applied(module, given, values, kept, y)[0]

    return JaxLayer(
        module.module_name, call, {key: np.asarray(value) for key, value in params.items()},
        float(epsilon) if isinstance(epsilon, (int, float)) else None, framework="haiku", settable=False,
    )  # fmt: skip


def _running(module: Any, given: dict[str, Any], held: Any, y: np.ndarray) -> Running | None:
    """Of the decayed averages, before their start from zero is corrected for."""
    params, state = held
    if not isinstance(module, hk.BatchNorm) or not state or not given.get("is_training"):
        return None
    after = _applied(module, given, params, state, jnp.asarray(y))[1]
    names = [f"{module.module_name}/~/{which}_ema" for which in ("mean", "var")]
    before, after = (
        [np.ravel(tree[name]["hidden"]) for name in names] for tree in (_tree(state), jax.tree.map(jnp.asarray, after))
    )
    return Running(1 - float(module.mean_ema.decay), False, *before, *after)
