"""What a run is: everything that determines its records, in one frozen value."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from bnverify.empirical.architectures import ARCHITECTURES, architecture
from bnverify.errors import InputError

NETWORKS = {"bn": "with batch norm", "plain": "without"}
Every = tuple[tuple[str, int], ...]
"""Observations of the trajectory by name, each with the number of steps between two of them."""
CHUNKS = 10**5
"""Records of a kind that a run may have: its steps over `record_every`."""
_TYPES = {"int": "an integer below 2^31", "float": "a finite number", "bool": "true or false", "str": "a text"}
"""What a field may be, by its declared type."""
_LEAST = {
    "batch": 2, "steps": 1, "record_every": 1, "check_every": 1, "groups": 1, "test_images": 1, "samples": 0, "seed": 0,
    "momentum": 0, "epsilon": 0, "insertion_epsilon": 0, "weight_decay": 0,
}  # fmt: skip
_POSITIVE = ("learning_rate", "renorm_stretch")
_USUAL = {
    "learning_rate": "the reproduction uses 0.035, the paper 0.1",
    "renorm_stretch": "pass e.g. 0.01 for a run of a few hundred steps, 1 for the published schedule",
    "epsilon": "networks use 1e-5",
    "weight_decay": "networks use 1e-4 to 5e-4",
}


def _typed(kind: str, value: Any) -> Any:
    """A value as what its field is declared to be; None where it is something else."""
    if kind in ("bool", "str") or isinstance(value, bool):
        return value if type(value).__name__ == kind else None
    if kind == "int":
        return int(value) if isinstance(value, Integral) and -(2**31) < int(value) < 2**31 else None
    with contextlib.suppress(OverflowError):
        if isinstance(value, Real) and math.isfinite(value):
            return float(value)
    return None


def _checked(name: str, kind: str, told: Any) -> Any:
    """The value of a field; InputError where it is of another type, not finite, or out of range."""
    value = _typed(kind, told)
    if value is None:
        expected = _TYPES[kind]
    elif name in _POSITIVE and value <= 0:
        expected = "a positive number"
    elif name in _LEAST and value < _LEAST[name]:
        expected = f"an integer of at least {_LEAST[name]}" if kind == "int" else "0 or a positive number"
    else:
        return value
    advice = _USUAL.get(name, f"pass another --{name.replace('_', '-')}")
    raise InputError(got=f"{name} {told!r:.60}", expected=expected, advice=advice)


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
        for field in dataclasses.fields(self):
            if (kind := str(field.type)) in _TYPES:
                object.__setattr__(self, field.name, _checked(field.name, kind, getattr(self, field.name)))
        if self.momentum >= 1:
            raise InputError(got=f"momentum {self.momentum}", expected="a number in [0, 1)", advice="pass e.g. 0.9")
        if self.steps > CHUNKS * self.record_every:
            raise InputError(
                got=f"steps {self.steps} with record_every {self.record_every}, of which each is several files",
                expected=f"at most {CHUNKS:,} records of a kind",
                advice="pass a larger --record-every",
            )
        if self.check_every % self.record_every:
            raise InputError(
                got=f"check_every {self.check_every} with record_every {self.record_every}",
                expected="a multiple, so that a checked step is a recorded one",
                advice="change one of the two",
            )
        self._check_every()
        self._check_networks()

    def _check_every(self) -> None:
        pairs = dict(self.every).items()
        for name, steps in pairs:
            named = isinstance(name, str) and re.fullmatch(r"[\w-]+", name) is not None
            if not named or (count := _typed("int", steps)) is None or count < 0 or count % self.record_every:
                told = f"{name if named else repr(name)} every {steps!r:.60} steps"
                raise InputError(
                    got=f"{told} with record_every {self.record_every}",
                    expected="a multiple of it, or 0 for never",
                    advice="change one of the two",
                )
        object.__setattr__(self, "every", tuple(sorted((name, int(steps)) for name, steps in pairs if steps)))

    def _check_networks(self) -> None:
        if self.normalizer != "batch" and not _is_normalizer(self.normalizer):
            raise InputError(
                got=f"normaliser {self.normalizer!r}",
                expected=f"one of {', '.join(_normalizers())}, group-G for G groups, or ghost-R for R replicas",
                advice="pass a listed normaliser; the twin without one is always trained beside it",
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
    return re.fullmatch(r"(group|ghost)-[1-9][0-9]{0,8}", name) is not None or name in _normalizers()


_FORMAT_1 = ("landscape_every", "shift_every", "activations_every")


def read_config(stored: Mapping[str, Any], place: str) -> RunConfig:
    """A configuration from config.json, of format 1 too; InputError for fields that this version does not know."""
    options = dict(stored)
    every = options.pop("every", {})
    old = {name.removesuffix("_every"): options.pop(name) for name in _FORMAT_1 if name in options}
    known = {field.name for field in dataclasses.fields(RunConfig)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise InputError(
            got=f"{place} with the unknown {'field' if len(unknown) == 1 else 'fields'} {', '.join(unknown)}",
            expected=f"fields of this version of bnverify: {', '.join(sorted(known))}",
            advice="use the version of bnverify that wrote the run, or train it again",
        )
    try:
        if not isinstance(every, dict):
            raise TypeError(f"every is {every!r:.60}")
        return RunConfig(**options, every=tuple({**every, **old}.items()))
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
