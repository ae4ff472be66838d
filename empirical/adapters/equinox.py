"""An Equinox model as it is, cut at every normalization.

    measured = measure_model(model, loss, x, labels)  # loss(model, x, labels): a scalar, with jax.vmap inside
    print(table(measured, judge(measured)))

In a copy of the model, modules that may be normalizations are exchanged for ones that report their calls. They are
called with a sample under `jax.vmap`; y is the whole batch all the same.
"""

from __future__ import annotations

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
    import equinox as eqx
except ImportError as error:
    raise InputError(
        got="no module equinox", expected="Equinox, for its models", advice="pip install 'bnverify[frameworks]'"
    ) from error

KINDS = (eqx.nn.BatchNorm, eqx.nn.LayerNorm, eqx.nn.RMSNorm, eqx.nn.GroupNorm)


def measure_model(
    model: Any, loss: Callable[..., Any], *args: Any, seed: int = 0, sampled: int = 2
) -> Sites:  # fmt: skip
    """All claims' quantities at every normalization of a model, by path as in "blocks.0.norm".

    ``loss(model, *args)`` is a scalar; among ``args`` may be an `equinox.nn.State`. ``sampled`` random vectors a site
    get Hessian-vector products of their own; ``seed`` draws them and the test vectors. What is not measured is in
    ``skipped`` of the result, with the reason.
    """
    found = [
        (_name(path), node)
        for path, node in jax.tree_util.tree_leaves_with_path(model, is_leaf=_candidate)
        if _candidate(node)
    ]
    reported: list[Calls] = []

    def evaluate(calls: Calls, given: Any) -> Any:
        def exchanged(path: Any, node: Any) -> Any:
            return _Reporting(node, _name(path), calls) if _candidate(node) else node

        reported.append(calls)
        copy, *rest = given
        return loss(jax.tree_util.tree_map_with_path(exchanged, copy, is_leaf=_candidate), *rest)

    out = measure_network(evaluate, (model, *args), seed=seed, sampled=sampled, what=type(model).__name__)
    called = {name for calls in reported for name in (*calls.by_name, *calls.skipped)}
    out.skipped |= {name: "it is not called" for name, node in found if name not in called and isinstance(node, KINDS)}
    return out


def _candidate(node: Any) -> bool:
    """Whether a module may be a normalization: one of Equinox's, or of another name with no such part."""
    if isinstance(node, KINDS):
        return True
    if not isinstance(node, eqx.Module) or not callable(node) or "norm" not in type(node).__name__.lower():
        return False
    parts = jax.tree.leaves(node, is_leaf=lambda each: isinstance(each, KINDS))
    return not any(isinstance(each, KINDS) for each in parts)


def _name(path: Any) -> str:
    parts = (str(getattr(key, "name", getattr(key, "idx", getattr(key, "key", key)))) for key in path)
    return ".".join(parts) or "model"


class _Reporting(eqx.Module):
    """A module in the place of another, which it calls and reports; all else is asked of that one."""

    module: Any
    name: str = eqx.field(static=True)
    calls: Calls = eqx.field(static=True)

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(self.module, attribute)

    def __call__(self, y: Any, *rest: Any, **named: Any) -> Any:
        module, name = self.module, self.name
        states = [each for each in rest if isinstance(each, eqx.nn.State)]
        arrays, static = eqx.partition(module, eqx.is_array)
        held = (arrays, [jax.tree.flatten(each)[0] for each in states])
        structures = [jax.tree.structure(each) for each in states]
        out = module(y, *rest, **named)
        z = out[0] if isinstance(out, tuple) else out
        named = {key: value for key, value in named.items() if key != "key"}
        inference = named.get("inference")
        inference = getattr(module, "inference", False) if inference is None else inference
        if arrays_in([each for each in rest if not isinstance(each, eqx.nn.State)], named):
            self.calls.refuse(name, "it is called with further arrays")
            return out
        if isinstance(module, eqx.nn.BatchNorm) and inference is True:
            self.calls.refuse(name, "it uses running statistics (inference mode)")
            return out
        how = _How(static, structures, len(rest), named, getattr(y, "ndim", 0))
        called = Called(
            type(module).__name__, type(module) in KINDS, -how.inner or -1, partial(_subject, name, how),
            partial(_running, how),
        )  # fmt: skip
        marked = self.calls(name, called, y, z, held)
        return (marked, *out[1:]) if isinstance(out, tuple) else marked


class _How:
    """How a module was called: its static part, states in their structure, and axes of one sample."""

    def __init__(self, static: Any, structures: list[Any], rest: int, named: dict[str, Any], inner: int):
        self.static, self.structures, self.rest, self.named, self.inner = static, structures, rest, named, inner

    def __call__(self, arrays: Any, states: Any, y: Any) -> Any:
        """What the module gives for a whole batch."""
        module = eqx.combine(arrays, self.static)
        if len(self.structures) < self.rest:
            raise InputError(got="further arguments of a call", expected="y and a state", advice="measure a cut")
        one: Any
        given = [jax.tree.unflatten(structure, each) for structure, each in zip(self.structures, states, strict=True)]
        levels = y.ndim - self.inner
        if not isinstance(module, eqx.nn.BatchNorm):
            one = partial(module, **self.named)
            for _ in range(levels):
                one = jax.vmap(one)
            return one(y, *given)
        axis: Any = module.axis_name
        one = partial(module, **self.named)
        mapped: Any = jax.vmap(one, axis_name=axis, in_axes=(0, None), out_axes=(0, None))
        return mapped(y, *given)


def _subject(name: str, how: _How, held: Any) -> JaxLayer:
    arrays, states = held
    inexact, others = eqx.partition(arrays, eqx.is_inexact_array)
    leaves, structure = jax.tree_util.tree_flatten_with_path(inexact)
    module = how.static
    attribute = next((each for each in EPSILONS if isinstance(getattr(module, each, None), float)), None)

    def call(y: Any, values: Any, _: float | None) -> Any:
        filled = jax.tree_util.tree_unflatten(structure, [values[_name(path)] for path, _ in leaves])
        kept = [
            [jnp.asarray(x, y.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x for x in state] for state in states
        ]
        out = how(eqx.combine(filled, others), kept, y)
        return out[0] if isinstance(out, tuple) else out

    return JaxLayer(
        name, call, {_name(path): np.asarray(leaf) for path, leaf in leaves},
        None if attribute is None else float(getattr(module, attribute)), framework="equinox", settable=False,
    )  # fmt: skip


def _running(how: _How, held: Any, y: np.ndarray) -> Running | None:
    """Of ``mode="batch"``: the decayed averages, before their start from zero is corrected for."""
    arrays, states = held
    module = how.static
    if not isinstance(module, eqx.nn.BatchNorm) or module.mode != "batch":
        return None
    index = eqx.combine(arrays, how.static).batch_state_index
    before = jax.tree.unflatten(how.structures[0], states[0]).get(index)
    _, after = how(arrays, states, jnp.asarray(y))
    return Running(1 - module.momentum, False, *map(np.asarray, before), *map(np.asarray, after.get(index)))
