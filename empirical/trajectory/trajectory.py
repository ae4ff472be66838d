r"""What is measured along the trajectory besides the theorems' quantities: landscape, covariate shift, activations.

Always in training mode, at W_t, with the gradient of W_t on the batch of step t, and with the optimizer's real update
W_{t+1}: Santurkar et al. 2018, sections 2 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import jax
import numpy as np
import optax
import xarray as xr
from jaxtyping import Array, Float

from bnverify.empirical.measurement.gradients import value_and_gradient
from bnverify.empirical.normalization.noise import NoiseStage
from bnverify.empirical.training.training import Trainer, TrainState
from bnverify.empirical.trajectory.activations import activations, activations_dataset, sample_channels
from bnverify.empirical.trajectory.covariate_shift import covariate_shift, layers, shift_dataset
from bnverify.empirical.trajectory.landscape import (
    curvature,
    landscape,
    landscape_dataset,
    paper_steps,
    random_direction,
    reproduction_steps,
)
from bnverify.empirical.trajectory.observation import Here, Observation

_CHANNELS = 2  # of each site, whose distributions are kept


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The measurements of one network's training, compiled once; each returns one labelled record."""

    trainer: Trainer

    @partial(jax.jit, static_argnums=0)
    def _gradient(self, state: TrainState, x, labels):
        return value_and_gradient(self.trainer.network_at(state), self.trainer.objective, state.params, x, labels)[1]

    @partial(jax.jit, static_argnums=0)
    def _line(self, state: TrainState, x, labels, steps, direction):
        network = self.trainer.network_at(state)
        return landscape(network, self.trainer.objective, state.params, x, labels, steps, direction)[0]

    @partial(jax.jit, static_argnums=0)
    def _curvature(self, state: TrainState, x, labels, gradient):
        network = self.trainer.network_at(state)
        return curvature(network, self.trainer.objective, state.params, gradient, x, labels)

    @partial(jax.jit, static_argnums=0)
    def _updated(self, state: TrainState, gradient):
        """W_{t+1}: what the optimizer, momentum included, makes of W_t with this gradient."""
        updates, _ = self.trainer.optimizer.update(gradient, state.optimizer, state.params)
        return optax.apply_updates(state.params, updates)

    @partial(jax.jit, static_argnums=0)
    def _shift(self, state: TrainState, updated, gradient, x, labels):
        network = self.trainer.network_at(state)
        return covariate_shift(network, self.trainer.objective, state.params, updated, gradient, x, labels)

    @partial(jax.jit, static_argnums=(0, 4))
    def _activations(self, state: TrainState, x, channels, after):
        return activations(self.trainer.network_at(state), state.params, x, channels, after=after)

    def landscape(self, step: int, state: TrainState, x: Float[Array, "n ..."], labels: Array, *, seed: int):
        """Along the gradient and along a random direction of equal length, each in the paper's and the reproduction's
        range; with ``normalised_curvature`` = eta g'Hg/|g|^2."""
        rate = self.trainer.learning_rate
        gradient = self._gradient(state, x, labels)
        ranges = {"paper": paper_steps(rate), "reproduction": reproduction_steps(rate)}
        lines = {}
        for name, direction in (("gradient", gradient), ("random", random_direction(state.params, (seed, step)))):
            found = self._line(state, x, labels, np.concatenate(list(ranges.values())), direction)
            start = 0
            for range_name, steps in ranges.items():
                part = slice(start, start + len(steps))
                lines[f"{name}, {range_name}"] = found._replace(
                    steps=found.steps[part], losses=found.losses[part],
                    gradients=jax.tree.map(lambda a, part=part: a[part], found.gradients),
                )  # fmt: skip
                start += len(steps)
        text = {"long_name": "learning rate times second derivative along the gradient over its squared norm"}
        along = np.array([rate * self._curvature(state, x, labels, gradient)])
        return landscape_dataset(step, lines).assign(normalised_curvature=("step", along, text))

    def shift(self, step: int, state: TrainState, x: Float[Array, "n ..."], labels: Array) -> xr.Dataset:
        """Internal covariate shift of every layer under the update that the optimizer makes of this batch."""
        gradient = self._gradient(state, x, labels)
        updated = self._updated(state, gradient)
        names = [self.trainer.network.stages[i].name for i in layers(self.trainer.network, state.params)]
        return shift_dataset(step, names, self._shift(state, updated, gradient, x, labels))

    def activations(self, step: int, state: TrainState, x: Float[Array, "n ..."], *, seed: int) -> xr.Dataset:
        """Distributions of what leaves every site (with its noise, where there is noise), and of two channels of it,
        the same at every step."""
        chosen = sample_channels(self.trainer.network, state.params, (seed,), _CHANNELS)
        noisy = any(isinstance(stage, NoiseStage) for stage in self.trainer.network.stages)
        return activations_dataset(step, self._activations(state, x, chosen, 2 if noisy else 1), chosen)


_trajectory = lru_cache(Trajectory)


def _landscape(here: Here) -> xr.Dataset:
    return _trajectory(here.trainer).landscape(here.step, here.state, here.inputs, here.labels, seed=here.seed)


def _shift(here: Here) -> xr.Dataset:
    return _trajectory(here.trainer).shift(here.step, here.state, here.inputs, here.labels)


def _activations(here: Here) -> xr.Dataset:
    return _trajectory(here.trainer).activations(here.step, here.state, here.inputs, seed=here.seed)


OBSERVATIONS = (
    Observation("landscape", 40, _landscape),
    Observation("shift", 40, _shift),
    Observation("activations", 80, _activations),
)
