"""The deep linear network of Santurkar et al. 2018 as an architecture: Gaussian data in one full batch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bnverify.empirical.architectures.architecture import Architecture, Words, check_type
from bnverify.errors import InputError

if TYPE_CHECKING:
    from bnverify.empirical.data.gaussian import LinearData
    from bnverify.empirical.networks.network import Network
    from bnverify.empirical.runs.config import RunConfig
    from bnverify.empirical.training.training import Objective, Trainer, TrainState

_UNITS = 10


@dataclass(frozen=True)
class Regression:
    """Targets A x of Gaussian x: squared error summed over one full batch, the same in every step."""

    datasets: tuple[str, ...] = ("gaussian",)
    loss: str = "squared error of the batch"
    unit: str = "no unit"
    classified: bool = False

    def load(self, config: RunConfig, directory: str | Path | None, download: bool) -> LinearData:
        """Drawn from the seed."""
        from bnverify.empirical.data.gaussian import gaussian_data

        return gaussian_data(config.seed, config.batch, config.test_images)

    def describe(self, config: RunConfig, data: Any) -> dict[str, Any]:
        """Name, fingerprint and numbers of samples; there are no classes."""
        from bnverify.empirical.data.gaussian import LinearData

        check_type(config, data, LinearData)
        if len(data.inputs) != config.batch:
            raise InputError(
                got=f"{len(data.inputs)} samples with batch {config.batch}",
                expected="one full batch",
                advice="pass what experiment.load_data(config) returns",
            )
        about = {"name": data.name, "fingerprint": data.fingerprint, "classes": []}
        return about | {"train": len(data.inputs), "test": len(data.test_inputs)}

    def input_shape(self, config: RunConfig) -> tuple[int, ...]:
        """(N, 10)"""
        return (config.batch, _UNITS)

    def batches(self, config: RunConfig, data: LinearData, steps: range) -> tuple[np.ndarray, np.ndarray]:
        """The full batch again and again."""
        inputs, targets = (np.broadcast_to(a, (len(steps), *a.shape)) for a in (data.inputs, data.targets))
        return inputs, targets

    def objective(self) -> Objective:
        """Squared error, summed."""
        from bnverify.empirical.training.objectives import squared_error

        return squared_error

    def accuracy(self) -> None:
        """Outputs are no classes."""

    def evaluate(self, config: RunConfig, data: LinearData, trainer: Trainer, state: TrainState) -> dict[str, float]:
        """`test_loss`, for as many samples as the training loss is summed over."""
        loss = float(trainer.inference_loss(state, data.test_inputs, data.test_targets))
        return {"test_loss": loss * len(data.inputs) / len(data.test_inputs)}

    def chance(self, classes: int) -> None:
        """It depends on the data: that of the output 0."""


def _check(config: RunConfig) -> None:
    if config.normalizer == "instance":
        raise InputError(
            got="instance normalisation in a deep linear network",
            expected="a normaliser of more than one value: a dense layer has no positions",
            advice="pass layer, group or rms",
        )
    if (found := re.fullmatch(r"group-(\d+)", config.normalizer)) and _UNITS % int(found[1]):
        raise InputError(
            got=f"{found[1]} groups of ten units",
            expected="a number of groups that divides ten",
            advice="pass group-2 or group-5",
        )


def _build(*, width: float, **options: Any) -> Network:
    from bnverify.empirical.networks.deep_linear import deep_linear

    return deep_linear(**options)


ARCHITECTURE = Architecture(
    "deep-linear",
    Words("deep linear network", "25 dense linear layers of 10 units", width=None),
    Regression(),
    _build,
    {
        "deep-linear": {
            "dataset": "gaussian", "width": 1.0, "batch": 1000, "steps": 10000, "learning_rate": 1e-6, "momentum": 0.0,
            "record_every": 50, "check_every": 1000, "test_images": 1000,
        },
    },
    _check,
    rank=1,
)  # fmt: skip
