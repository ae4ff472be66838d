"""What a run is: everything that determines its records, in one frozen value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from empirical.errors import InputError

NETWORKS = {"bn": "with batch norm", "plain": "without"}


@dataclass(frozen=True)
class RunConfig:
    """Configuration of a run. Times are counted in training steps; two runs with equal configurations and equal data
    give equal records on the same device.

    `record_every`: Theorem 4.1's quantities are kept from the float32 training step itself every so many steps.
    `check_every`: all quantities are measured in float64 every so many steps (a multiple of `record_every`), and once
    at the end. `samples`: channels per site, seeded, for claims that cost a Hessian-vector product each. `groups`:
    see ``empirical.sites.SiteMeasurement``; 10 does the least arithmetic, 1 compiles fastest.
    `insertion_epsilon`: the epsilon of batch norms inserted into the plain network; 0 is the paper's setting.
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
)  # fmt: skip
PRESETS: dict[str, RunConfig] = {config.preset: config for config in _PRESETS}


def preset(name: str) -> RunConfig:
    """The preset of that name; InputError lists the known ones."""
    if name not in PRESETS:
        raise InputError(
            got=f"preset {name!r}", expected=f"one of {', '.join(PRESETS)}", advice="pass --preset with a listed name"
        )
    return PRESETS[name]
