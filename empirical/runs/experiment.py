"""What a configuration trains, on what: the networks and data of an architecture, its batches, its test of a state."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bnverify.empirical.data.dataset import Dataset, batch_indices, load_dataset, normalise
from bnverify.empirical.measurement.sites import SiteMeasurement
from bnverify.empirical.networks.deep_linear import SIZE, LinearData, deep_linear, gaussian_data, squared_error
from bnverify.empirical.networks.network import Network
from bnverify.empirical.networks.vgg import IMAGE, accuracy, cross_entropy, vgg
from bnverify.empirical.runs.config import RunConfig
from bnverify.empirical.training.training import Trainer, TrainState
from bnverify.empirical.trajectory.ray import RayOfOptima
from bnverify.empirical.trajectory.trajectory import Trajectory
from bnverify.errors import InputError

Data = Dataset | LinearData
_OBJECTIVES = {"vgg": (cross_entropy, accuracy), "deep-linear": (squared_error, None)}


def load_data(config: RunConfig, *, directory: str | Path | None = None, download: bool = False) -> Data:
    """The data set of a configuration; ``directory`` and ``download`` are those of `load_dataset`."""
    if config.architecture == "deep-linear":
        return gaussian_data(config.seed, config.batch, config.test_images)
    return load_dataset(config.dataset, directory=directory, download=download, seed=config.seed)


def describe_data(config: RunConfig, data: Data) -> dict[str, Any]:
    """What config.json says about the data; InputError where they are not those of the architecture."""
    wanted = LinearData if config.architecture == "deep-linear" else Dataset
    if not isinstance(data, wanted):
        raise InputError(
            got=f"{data.name} data, {type(data).__name__}, for the architecture {config.architecture}",
            expected=f"a {wanted.__name__}",
            advice="pass what experiment.load_data(config) returns",
        )
    about = {"name": data.name, "fingerprint": data.fingerprint}
    if isinstance(data, Dataset):
        return about | {
            "train": len(data.train_labels), "test": len(data.test_labels), "classes": list(data.classes)
        }  # fmt: skip
    if len(data.inputs) != config.batch:
        raise InputError(
            got=f"{len(data.inputs)} samples with batch {config.batch}",
            expected="one full batch",
            advice="pass what experiment.load_data(config) returns",
        )
    return about | {"train": len(data.inputs), "test": len(data.test_inputs), "classes": []}


@lru_cache
def _network(
    architecture: str, batch_norm: bool, width: float, epsilon: float, normalizer: str, noise: bool, stretch: float
) -> Network:
    """One object for equal arguments, so that what is compiled for it serves every run of a process."""
    if architecture == "deep-linear":
        return deep_linear(
            batch_norm=batch_norm, epsilon=epsilon, normalizer=normalizer, noise=noise, stretch=stretch
        )  # fmt: skip
    return vgg(batch_norm=batch_norm, width=width, epsilon=epsilon, normalizer=normalizer, noise=noise, stretch=stretch)


_trainer = lru_cache(Trainer)
_measurement = lru_cache(SiteMeasurement)
_trajectory = lru_cache(Trajectory)
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
    its = network(name, config)
    objective, hits = _OBJECTIVES[config.architecture]
    seed = config.seed if its.moving else 0
    return _trainer(its, config.learning_rate, config.momentum, config.insertion_epsilon, objective, hits, seed)


def trajectory(name: str, config: RunConfig) -> Trajectory:
    """The measurements along the trajectory of a network; one object for equal configurations."""
    return _trajectory(trainer(name, config))


def measurement(name: str, config: RunConfig) -> SiteMeasurement:
    """The float64 measurement at all sites of a network."""
    objective, _ = _OBJECTIVES[config.architecture]
    return _measurement(
        network(name, config), objective, insertion_epsilon=config.insertion_epsilon, groups=config.groups,
        learning_rate=config.learning_rate,
    )  # fmt: skip


def ray(config: RunConfig) -> RayOfOptima | None:
    """Lemma 4.5 on the trained plain network; None where that is another function at every step (noise)."""
    plain = network("plain", config)
    return None if plain.moving else _ray(plain, _OBJECTIVES[config.architecture][0])


def input_shape(config: RunConfig) -> tuple[int, ...]:
    """Of one batch."""
    return (config.batch, SIZE) if config.architecture == "deep-linear" else (config.batch, *IMAGE)


def batches(config: RunConfig, data: Data, steps: range) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (k, N, ...) and labels (k, N, ...) of the given steps: normalised images, or the full batch again."""
    if isinstance(data, LinearData):
        inputs, targets = (np.broadcast_to(a, (len(steps), *a.shape)) for a in (data.inputs, data.targets))
        return inputs, targets
    rows = np.stack([batch_indices(config.seed, t, len(data.train_labels), config.batch) for t in steps])
    return normalise(data.train_images[rows]), data.train_labels[rows]


def evaluation(config: RunConfig, data: Data, trainer: Trainer, state: TrainState) -> dict[str, float]:
    """The test of a state in inference mode: `test_accuracy` on images, or `test_loss` of the deep linear network, for
    as many samples as the training loss is summed over."""
    if isinstance(data, LinearData):
        loss = float(trainer.inference_loss(state, data.test_inputs, data.test_targets))
        return {"test_loss": loss * len(data.inputs) / len(data.test_inputs)}
    count = min(config.test_images, len(data.test_labels))
    size = min(250, count)
    right = 0
    for start in range(0, count - size + 1, size):
        part = slice(start, start + size)
        right += int(trainer.correct(state, normalise(data.test_images[part]), data.test_labels[part]))
    return {"test_accuracy": right / (count // size * size)}
