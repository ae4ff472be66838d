"""All experiments as one plan: which trainings they need, in order of worth, and how long each is expected to take.

Several experiments look at one and the same training (the VGG at rate 0.1, say): it is trained once, with the
observations of all of them. An experiment is finished when all its trainings are.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from bnverify.empirical.architectures import architecture
from bnverify.empirical.experiments.experiments import EXPERIMENTS, REPRODUCED, folder
from bnverify.empirical.runs.config import RunConfig
from bnverify.errors import InputError

WORTH = (
    "main", "landscape", "covariate-shift", "dynamics", "noisy", "training", "initialisation", "lp", "distributions",
    "batch-renorm", "normalizers", "covariate-shift-linear", "landscape-linear", "lp-linear",
)  # fmt: skip
"""Experiments, the one that says most first; others follow in the order of their names."""
SCALES = {"paper": Fraction(1), "half": Fraction(1, 2), "quarter": Fraction(1, 4)}
"""The share of the published width; steps, batch and rates are the published ones."""


@dataclass(frozen=True)
class Training:
    """One training, and who looks at it: (experiment, label) of every use."""

    config: RunConfig
    uses: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The name of its directory, from the first use and the seed."""
        experiment, label = self.uses[0]
        return f"{experiment}-{folder(label)}-seed-{self.config.seed}".replace(" ", "-")


def scaled(config: RunConfig, scale: str) -> RunConfig:
    """A configuration at another scale than the published one; what has no width stays as it is."""
    if scale not in SCALES:
        raise InputError(
            got=f"scale {scale!r}", expected=f"one of {', '.join(SCALES)}", advice="pass --scale paper"
        )  # fmt: skip
    if architecture(config.architecture).words.width is None:
        return config
    return config.changed(width=config.width * float(SCALES[scale]))


def plan(
    scale: str, seeds: Sequence[int], chosen: Sequence[str] | None = None, *, steps: int | None = None
) -> tuple[Training, ...]:  # fmt: skip
    """The trainings of all experiments (or the chosen ones) with every seed, all of a seed before the next one;
    ``steps`` makes them shorter than published, for a rehearsal."""
    names = sorted(chosen or EXPERIMENTS, key=lambda name: (WORTH.index(name) if name in WORTH else len(WORTH), name))
    out: list[Training] = []
    for seed in seeds:
        groups: dict[tuple, list[tuple[str, str, RunConfig]]] = {}
        for name in names:
            for label, config in EXPERIMENTS[name].runs("paper").items():
                config = _shorter(scaled(config, scale), steps).changed(seed=seed)
                groups.setdefault(_same(config), []).append((name, label, config))
        out += [_merged(members) for members in groups.values()]
    return tuple(out)


def _shorter(config: RunConfig, steps: int | None) -> RunConfig:
    """With at most so many steps, and checked at their end at least; recorded ten times."""
    if steps is None or steps >= config.steps:
        return config
    recorded = max(1, steps // 10)
    every = {name: recorded * max(1, round(each / config.record_every)) for name, each in config.every}
    checks = recorded * max(1, steps // recorded)
    return config.changed(steps=steps, record_every=recorded, check_every=checks, every=every)


def _same(config: RunConfig) -> tuple:
    """What makes two configurations one training: everything but what is observed of it, and its name."""
    rest = dataclasses.replace(config, preset="", every=(), check_every=config.record_every)
    return dataclasses.astuple(rest)


def _merged(members: Sequence[tuple[str, str, RunConfig]]) -> Training:
    """One configuration that observes what any of them does, as often as the most frequent."""
    configs = [config for _, _, config in members]
    every: dict[str, int] = {}
    for config in configs:
        for name, steps in config.every:
            every[name] = math.gcd(every.get(name, steps), steps)
    first = configs[0]
    config = dataclasses.replace(
        first, preset=REPRODUCED, every=tuple(every.items()), check_every=min(c.check_every for c in configs)
    )
    return Training(config, tuple((name, label) for name, label, _ in members))


Speeds = dict[str, float]
"""Measured seconds a step, by what is trained."""
_KIND = re.compile(r"([\w-]+), width (\S+), batch (\d+), .+")


def kind(config: RunConfig) -> str:
    """What has one speed: architecture, width, batch size, normaliser and noise."""
    noise = ", noise" if config.noise else ""
    return f"{config.architecture}, width {config.width:g}, batch {config.batch}, {config.normalizer}{noise}"


def is_speed(name: object, seconds: object) -> bool:
    """Whether a name is one of a `kind` and a number one of seconds."""
    number = isinstance(seconds, float | int) and 0 < seconds < float("inf")
    return number and isinstance(name, str) and _size(name) is not None


def _size(name: str) -> tuple[str, float, int] | None:
    """Architecture, width and batch size of a `kind`; None for other names."""
    found = _KIND.fullmatch(name)
    try:
        width, batch = (float(found[2]), int(found[3])) if found else (0.0, 0)
    except ValueError:
        return None
    return (found[1], width, batch) if found and 0 < width < float("inf") and batch else None


def expected_seconds(config: RunConfig, steps: int, speeds: Mapping[str, float]) -> float | None:
    """Of so many steps: at the measured speed of its kind, or at that of another kind of its architecture by the
    arithmetic, which grows with the square of the width and with the batch; None where nothing is known."""
    if kind(config) in speeds:
        return steps * speeds[kind(config)]
    near = []
    for name, seconds in speeds.items():
        size = _size(name)
        if size is not None and size[0] == config.architecture:
            work = (config.width / size[1]) ** 2 * config.batch / size[2]
            near.append((abs(math.log(work)), seconds * work))
    return steps * min(near)[1] if near else None
