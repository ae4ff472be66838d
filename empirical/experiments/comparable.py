"""When a run may speak about a publication, and over which parts of the training two networks are compared.

A run speaks about a published statement where its settings are the published ones. Two networks are compared over the
whole training and by phase: on the plain network's plateau at the loss of chance, where its gradients are small
whatever the landscape is like; after it; over the last fifth; and, where the plain network falls back to the loss of
chance and stays there, from then on. A network that is lost is no landscape to compare with: nothing is decided there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bnverify.empirical.architectures import architecture
from bnverify.empirical.runs.config import RunConfig
from bnverify.empirical.runs.records import Run

SETTINGS = (
    "architecture", "dataset", "width", "batch", "steps", "learning_rate", "momentum", "weight_decay", "normalizer",
    "noise",
)  # fmt: skip
"""What decides whether a run is the published one."""
LEFT = 0.95
"""The share of the loss of chance below which a network has left the plateau."""
WHOLE, BEFORE, AFTER, LAST, LOST = (
    "the whole training", "on the plain network's plateau", "after the plain network's plateau", "the last fifth",
    "since the plain network is back at the loss of chance",
)  # fmt: skip
PHASES = (WHOLE, BEFORE, AFTER, LAST, LOST)


def settings(config: RunConfig) -> dict[str, Any]:
    """The settings of a configuration by name."""
    return {name: getattr(config, name) for name in SETTINGS}


def differing(config: RunConfig, published: Mapping[str, Any]) -> tuple[str, ...]:
    """The settings that are not the published ones, in words: "steps 240 (published: 15000)"."""
    ours = settings(config)
    return tuple(
        f"{name.replace('_', ' ')} {_word(ours[name])} (published: {_word(value)})"
        for name, value in published.items()
        if ours[name] != value
    )


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Phase:
    """A part of the training: steps from ``start`` to before ``stop``."""

    name: str
    start: int
    stop: int

    def of(self, steps: np.ndarray) -> np.ndarray:
        """Which of the steps lie in it."""
        return (steps >= self.start) & (steps < self.stop)

    def __str__(self) -> str:
        return self.name if self.name == WHOLE else f"{self.name} (steps {self.start} to {self.stop - 1})"


def chance(run: Run) -> float | None:
    """The loss of an output that says nothing, for the classes of a run; None where it depends on the data."""
    classes = len(run.description["data"].get("classes", ())) or 10
    return architecture(run.config.architecture).task.chance(classes)


def leaves_plateau(losses: np.ndarray, level: float) -> int | None:
    """The number of steps after which the mean of the last hundredth of them, ten at least, is below `LEFT` times the
    level of the plateau for the first time; None where it stays."""
    width, below = _below(losses, level)
    return int(below[0]) + width if len(below) else None


def falls_back(losses: np.ndarray, level: float) -> int | None:
    """The number of steps after which that mean, having been below, is so no more until the end, for a hundredth of
    the steps at least; None where it never was, or is again. What is not finite counts as the plateau's loss."""
    width, below = _below(losses, level)
    last = int(below[-1]) + width if len(below) else len(losses)
    return last if last + width <= len(losses) else None


def _below(losses: np.ndarray, level: float) -> tuple[int, np.ndarray]:
    """The width of the running mean, and the starts of the windows in which it is below `LEFT` times the level."""
    width = min(len(losses), max(10, len(losses) // 100))
    total = np.concatenate([[0.0], np.cumsum(np.where(np.isfinite(losses), losses, level))])
    means = (total[width:] - total[:-width]) / width
    return width, np.flatnonzero(means < LEFT * level)


def phases(run: Run) -> tuple[Phase, ...]:
    """The whole training and its phases, those that have steps. Where the loss of chance is unknown, the plateau is
    that of the plain network's first loss."""
    steps = run.config.steps
    out = [Phase(WHOLE, 0, steps)]
    lost = None
    if "plain" in run.curves:
        losses, level = _losses(run)
        left, lost = (find(losses, level) if np.isfinite(level) else None for find in (leaves_plateau, falls_back))
        end = steps if lost is None else lost
        out += [Phase(BEFORE, 0, steps)] if left is None else [Phase(BEFORE, 0, left), Phase(AFTER, left, end)]
    out.append(Phase(LAST, steps - max(1, steps // 5), steps))
    out += [] if lost is None else [Phase(LOST, lost, steps)]
    return tuple(phase for phase in out if phase.stop > phase.start)


def lost_from(run: Run) -> int | None:
    """The step from which on the plain network is back at the loss of chance, or of its start where that is unknown."""
    return next((phase.start for phase in phases(run) if phase.name == LOST), None)


def _losses(run: Run) -> tuple[np.ndarray, float]:
    """The losses of the plain network and the level of its plateau."""
    losses = run.curves["plain"]["loss"].values.astype(float)
    level = chance(run)
    return losses, float(losses[0]) if level is None else level


@dataclass(frozen=True)
class Compared:
    """One quantity of both networks in one phase: at which ``share`` of ``count`` places it is smaller with the
    normaliser, the median ``ratio`` of the two, and how many places are ``lost`` to values that are not finite."""

    phase: Phase
    count: int
    share: float
    ratio: float
    lost: int

    def smaller(self, below: float = 1.0) -> bool:
        """Smaller at most places, and in the median by the factor ``below``."""
        return self.share > 0.5 and self.ratio <= below

    def row(self) -> dict[str, Any]:
        """All of it by name: the phase, its steps from ``start`` to before ``stop``, and the numbers."""
        numbers = {"count": self.count, "share": self.share, "ratio": self.ratio, "lost": self.lost}
        return {"phase": self.phase.name, "start": self.phase.start, "stop": self.phase.stop} | numbers

    def __str__(self) -> str:
        text = (
            f"{self.phase}: smaller with batch norm at {self.share:.0%} of {self.count}, median ratio {self.ratio:.3g}"
        )
        return text + (f"; {self.lost} not finite" if self.lost else "")


def compared(with_norm: xr.DataArray, plain: xr.DataArray, over: tuple[Phase, ...]) -> tuple[Compared, ...]:
    """A quantity (step, ...) of both networks, phase by phase, at the steps that both have; phases without a finite
    value are left out."""
    out = []
    steps = np.intersect1d(with_norm["step"].values, plain["step"].values)
    with_norm, plain = with_norm.sel(step=steps), plain.sel(step=steps)
    for phase in over:
        here = phase.of(steps)
        first, second = (np.asarray(each.values, float)[here].ravel() for each in (with_norm, plain))
        good = np.isfinite(first) & np.isfinite(second) & (second > 0)
        if good.any():
            share = float((first[good] < second[good]).mean())
            ratio = float(np.median(first[good] / second[good]))
            out.append(Compared(phase, int(good.sum()), share, ratio, int((~good).sum())))
    return tuple(out)


def judged(over: tuple[Compared, ...]) -> tuple[Compared, ...]:
    """The phases that decide: those after the plateau, the last fifth among them unless the plain network is lost by
    then; all of them where the network never leaves the plateau."""
    names = {each.phase.name for each in over}
    deciding = {AFTER} if LOST in names else {AFTER, LAST}
    return tuple(each for each in over if each.phase.name in deciding) if AFTER in names else over
