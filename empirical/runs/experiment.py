"""What a configuration trains, on what: its networks, trainers and measurements, each made once a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bnverify.empirical.architectures import Task, architecture
from bnverify.empirical.measurement.sites import SiteMeasurement
from bnverify.empirical.networks.network import Network
from bnverify.empirical.runs.config import RunConfig
from bnverify.empirical.training.training import Trainer, TrainState
from bnverify.empirical.trajectory.ray import RayOfOptima

Data = Any
"""A data set of the task of an architecture."""


def task(config: RunConfig) -> Task:
    """What the networks of a configuration are trained to do."""
    return architecture(config.architecture).task


def load_data(config: RunConfig, *, directory: str | Path | None = None, download: bool = False) -> Data:
    """The data set of a configuration; ``directory`` and ``download`` are those of `load_dataset`."""
    return task(config).load(config, directory, download)


def describe_data(config: RunConfig, data: Data) -> dict[str, Any]:
    """What config.json says about the data; InputError where they are not those of the architecture."""
    return task(config).describe(config, data)


@lru_cache
def _network(
    name: str, batch_norm: bool, width: float, epsilon: float, normalizer: str, noise: bool, stretch: float
) -> Network:
    """One object for equal arguments, so that what is compiled for it serves every run of a process."""
    return architecture(name).build(
        batch_norm=batch_norm, width=width, epsilon=epsilon, normalizer=normalizer, noise=noise, stretch=stretch
    )


_trainer = lru_cache(Trainer)
_measurement = lru_cache(SiteMeasurement)
_ray = lru_cache(RayOfOptima)


def network(name: str, config: RunConfig) -> Network:
    """The network "bn", with the configuration's normaliser, or "plain", its twin without one."""
    normalised = name == "bn"
    # The twin is the same object whatever stands in the other network.
    normalizer, stretch = (config.normalizer, config.renorm_stretch) if normalised else ("batch", 1.0)
    return _network(
        config.architecture, normalised, config.width, config.epsilon, normalizer, config.noise, stretch
    )  # fmt: skip


def trainer(name: str, config: RunConfig) -> Trainer:
    """The trainer of a network; one object for equal configurations."""
    its, what = network(name, config), task(config)
    seed = config.seed if its.moving else 0
    return _trainer(
        its, config.learning_rate, config.momentum, config.insertion_epsilon, what.objective(), what.accuracy(), seed,
        config.weight_decay,
    )  # fmt: skip


def measurement(name: str, config: RunConfig) -> SiteMeasurement:
    """The float64 measurement at all sites of a network."""
    return _measurement(
        network(name, config), task(config).objective(), insertion_epsilon=config.insertion_epsilon,
        groups=config.groups, learning_rate=config.learning_rate,
    )  # fmt: skip


def ray(config: RunConfig) -> RayOfOptima | None:
    """Lemma 4.5 on the trained plain network; None where that is another function at every step (noise)."""
    plain = network("plain", config)
    return None if plain.moving else _ray(plain, task(config).objective())


def input_shape(config: RunConfig) -> tuple[int, ...]:
    """Of one batch."""
    return task(config).input_shape(config)


def batches(config: RunConfig, data: Data, steps: range) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (k, N, ...) and labels (k, N, ...) of the given steps."""
    return task(config).batches(config, data, steps)


def evaluation(config: RunConfig, data: Data, trainer: Trainer, state: TrainState) -> dict[str, float]:
    """The test of a state in inference mode: `test_accuracy`, or `test_loss` where outputs are no classes."""
    return task(config).evaluate(config, data, trainer, state)
