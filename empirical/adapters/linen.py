"""A Flax Linen network as it is, cut at every normalization.

    measured = measure_model(variables, loss, x, labels)  # loss(variables, x, labels): a scalar that calls model.apply
    print(table(measured, judge(measured)))

Calls are seen by `flax.linen.intercept_methods`, so the loss may apply any module, also several, and compiled ones.
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
from bnverify.empirical.conformance.subject import EPSILONS
from bnverify.empirical.measurement.cut import Running
from bnverify.errors import InputError

try:
    from flax import linen, traverse_util
except ImportError as error:
    raise InputError(
        got="no module flax", expected="Flax, for its Linen modules", advice="pip install 'bnverify[flax]'"
    ) from error

KINDS = (linen.BatchNorm, linen.LayerNorm, linen.RMSNorm, linen.GroupNorm, linen.InstanceNorm)


def measure_model(
    variables: Any, loss: Callable[..., Any], *args: Any, seed: int = 0, sampled: int = 2
) -> Sites:  # fmt: skip
    """All claims' quantities at every normalization that the loss calls, by path as in "blocks_0.norm".

    ``loss(variables, *args)`` is a scalar; ``variables`` are what it gives to ``model.apply``, with parameters and
    running statistics. ``sampled`` random vectors a site get Hessian-vector products of their own; ``seed`` draws them
    and the test vectors. What is not measured is in ``skipped`` of the result, with the reason.
    """

    def evaluate(calls: Calls, given: Any) -> Any:
        with linen.intercept_methods(partial(_intercepted, calls)):
            return loss(*given)

    return measure_network(evaluate, (variables, *args), seed=seed, sampled=sampled, what="a loss")


def _intercepted(calls: Calls, inner: Callable, args: tuple, named: dict[str, Any], context: Any) -> Any:
    module, own = context.module, isinstance(context.module, KINDS)
    if context.method_name != "__call__" or not (own or "norm" in type(module).__name__.lower()):
        return inner(*args, **named)
    held = jax.tree.map(lambda leaf: leaf, dict(module.variables))
    z = inner(*args, **named)
    given = dict(list(inspect.signature(type(module).__call__).bind(module, *args, **named).arguments.items())[1:])
    y = given.pop(next(iter(given)), None) if given else None
    name = ".".join(module.path) or type(module).__name__
    running = given.get("use_running_average")
    running = getattr(module, "use_running_average", None) if running is None else running
    if arrays_in(given):
        calls.refuse(name, f"it is called with an array as {', '.join(k for k, v in given.items() if arrays_in(v))}")
    elif isinstance(module, linen.BatchNorm) and running:
        calls.refuse(name, "it uses running statistics (inference mode)")
    elif getattr(module, "axis_name", None) is not None:
        calls.refuse(name, f"its statistics are over the devices of the axis {module.axis_name!r}")
    else:
        plain = module.clone(parent=None, name=None)
        own_call = Called(
            type(module).__name__, type(module) in KINDS, -1, partial(_subject, name, plain, given),
            partial(_running, plain, given),
        )  # fmt: skip
        return calls(name, own_call, y, z, held)
    return z


def _applied(module: Any, given: dict[str, Any], held: Any, y: Any) -> tuple[Any, Any]:
    rest = [each for each in held if each != "params"]
    return module.apply(held, y, mutable=rest, **given)


def _subject(name: str, module: Any, given: dict[str, Any], held: Any) -> JaxLayer:
    parameters = traverse_util.flatten_dict(dict(held.get("params", {})), sep=".")
    others = {key: value for key, value in held.items() if key != "params"}
    attribute = next((each for each in EPSILONS if isinstance(getattr(module, each, None), float)), None)

    def call(y: Any, values: Any, epsilon: float | None) -> Any:
        one = module if epsilon is None else module.clone(**{str(attribute): epsilon})
        kept = jax.tree.map(lambda leaf: jnp.asarray(leaf, y.dtype), others)
        tree = {"params": traverse_util.unflatten_dict(dict(values), sep="."), **kept}
        return _applied(one, given, tree, y)[0]

    return JaxLayer(
        name, call, {key: np.asarray(value) for key, value in parameters.items()},
        None if attribute is None else float(getattr(module, attribute)), framework="linen",
        settable=attribute is not None,
    )  # fmt: skip


def _running(module: Any, given: dict[str, Any], held: Any, y: np.ndarray) -> Running | None:
    before = held.get("batch_stats")
    if not isinstance(module, linen.BatchNorm) or before is None:
        return None
    after = _applied(module, given, held, jnp.asarray(y))[1]["batch_stats"]
    values = (np.asarray(each[name]) for each in (before, after) for name in ("mean", "var"))
    return Running(1 - module.momentum, False, *values)
