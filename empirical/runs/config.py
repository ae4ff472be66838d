"""What a run is: everything that determines its records, in one frozen value."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bnverify.empirical.architectures import ARCHITECTURES, architecture
from bnverify.errors import InputError

NETWORKS = {"bn": "with batch norm", "plain": "without"}
Every = tuple[tuple[str, int], ...]
"""Observations of the trajectory by name, each with the number of steps between two of them."""


@dataclass(frozen=True)
class RunConfig:
    """Configuration of a run. Times are counted in training steps; two runs with equal configurations and equal data
    give equal records on the same device.

    `record_every`: Theorem 4.1's quantities are kept from the float32 training step itself every so many steps.
    `check_every`: all quantities are measured in float64 every so many steps (a multiple of `record_every`), and once
    at the end. `samples`: channels per site, seeded, for claims that cost a Hessian-vector product each. `groups`:
    see ``bnverify.empirical.measurement.sites.SiteMeasurement``; 10 does the least arithmetic, 1 compiles fastest, and
    2 compiles a third longer and is measured in less than half the time.
    `insertion_epsilon`: the epsilon of batch norms inserted into the plain network; 0 is the paper's setting.
    `normalizer`: what stands in the network "bn" where batch norm stands: a name of ``bnverify.theory.NORMALIZERS``
    that has a forward pass in ``bnverify.empirical.normalization``, group-G for G groups of channels (group is
    group-2), or ghost-R for batch norm with the statistics of each of R replicas of the batch. `noise`: the paper's
    noise after it, and after nothing in the plain network.
    `renorm_stretch`: multiplies the numbers of steps in the schedule of batch renormalisation (5,000 to 40,000).
    `architecture`: one of ``bnverify.empirical.architectures.ARCHITECTURES``, which says what data sets and options it
    has. `weight_decay`: lambda, of the gradient descent on L + lambda |W|^2/2 in all parameters.
    `every`: what is observed along the trajectory (``bnverify.empirical.trajectory.observation``) by name, and every
    how many steps, multiples of `record_every`; a mapping will do, and 0 means never.
    """

    preset: str
    dataset: str = "synthetic"
    width: float = 0.125
    batch: int = 64
    steps: int = 240
    learning_rate: float = 0.035
    momentum: float = 0.9
    epsilon: float = 1e-5
    insertion_epsilon: float = 0.0
    seed: int = 0
    record_every: int = 10
    check_every: int = 40
    samples: int = 2
    groups: int = 1
    test_images: int = 2000
    architecture: str = "vgg"
    normalizer: str = "batch"
    noise: bool = False
    renorm_stretch: float = 1.0
    weight_decay: float = 0.0
    every: Every = ()

    def __post_init__(self) -> None:
        positive = {"batch": 2, "steps": 1, "record_every": 1, "check_every": 1, "groups": 1, "test_images": 1}
        for name, least in positive.items():
            if getattr(self, name) < least:
                raise InputError(
                    got=f"{name} {getattr(self, name)}",
                    expected=f"an integer of at least {least}",
                    advice=f"pass a larger --{name.replace('_', '-')}",
                )
        if not self.learning_rate > 0:
            raise InputError(
                got=f"learning rate {self.learning_rate}",
                expected="a positive number",
                advice="the reproduction uses 0.035, the paper 0.1",
            )
        for name in ("epsilon", "insertion_epsilon"):
            if not getattr(self, name) >= 0:
                raise InputError(
                    got=f"{name} {getattr(self, name)}", expected="0 or a positive number", advice="networks use 1e-5"
                )
        if not 0 <= self.momentum < 1:
            raise InputError(got=f"momentum {self.momentum}", expected="a number in [0, 1)", advice="pass e.g. 0.9")
        if self.check_every % self.record_every:
            raise InputError(
                got=f"check_every {self.check_every} with record_every {self.record_every}",
                expected="a multiple, so that a checked step is a recorded one",
                advice="change one of the two",
            )
        if not self.weight_decay >= 0:
            raise InputError(
                got=f"weight_decay {self.weight_decay}",
                expected="0 or a positive number",
                advice="networks use 1e-4 to 5e-4",
            )
        if self.seed < 0:
            raise InputError(got=f"seed {self.seed}", expected="0 or a positive integer", advice="pass e.g. --seed 1")
        self._check_every()
        self._check_networks()

    def _check_every(self) -> None:
        pairs = dict(self.every).items()
        for name, steps in pairs:
            if steps < 0 or steps % self.record_every:
                raise InputError(
                    got=f"{name} every {steps} steps with record_every {self.record_every}",
                    expected="a multiple of it, or 0 for never",
                    advice="change one of the two",
                )
        object.__setattr__(self, "every", tuple(sorted((str(name), int(steps)) for name, steps in pairs if steps)))

    def _check_networks(self) -> None:
        if self.normalizer != "batch" and not _is_normalizer(self.normalizer):
            raise InputError(
                got=f"normaliser {self.normalizer!r}",
                expected=f"one of {', '.join(_normalizers())}, group-G for G groups, or ghost-R for R replicas",
                advice="pass a listed normaliser; the twin without one is always trained beside it",
            )
        if not self.renorm_stretch > 0:
            raise InputError(
                got=f"renorm_stretch {self.renorm_stretch}",
                expected="a positive number, 1 for the published schedule",
                advice="pass e.g. 0.01 for a run of a few hundred steps",
            )
        architecture(self.architecture).validate(self)

    def changed(self, **options: Any) -> RunConfig:
        """A copy with the given options; None means unchanged. ``every`` replaces the intervals it names; so does
        NAME_every, for one observation."""
        chosen = {k: v for k, v in options.items() if v is not None}
        every = dict(self.every) | dict(chosen.pop("every", {}))
        for name in [name for name in chosen if name.endswith("_every") and not hasattr(self, name)]:
            every[name.removesuffix("_every")] = chosen.pop(name)
        return dataclasses.replace(self, **chosen, every=tuple(every.items()))

    def every_steps(self, observation: str) -> int:
        """The number of steps between two observations of that name, 0 where there is none."""
        return dict(self.every).get(observation, 0)

    def due(self, step: int) -> tuple[str, ...]:
        """The names of the observations at a step; none at the last, which has no batch."""
        return tuple(name for name, every in self.every if step % every == 0 and step < self.steps)

    def to_json(self) -> dict[str, Any]:
        """Plain data for config.json."""
        return dataclasses.asdict(self) | {"every": dict(self.every)}


def _normalizers() -> tuple[str, ...]:
    """The names that the theory knows. Whether there is a forward pass to train with is asked where networks are built:
    reading a configuration needs no JAX."""
    from bnverify.theory.normalizers.known import NORMALIZERS

    return tuple(NORMALIZERS)


def _is_normalizer(name: str) -> bool:
    return re.fullmatch(r"(group|ghost)-[1-9]\d*", name) is not None or name in _normalizers()


_FORMAT_1 = ("landscape_every", "shift_every", "activations_every")


def read_config(stored: Mapping[str, Any], place: str) -> RunConfig:
    """A configuration from config.json, of format 1 too; InputError for fields that this version does not know."""
    options = dict(stored)
    every = dict(options.pop("every", {}))
    every |= {name.removesuffix("_every"): options.pop(name) for name in _FORMAT_1 if name in options}
    known = {field.name for field in dataclasses.fields(RunConfig)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise InputError(
            got=f"{place} with the unknown {'field' if len(unknown) == 1 else 'fields'} {', '.join(unknown)}",
            expected=f"fields of this version of bnverify: {', '.join(sorted(known))}",
            advice="use the version of bnverify that wrote the run, or train it again",
        )
    try:
        return RunConfig(**options, every=tuple(every.items()))
    except TypeError as error:
        raise InputError(
            got=f"{place} whose configuration cannot be read ({error})",
            expected="a configuration written by bnverify",
            advice="restore the file, or train the run again",
        ) from error


PRESETS: dict[str, RunConfig] = {
    name: RunConfig(name, architecture=one.name, **options)
    for one in ARCHITECTURES.values()
    for name, options in one.presets.items()
}
"""The configurations that an architecture names."""


def preset(name: str) -> RunConfig:
    """The preset of that name; InputError lists the known ones."""
    if name not in PRESETS:
        raise InputError(
            got=f"preset {name!r}", expected=f"one of {', '.join(PRESETS)}", advice="pass --preset with a listed name"
        )
    return PRESETS[name]
