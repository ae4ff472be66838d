"""What a run is: everything that determines its records, in one frozen value."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

from bnverify.errors import InputError

NETWORKS = {"bn": "with batch norm", "plain": "without"}
# Kept here and not where they are made, because reading a configuration does not need JAX.
NORMALIZERS = (
    "batch", "layer", "group", "instance", "rms", "l1", "linf", "l1-uncentred", "l2-uncentred", "linf-uncentred",
    "batch-renorm",
)  # fmt: skip
ARCHITECTURES = {"vgg": ("synthetic", "cifar10"), "deep-linear": ("gaussian",)}
"""Which data sets an architecture is trained on; an unknown name is left to what loads it."""


@dataclass(frozen=True)
class RunConfig:
    """Configuration of a run. Times are counted in training steps; two runs with equal configurations and equal data
    give equal records on the same device.

    `record_every`: Theorem 4.1's quantities are kept from the float32 training step itself every so many steps.
    `check_every`: all quantities are measured in float64 every so many steps (a multiple of `record_every`), and once
    at the end. `samples`: channels per site, seeded, for claims that cost a Hessian-vector product each. `groups`:
    see ``bnverify.empirical.measurement.sites.SiteMeasurement``; 10 does the least arithmetic, 1 compiles fastest.
    `insertion_epsilon`: the epsilon of batch norms inserted into the plain network; 0 is the paper's setting.
    `normalizer`: what stands in the network "bn" where batch norm stands: one of NORMALIZERS, group-G for G groups of
    channels (group is group-2), or ghost-R for batch norm with the statistics of each of R replicas of the
    batch. `noise`: the paper's noise after it, and after nothing in the plain network.
    `renorm_stretch`: multiplies the numbers of steps in the schedule of batch renormalisation (5,000 to 40,000).
    `architecture`: one of ARCHITECTURES; "deep-linear" is trained on the data set "gaussian" of `batch` samples, all of
    them in every step, and has no width.
    `landscape_every`, `shift_every`, `activations_every`: see ``trajectory.trajectory``; multiples of `record_every`, 0
    for never.
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
    landscape_every: int = 0
    shift_every: int = 0
    activations_every: int = 0

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
        for name in ("landscape_every", "shift_every", "activations_every"):
            if getattr(self, name) < 0 or getattr(self, name) % self.record_every:
                raise InputError(
                    got=f"{name} {getattr(self, name)} with record_every {self.record_every}",
                    expected="a multiple of it, or 0 for never",
                    advice="change one of the two",
                )
        self._check_networks()

    def _check_networks(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise InputError(
                got=f"architecture {self.architecture!r}",
                expected=f"one of {', '.join(ARCHITECTURES)}",
                advice="pass a listed architecture",
            )
        if self.normalizer not in NORMALIZERS and not re.fullmatch(r"(group|ghost)-[1-9]\d*", self.normalizer):
            raise InputError(
                got=f"normaliser {self.normalizer!r}",
                expected=f"one of {', '.join(NORMALIZERS)}, group-G for G groups, or ghost-R for R replicas",
                advice="pass a listed normaliser; the twin without one is always trained beside it",
            )
        if not self.renorm_stretch > 0:
            raise InputError(
                got=f"renorm_stretch {self.renorm_stretch}",
                expected="a positive number, 1 for the published schedule",
                advice="pass e.g. 0.01 for a run of a few hundred steps",
            )
        if self.architecture == "deep-linear":
            self._check_deep_linear()
        elif self.dataset in ARCHITECTURES["deep-linear"]:
            raise InputError(
                got=f"the data set {self.dataset!r} for the architecture {self.architecture}",
                expected="images",
                advice="pass --dataset synthetic, or start from the preset deep-linear",
            )

    def _check_deep_linear(self) -> None:
        if self.width != 1:
            raise InputError(
                got=f"width {self.width} for a deep linear network",
                expected="width 1: its layers have ten units",
                advice="pass --width 1, or start from the preset deep-linear",
            )
        if self.dataset not in ARCHITECTURES["deep-linear"]:
            raise InputError(
                got=f"the data set {self.dataset!r} for a deep linear network",
                expected="gaussian, which is drawn from the seed",
                advice="pass --dataset gaussian, or start from the preset deep-linear",
            )
        if self.normalizer == "instance":
            raise InputError(
                got="instance normalisation in a deep linear network",
                expected="a normaliser of more than one value: a dense layer has no positions",
                advice="pass layer, group or rms",
            )
        if (found := re.fullmatch(r"group-(\d+)", self.normalizer)) and 10 % int(found[1]):
            raise InputError(
                got=f"{found[1]} groups of ten units",
                expected="a number of groups that divides ten",
                advice="pass group-2 or group-5",
            )

    def changed(self, **options) -> RunConfig:
        """A copy with the given options; None means unchanged."""
        return dataclasses.replace(self, **{k: v for k, v in options.items() if v is not None})


_PRESETS = (
    RunConfig("quick"),
    RunConfig(
        "tiny", width=1 / 32, batch=16, steps=6, record_every=2, check_every=4, samples=1, test_images=64
    ),
    RunConfig(
        "full", width=1.0, batch=128, steps=300, record_every=5, check_every=60, samples=1, groups=10
    ),
    RunConfig(
        "reproduction", dataset="cifar10", width=1.0, batch=128, steps=15000, record_every=50, check_every=500,
        samples=1, groups=10, test_images=10000,
    ),
    RunConfig(
        "deep-linear", dataset="gaussian", architecture="deep-linear", width=1.0, batch=1000, steps=10000,
        learning_rate=1e-6, momentum=0.0, record_every=50, check_every=1000, test_images=1000,
    ),
)  # fmt: skip
PRESETS: dict[str, RunConfig] = {config.preset: config for config in _PRESETS}


def preset(name: str) -> RunConfig:
    """The preset of that name; InputError lists the known ones."""
    if name not in PRESETS:
        raise InputError(
            got=f"preset {name!r}", expected=f"one of {', '.join(PRESETS)}", advice="pass --preset with a listed name"
        )
    return PRESETS[name]
