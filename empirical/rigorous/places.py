"""The channels of a run that are judged in balls: numbers of its networks at the last stored state.

A state is loaded, the batch of its step passes through the network in float64, and y, g and, at the network's own batch
norms, v are taken as they come. Where none stands a matched one is inserted, as in the measurement, and g is pulled
back through it. What is judged then are these numbers: that they are the network's, to all digits, nobody claims.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bnverify.empirical.measurement.layer import Layer, Parameters
from bnverify.empirical.measurement.probes import chosen
from bnverify.empirical.measurement.sites import normalisation_at, normaliser_at
from bnverify.empirical.normalization.known import BATCH
from bnverify.empirical.rigorous.balls import flint
from bnverify.empirical.rigorous.certain import AUTODIFF, VIOLATED, Certain, all_certain, claims, distance
from bnverify.empirical.rigorous.channel import Channel
from bnverify.empirical.runs import experiment
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.empirical.runs.states import load_states, stored_steps
from bnverify.empirical.training.training import TrainState
from bnverify.errors import InputError

LARGEST = 2**17
"""Values of a channel up to which it is judged; 4,096 take 0.1 s."""


@dataclass(frozen=True)
class Point:
    """A channel of a run."""

    network: str
    step: int
    site: str
    number: int
    channel: Channel

    def __str__(self) -> str:
        return f"{self.network}, step {self.step}, {self.site}, channel {self.number}"


@dataclass
class Row:
    """The verdicts on one claim: counted, the least margin of what holds, and the points of all violations."""

    key: str
    counts: Counter[str] = field(default_factory=Counter)
    margins: list[float] = field(default_factory=list)
    violated: list[str] = field(default_factory=list)


def points(run: Run, data: experiment.Data, samples: int) -> Iterator[Point | str]:
    """Seeded channels of every site of both networks; of a site that is left out, why. InputError where no state is
    stored, or the data are not those of the run."""
    config = run.config
    if experiment.describe_data(config, data)["fingerprint"] != run.description["data"]["fingerprint"]:
        raise InputError(
            got=f"data other than those of {run.path}", expected=f"{run.description['data']['name']} as it was",
            advice="pass the same --data as to the command that made the run",
        )  # fmt: skip
    steps = stored_steps(config, run.path / "checkpoints")
    if not steps:
        raise InputError(
            got=f"{run.path} without a stored state", expected="a run with its folder checkpoints",
            advice="records hold sums, which are not enough: run the same command again, or take another run",
        )  # fmt: skip
    key = jax.random.key(config.seed)
    shape = experiment.input_shape(config)
    initial = {name: experiment.trainer(name, config).start(key, shape) for name in NETWORKS}
    states = load_states(run.path / "checkpoints", steps[-1], initial)
    inputs, labels = experiment.batches(config, data, range(steps[-1], steps[-1] + 1))
    for name in NETWORKS:
        yield from _of_network(run, name, steps[-1], states[name], inputs[0], labels[0], samples)


def _of_network(
    run: Run, name: str, step: int, state: TrainState, x: Any, labels: Any, samples: int
) -> Iterator[Point | str]:
    measurement = experiment.measurement(name, run.config)
    moment = experiment.trainer(name, run.config).moment(state)
    passes = measurement.values_and_gradients(state.params, x, labels, moment)
    for i, site in enumerate(measurement.network.sites):
        norm = normaliser_at(measurement.network, site)
        if norm is not BATCH:
            yield f"{name}, {site.name}: {norm.name}, where batch norm is judged"
            continue
        with jax.enable_x64(True):
            y, g = passes.ys[i], passes.gs[i]
            params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), state.params)
            gamma, beta, epsilon = normalisation_at(measurement.network, params, site, y, measurement.insertion_epsilon)
            p = Parameters(gamma, beta, jnp.asarray(epsilon, y.dtype))
            v = passes.vs[i] if measurement.has_own(site) else Layer(norm).pulled(p, y, g)
            columns = [np.asarray(norm.columns(each)) for each in (y, g, v)]
        m, width = columns[0].shape
        if m > LARGEST:
            yield f"{name}, {site.name}: {m} values a channel, where up to {LARGEST} are judged"
            continue
        for j in sorted(chosen(width, samples, (run.config.seed, step, i))):
            own, of_z, of_y = (each[:, j] for each in columns)
            numbers = (float(np.asarray(gamma)[j]), float(np.asarray(beta)[j]), float(epsilon))
            if np.isfinite([*own, *of_z, *of_y, *numbers]).all():
                yield Point(name, step, site.name, j, Channel(own, of_z, *numbers, v=of_y))
            else:
                yield f"{name}, {site.name}, channel {j}: not all numbers are finite"


def judged(found: Sequence[Point]) -> list[Row]:
    """A row a claim that is covered, and one for the distance of v of automatic differentiation; MachineError without
    python-flint."""
    flint()
    chosen_claims = claims()
    rows = {claim.key: Row(claim.key) for claim in chosen_claims} | {AUTODIFF: Row(AUTODIFF)}
    for point in found:
        seed = (point.step, point.number)
        for each in (*all_certain(chosen_claims, point.channel, seed), distance(point.channel)):
            if each is not None:
                _count(rows[each.key], each, point)
    return list(rows.values())


def _count(row: Row, found: Certain, point: Point) -> None:
    row.counts[found.verdict] += 1
    if found:
        row.margins.append(found.margin)
    elif found.verdict == VIOLATED:
        row.violated.append(str(point))
