"""What an architecture is: how its networks are built, the task they are trained on, and what it is called.

Nobody asks which architecture a run has; they ask the architecture. Nothing here needs JAX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bnverify.empirical.data.dataset import DATASETS, IMAGE_SHAPE, Dataset, batch_indices, load_dataset, normalise
from bnverify.errors import InputError

if TYPE_CHECKING:
    from bnverify.empirical.networks.network import Network
    from bnverify.empirical.runs.config import RunConfig
    from bnverify.empirical.training.training import Objective, Trainer, TrainState


@dataclass(frozen=True)
class Words:
    """What reports and the command line call an architecture: ``name`` after "the", as in "the VGG"; ``layers``, its
    layers as marked-up text; ``width``, what a width multiplies, or None where it is fixed."""

    name: str
    layers: str
    width: str | None = "channels"

    def pair(self, width: float) -> str:
        """Both networks of a run."""
        return f"both {self.name}s" + (f" at width {width:g}" if self.width else "")


class Task(Protocol):
    """What a network is trained to do: data, batches, loss, and the test of a state."""

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets; the first is the one that needs no files."""

    @property
    def loss(self) -> str:
        """The loss in words."""

    @property
    def unit(self) -> str:
        """The unit of the loss."""

    @property
    def classified(self) -> bool:
        """Whether outputs are classes, so that there is an accuracy."""

    def load(self, config: RunConfig, directory: str | Path | None, download: bool) -> Any:
        """The data set of a configuration."""

    def describe(self, config: RunConfig, data: Any) -> dict[str, Any]:
        """What config.json says about the data; InputError where they are not those of the task."""

    def input_shape(self, config: RunConfig) -> tuple[int, ...]:
        """Of one batch."""

    def batches(self, config: RunConfig, data: Any, steps: range) -> tuple[np.ndarray, np.ndarray]:
        """Inputs (k, N, ...) and labels (k, N, ...) of the given steps."""

    def objective(self) -> Objective:
        """The loss of outputs and labels."""

    def accuracy(self) -> Objective | None:
        """The fraction of a batch that is right, or None."""

    def evaluate(self, config: RunConfig, data: Any, trainer: Trainer, state: TrainState) -> dict[str, float]:
        """The test of a state in inference mode."""

    def chance(self, classes: int) -> float | None:
        """The loss of an output that says nothing about the input, or None where it depends on the data."""


@dataclass(frozen=True)
class Images:
    """Images in classes: cross-entropy, a batch of the data set in every step, accuracy on the test images."""

    datasets: tuple[str, ...] = DATASETS
    loss: str = "cross-entropy loss"
    unit: str = "nats"
    classified: bool = True

    def load(self, config: RunConfig, directory: str | Path | None, download: bool) -> Dataset:
        """The data set of that name, synthetic or read from a directory."""
        return load_dataset(config.dataset, directory=directory, download=download, seed=config.seed)

    def describe(self, config: RunConfig, data: Any) -> dict[str, Any]:
        """Name, fingerprint, numbers of images, classes."""
        check_type(config, data, Dataset)
        if config.batch > len(data.train_labels):
            raise InputError(
                got=f"batch {config.batch} with {len(data.train_labels)} training images",
                expected="a batch that they can fill",
                advice="pass a smaller --batch",
            )
        about = {"name": data.name, "fingerprint": data.fingerprint, "classes": list(data.classes)}
        return about | {"train": len(data.train_labels), "test": len(data.test_labels)}

    def input_shape(self, config: RunConfig) -> tuple[int, ...]:
        """(N, 32, 32, 3)"""
        return (config.batch, *IMAGE_SHAPE)

    def batches(self, config: RunConfig, data: Dataset, steps: range) -> tuple[np.ndarray, np.ndarray]:
        """Normalised images (k, N, 32, 32, 3) and labels (k, N)."""
        rows = np.stack([batch_indices(config.seed, t, len(data.train_labels), config.batch) for t in steps])
        return normalise(data.train_images[rows]), data.train_labels[rows]

    def objective(self) -> Objective:
        """Mean cross-entropy."""
        from bnverify.empirical.training.objectives import cross_entropy

        return cross_entropy

    def accuracy(self) -> Objective:
        """The fraction whose largest logit is the label's."""
        from bnverify.empirical.training.objectives import accuracy

        return accuracy

    def evaluate(self, config: RunConfig, data: Dataset, trainer: Trainer, state: TrainState) -> dict[str, float]:
        """`test_accuracy` on the first test images, in whole parts of 250."""
        count = min(config.test_images, len(data.test_labels))
        size = min(250, count)
        right = 0
        for start in range(0, count - size + 1, size):
            part = slice(start, start + size)
            right += int(trainer.correct(state, normalise(data.test_images[part]), data.test_labels[part]))
        return {"test_accuracy": right / (count // size * size)}

    def chance(self, classes: int) -> float:
        """The cross-entropy of equal probabilities."""
        return math.log(classes)


def check_type(config: RunConfig, data: Any, wanted: type) -> None:
    """InputError where the data are of another type than the task's."""
    if not isinstance(data, wanted):
        raise InputError(
            got=f"{data.name} data, {type(data).__name__}, for the architecture {config.architecture}",
            expected=f"a {wanted.__name__}",
            advice="pass what experiment.load_data(config) returns",
        )


def _anything(config: RunConfig) -> None:
    """No condition beyond those of every configuration."""


@dataclass(frozen=True)
class Architecture:
    """One architecture. ``build(batch_norm=, width=, epsilon=, normalizer=, noise=, stretch=)`` makes a network or its
    twin; ``check(config)`` raises InputError for options that it has not; ``presets`` are named changes of the default
    configuration; those of lower ``rank`` are listed first."""

    name: str
    words: Words
    task: Task
    build: Callable[..., Network]
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)
    check: Callable[[RunConfig], None] = _anything
    rank: int = 9

    def validate(self, config: RunConfig) -> None:
        """InputError where a configuration does not fit: its data set, its width, what `check` refuses."""
        if config.dataset not in self.task.datasets:
            raise InputError(
                got=f"the data set {config.dataset!r} for the architecture {self.name}",
                expected=f"one of {', '.join(self.task.datasets)}",
                advice=f"pass --dataset {self.task.datasets[0]}, or start from a preset of another architecture",
            )
        if self.words.width is None and config.width != 1:
            raise InputError(
                got=f"width {config.width} for a {self.words.name}",
                expected="width 1: its layers have one size",
                advice=f"pass --width 1, or start from the preset {next(iter(self.presets), self.name)}",
            )
        if not 0 < config.width <= 4:
            raise InputError(
                got=f"width {config.width}",
                expected="a multiplier in (0, 4], 1 for the full network",
                advice="pass e.g. --width 0.125",
            )
        self.check(config)
