"""Observations along a trajectory: what is measured every so many steps besides the theorems' quantities.

A module of this package has its observations in `OBSERVATIONS`; a new one is a new module, and whoever wants to see it
names it in a configuration's `every`. It is taken always in training mode, at W_t, with the gradient of W_t on the
batch of step t, and with the optimizer's real update W_{t+1}: Santurkar et al. 2018, sections 2 and 3.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import xarray as xr
from jaxtyping import Array, Float

from bnverify.errors import InputError

if TYPE_CHECKING:
    from bnverify.empirical.runs.config import RunConfig
    from bnverify.empirical.training.training import Trainer, TrainState


@dataclass(frozen=True)
class Here:
    """Where a trajectory is observed: the state before a step, and the batch of that step."""

    trainer: Trainer
    step: int
    state: TrainState
    inputs: Float[Array, "n ..."]
    labels: Array
    seed: int


@dataclass(frozen=True)
class Observation:
    """``measure(here)`` returns one labelled record with the dimension ``step`` of length 1; ``every`` is the number of
    steps between two of them that suits a run of some hundred steps."""

    name: str
    every: int
    measure: Callable[[Here], xr.Dataset]


@cache
def observations() -> dict[str, Observation]:
    """All observations by name."""
    package = importlib.import_module(__name__.rpartition(".")[0])
    names = (f"{package.__name__}.{info.name}" for info in pkgutil.iter_modules(package.__path__))
    found = [one for name in names for one in getattr(importlib.import_module(name), "OBSERVATIONS", ())]
    return {one.name: one for one in found}


def observation(name: str) -> Observation:
    """The observation of that name; InputError lists the known ones."""
    if name not in observations():
        raise InputError(
            got=f"the observation {name!r}",
            expected=f"one of {', '.join(observations())}",
            advice="name a listed observation in the configuration's every",
        )
    return observations()[name]


def due(config: RunConfig, step: int) -> tuple[Observation, ...]:
    """The observations a configuration wants at a step; none at the last, which has no batch."""
    return tuple(observation(name) for name in config.due(step))
