"""Cuttable networks: a network is a sequence of stages, and can be cut before any of them.

``prefix(j)`` computes the value that enters stage j, ``suffix(j)`` the output from that value; both are plain
functions of the parameters, so gradients and Hessians with respect to a layer's output are `grad` and `jvp` of a
suffix, and inserting a normalisation is prefix, normalisation, suffix. No hooks, no state.

A skip connection is a fork stage, which keeps the value that enters it, and a join stage, which adds it again. A cut
between the two is a cut of the main path: what is kept does not depend on the value there. Whatever starts at such a
cut starts at its ``entry``, the fork, and puts the value in by a probe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from bnverify.empirical.normalization.batch import batch_norm, batch_statistics, inference_norm
from bnverify.empirical.normalization.normalizers import BATCH, Normalization
from bnverify.errors import InputError

Parameters = dict[str, dict[str, Array]]
Statistics = tuple[Array, Array]


class Moment(NamedTuple):
    """What a stage may depend on besides its parameters and its input: the training step (a scalar), its key, and the
    running statistics of the stages that keep them."""

    step: Array
    key: PRNGKeyArray
    statistics: Mapping[str, Statistics]


@dataclass(frozen=True)
class Stage:
    """One step of a network: ``apply(params, x)`` with ``params = init(key, input_shape, dtype)``.

    ``apply`` is a function of its arguments and nothing else. A stage that depends on the training step as well
    (``moving``) says so by ``during``; one that is another at inference says so by ``inference``.
    """

    name: str
    apply: Callable[[Any, Array], Array]
    init: Callable[[PRNGKeyArray, tuple[int, ...], Any], dict[str, Array]] = lambda key, shape, dtype: {}

    @property
    def counted(self) -> bool:
        """Whether the stage has a number of its own, which its initial parameters are drawn from."""
        return True

    @property
    def moving(self) -> bool:
        """Whether ``during`` gives another stage."""
        return False

    @property
    def running(self) -> bool:
        """Whether running ``statistics`` of the stage's input are kept, for ``inference`` or ``during``."""
        return False

    @property
    def opens(self) -> bool:
        """Whether the value that enters is kept for a join."""
        return False

    @property
    def closes(self) -> bool:
        """Whether the value kept last is joined here."""
        return False

    def join(self, x: Array, kept: Array) -> Array:
        """The main path's value x with what was kept; only asked of stages that close."""
        raise NotImplementedError(f"stage {self.name} joins nothing")

    def statistics(self, y: Array) -> Statistics:
        """Centre and spread of this batch, of which the running averages are kept."""
        raise NotImplementedError(f"stage {self.name} keeps no statistics")

    def inference(self, statistics: Statistics) -> Stage:
        """The stage with the given statistics in place of the batch's; only asked of ``running`` stages."""
        raise NotImplementedError(f"stage {self.name} keeps no statistics")

    def during(self, moment: Moment) -> Stage:
        """The stage as it is at one training step."""
        return self


def unit_parameters(key: PRNGKeyArray, shape: tuple[int, ...], dtype) -> dict[str, Array]:
    """gamma = 1 and beta = 0 for every channel."""
    return {"gamma": jnp.ones(shape[-1], dtype), "beta": jnp.zeros(shape[-1], dtype)}


@dataclass(frozen=True)
class NormStage(Stage):
    """A batch normalisation with parameters gamma and beta; ``epsilon`` is needed by measurements. Other normalisers
    are no NormStage: the claims of batch norm are measured at these."""

    epsilon: float = 1e-5

    @property
    def running(self) -> bool:
        return True

    def statistics(self, y: Array) -> Statistics:
        """Mean and biased variance."""
        return batch_statistics(y)

    def inference(self, statistics: Statistics) -> Stage:
        mean, variance = statistics
        return Stage(
            self.name,
            lambda p, y: inference_norm(y, p["gamma"], p["beta"], self.epsilon, mean, variance),
            self.init,
        )


def norm_stage(name: str, epsilon: float) -> NormStage:
    """Batch normalisation in training mode, gamma = 1 and beta = 0 at the start."""
    return NormStage(name, lambda p, y: batch_norm(y, p["gamma"], p["beta"], epsilon), unit_parameters, epsilon)


@dataclass(frozen=True)
class NormalizerStage(Stage):
    """Another normaliser in the place of batch norm. Where it is per channel, running averages of its centre and scale
    serve inference; where it is per sample, inference is training mode."""

    epsilon: float = 1e-5
    normalization: Normalization = BATCH

    @property
    def running(self) -> bool:
        return self.normalization.arrangement.running

    def statistics(self, y: Array) -> Statistics:
        """Centre and scale of every channel, epsilon included. Of several replicas the centres and the squared scales
        are averaged: the variance of their means is not in it (law of total variance)."""
        centre, scale = self.normalization.statistics(y, self.epsilon)
        if len(centre) == y.shape[-1]:
            return centre, scale
        centres, squares = (each.reshape(-1, y.shape[-1]) for each in (centre, jnp.square(scale)))
        return centres.mean(0), jnp.sqrt(squares.mean(0))

    def inference(self, statistics: Statistics) -> Stage:
        return fixed_stage(self, statistics)


def fixed_stage(stage: Stage, statistics: Statistics) -> Stage:
    """gamma (y - centre)/scale + beta with given centre and scale per channel, in the place of a stage."""
    centre, scale = statistics
    return Stage(stage.name, lambda p, y: p["gamma"] * ((y - centre) / scale) + p["beta"], stage.init)


def normalizer_stage(name: str, epsilon: float, normalization: Normalization) -> Stage:
    """The stage of a normaliser, gamma = 1 and beta = 0 at the start; a NormStage for batch norm."""
    if normalization == BATCH:
        return norm_stage(name, epsilon)

    def apply(p, y):
        return normalization(y, p["gamma"], p["beta"], epsilon)

    return NormalizerStage(name, apply, unit_parameters, epsilon, normalization)


def identity_stage(name: str) -> Stage:
    """What stands where the twin network has its normalisation."""
    return Stage(name, lambda p, x: x)


@dataclass(frozen=True)
class ForkStage(Stage):
    """The identity; the value is kept as well."""

    @property
    def counted(self) -> bool:
        return False

    @property
    def opens(self) -> bool:
        return True


@dataclass(frozen=True)
class JoinStage(Stage):
    """The sum of the main path and of ``shortcut(kept, main)``, which has the main path's shape and no parameters."""

    shortcut: Callable[[Array, Array], Array] = lambda kept, main: kept

    @property
    def counted(self) -> bool:
        return False

    @property
    def closes(self) -> bool:
        return True

    def join(self, x: Array, kept: Array) -> Array:
        return x + self.shortcut(kept, x)


def fork_stage(name: str) -> ForkStage:
    """Where a skip connection starts."""
    return ForkStage(name, lambda p, x: x)


def join_stage(name: str, shortcut: Callable[[Array, Array], Array] = lambda kept, main: kept) -> JoinStage:
    """Where it ends."""
    return JoinStage(name, lambda p, x: x, shortcut=shortcut)


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
        The output is what enters the stage after the last, for both.
        """
        end = len(self.stages)
        if self.entry(start) != start:
            raise InputError(
                got=f"a start at stage {start}, {self.stages[start].name}, inside a skip connection",
                expected=f"its fork, stage {self.entry(start)}",
                advice="start at network.entry(index), and put the value in by a probe",
            )
        kept: list[Array] = []
        for index in range(start, end + 1 if stop is None else stop):
            if probes is not None and index in probes:
                x = x + probes[index]
            if values is not None and index in values:
                values[index] = x
            if index < end:
                stage = self.stages[index]
                if stage.opens:
                    kept.append(x)
                x = stage.join(x, kept.pop()) if stage.closes else stage.apply(params.get(stage.name, {}), x)
        return x

    __call__ = run

    def entry(self, index: int) -> int:
        """The last stage up to ``index`` at which no skip connection is open: the outermost fork around it, or
        itself."""
        opened: list[int] = []
        for number, stage in enumerate(self.stages[:index]):
            if stage.opens:
                opened.append(number)
            if stage.closes:
                opened.pop()
        return opened[0] if opened else index

    def bypassed(self, start: int, stop: int) -> bool:
        """Whether something of the value that enters stage ``start`` gets past stage ``stop`` by a skip connection."""
        return start <= self.entry(stop) < stop

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
        """Parameters for inputs of ``input_shape`` (batch axis included). The i-th stage uses fold_in(key, i) and
        nothing else (noise is not counted), so twins that differ in their normalisations or in noise only start from
        the same weights."""
        params: Parameters = {}
        value = jax.ShapeDtypeStruct(input_shape, dtype)
        for number, stage in zip(self._numbers(), self.stages, strict=True):
            own = stage.init(jax.random.fold_in(key, number), value.shape, dtype)
            if own:
                params[stage.name] = own
            value = jax.eval_shape(stage.apply, own, value)
        return params

    def _numbers(self) -> list[int]:
        """The number of every stage among those that are counted; others have that of the stage before them."""
        return [number - 1 for number in accumulate(int(stage.counted) for stage in self.stages)]

    def batch_statistics(self, params: Parameters, x: Array) -> dict[str, Statistics]:
        """Centre and spread that every stage with running statistics sees on this batch (batch norm: mean and biased
        variance)."""
        norms = [i for i, stage in enumerate(self.stages) if stage.running]
        if not norms:
            return {}
        values = self.values_at(params, x, norms)
        return {self.stages[i].name: self.stages[i].statistics(v) for i, v in zip(norms, values, strict=True)}

    def inference(self, statistics: Mapping[str, Statistics]) -> Network:
        """The network with every running normalisation fixed to the given statistics: for test accuracy only."""
        stages = (stage.inference(statistics[stage.name]) if stage.running else stage for stage in self.stages)
        return replace(self, stages=tuple(stages))

    @property
    def moving(self) -> bool:
        """Whether the network is another function at every training step (noise, batch renormalisation)."""
        return any(stage.moving for stage in self.stages)

    def during(self, moment: Moment) -> Network:
        """The network as it is at one training step, again a plain function of parameters and input; stage i has the
        key fold_in(moment.key, i)."""
        keyed = (moment._replace(key=jax.random.fold_in(moment.key, i)) for i in range(len(self.stages)))
        stages = (stage.during(m) if stage.moving else stage for stage, m in zip(self.stages, keyed, strict=True))
        return replace(self, stages=tuple(stages))

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
