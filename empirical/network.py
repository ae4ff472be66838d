"""Cuttable networks: a network is a sequence of stages, and can be cut before any of them.

``prefix(j)`` computes the value that enters stage j, ``suffix(j)`` the output from that value; both are plain
functions of the parameters, so gradients and Hessians with respect to a layer's output are `grad` and `jvp` of a
suffix, and inserting a normalisation is prefix, normalisation, suffix. No hooks, no state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from empirical.errors import InputError
from empirical.normalization import batch_norm, batch_statistics, inference_norm

Parameters = dict[str, dict[str, Array]]


@dataclass(frozen=True)
class Stage:
    """One step of a network: ``apply(params, x)`` with ``params = init(key, input_shape, dtype)``."""

    name: str
    apply: Callable[[Any, Array], Array]
    init: Callable[[PRNGKeyArray, tuple[int, ...], Any], dict[str, Array]] = lambda key, shape, dtype: {}


@dataclass(frozen=True)
class NormStage(Stage):
    """A batch normalisation with parameters gamma and beta; ``epsilon`` is needed by measurements."""

    epsilon: float = 1e-5


def norm_stage(name: str, epsilon: float) -> NormStage:
    """Batch normalisation in training mode, gamma = 1 and beta = 0 at the start."""

    def init(key, shape, dtype):
        return {"gamma": jnp.ones(shape[-1], dtype), "beta": jnp.zeros(shape[-1], dtype)}

    return NormStage(name, lambda p, y: batch_norm(y, p["gamma"], p["beta"], epsilon), init, epsilon)


def identity_stage(name: str) -> Stage:
    """What stands where the twin network has its normalisation."""
    return Stage(name, lambda p, x: x)


@dataclass(frozen=True)
class Site:
    """A place where a normalisation stands or could be inserted: stage ``index``, fed by the stage named ``layer``."""

    name: str
    index: int
    layer: str


@dataclass(frozen=True)
class Network:
    """Stages in order, and the sites at which claims are evaluated."""

    stages: tuple[Stage, ...]
    sites: tuple[Site, ...] = ()

    def __repr__(self) -> str:
        return f"Network({' '.join(stage.name for stage in self.stages)})"

    def run(
        self, params: Parameters, x: Array, start: int = 0, stop: int | None = None,
        probes: Mapping[int, Array] | None = None, values: dict[int, Array | None] | None = None,
    ) -> Array:  # fmt: skip
        """Apply stages start..stop-1 to the value entering stage ``start``.

        ``probes[i]`` is added to the value entering stage i, so that the gradient with respect to a zero probe is the
        gradient with respect to that value; ``values``, a dict with the wanted indices as keys, is filled with them.
        """
        for index in range(start, len(self.stages) if stop is None else stop):
            if probes is not None and index in probes:
                x = x + probes[index]
            if values is not None and index in values:
                values[index] = x
            x = self.stages[index].apply(params.get(self.stages[index].name, {}), x)
        return x

    __call__ = run

    def prefix(self, index: int) -> Callable[[Parameters, Array], Array]:
        """(params, x) -> the value that enters stage ``index``."""
        return lambda params, x: self.run(params, x, 0, index)

    def suffix(self, index: int) -> Callable[[Parameters, Array], Array]:
        """(params, value entering stage ``index``) -> output."""
        return lambda params, value: self.run(params, value, index)

    def values_at(self, params: Parameters, x: Array, indices: Sequence[int]) -> tuple[Array, ...]:
        """The values that enter the given stages, in one forward pass up to the last of them."""
        values: dict[int, Array | None] = dict.fromkeys(indices)
        self.run(params, x, 0, max(indices) + 1, values=values)
        return tuple(value for i in indices if (value := values[i]) is not None)

    def init(self, key: PRNGKeyArray, input_shape: tuple[int, ...], dtype=jnp.float32) -> Parameters:
        """Parameters for inputs of ``input_shape`` (batch axis included). Stage i uses fold_in(key, i) and nothing
        else, so twins that differ in their normalisations only start from the same weights."""
        params: Parameters = {}
        value = jax.ShapeDtypeStruct(input_shape, dtype)
        for index, stage in enumerate(self.stages):
            own = stage.init(jax.random.fold_in(key, index), value.shape, dtype)
            if own:
                params[stage.name] = own
            value = jax.eval_shape(stage.apply, own, value)
        return params

    def batch_statistics(self, params: Parameters, x: Array) -> dict[str, tuple[Array, Array]]:
        """Mean and biased variance that every batch normalisation sees on this batch."""
        norms = [i for i, stage in enumerate(self.stages) if isinstance(stage, NormStage)]
        if not norms:
            return {}
        values = self.values_at(params, x, norms)
        return {self.stages[i].name: batch_statistics(v) for i, v in zip(norms, values, strict=True)}

    def inference(self, statistics: Mapping[str, tuple[Array, Array]]) -> Network:
        """The network with every batch normalisation fixed to the given statistics: for test accuracy only."""

        def fixed(stage: Stage) -> Stage:
            if not isinstance(stage, NormStage):
                return stage
            mean, variance = statistics[stage.name]
            epsilon = stage.epsilon
            return Stage(
                stage.name, lambda p, y: inference_norm(y, p["gamma"], p["beta"], epsilon, mean, variance), stage.init
            )

        return replace(self, stages=tuple(fixed(stage) for stage in self.stages))

    def site(self, name: str) -> Site:
        """The site of that name; InputError lists the known ones."""
        for site in self.sites:
            if site.name == name:
                return site
        raise InputError(
            got=f"site {name!r}",
            expected=f"one of {', '.join(s.name for s in self.sites)}",
            advice="pick a listed site",
        )


def count_parameters(params: Parameters) -> int:
    """Number of trainable scalars."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
