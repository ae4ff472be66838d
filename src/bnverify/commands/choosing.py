"""From options to configurations and directories; what cannot be is refused before anything is made."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bnverify.empirical.architectures import architecture
from bnverify.empirical.runs.config import RunConfig
from bnverify.empirical.runs.config import preset as named
from bnverify.errors import InputError

Chosen = list[tuple[RunConfig, Path]]
"""Configurations with the directories they are trained in."""


def configured(
    name: str, out: Path | None, data: Path | None, seeds: int, options: Mapping[str, Any]
) -> Chosen:  # fmt: skip
    """The runs that a preset and options ask for, one a seed, and where they are kept."""
    config = with_data(named(name), data, options).changed(**options)
    path = usable(out or Path("runs") / name)
    return seeded(config, path, seeds)


def intervals(told: Sequence[str] | None) -> dict[str, int] | None:
    """Steps between two observations by name, from texts such as landscape=250; None where none is given."""
    found = {}
    for text in told or ():
        name, _, steps = text.partition("=")
        if not steps.isdecimal():
            raise InputError(
                got=f"--every {text!r}",
                expected="an observation, = and a number of steps",
                advice="pass e.g. --every landscape=250, or landscape=0 for never",
            )
        from bnverify.empirical.trajectory.observation import observation

        found[observation(name).name] = int(steps)
    return found or None


def seeded(config: RunConfig, path: Path, count: int) -> Chosen:
    """The configuration with so many seeds from its own on, in directories below ``path`` where there are several."""
    if count < 1:
        raise InputError(got=f"--seeds {count}", expected="at least one", advice="pass 3 to see whether signs agree")
    if count == 1:
        return [(config, path)]
    seeds = range(config.seed, config.seed + count)
    return [(config.changed(seed=seed), path / f"seed-{seed}") for seed in seeds]


def with_data(config: RunConfig, data: Path | None, options: Mapping[str, Any]) -> RunConfig:
    """The configuration on the data of a directory, where one is given and no data set is named."""
    if data is None:
        return config
    if options.get("dataset") is None and "cifar10" in architecture(config.architecture).task.datasets:
        return config.changed(dataset="cifar10")
    chosen = options.get("dataset") or config.dataset
    if chosen != "cifar10":
        raise InputError(
            got=f"--data {data} with the data set {chosen}",
            expected="--dataset cifar10, the only one that is read from a directory",
            advice="leave --data out, or pass --dataset cifar10 with an architecture of images",
        )
    return config


def usable(path: Path) -> Path:
    """The path of a run directory; InputError where no file system could have it."""
    try:
        occupied = path.exists() and not path.is_dir()
    except OSError as error:
        if error.errno not in (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EINVAL, errno.ELOOP):
            raise
        longest = max((len(part.encode()) for part in path.parts), default=0)
        raise InputError(
            got=f"{str(path)[:60]}... ({error.strerror}: a name of {longest} bytes)",
            expected="a path that the file system can have: most allow names of 255 bytes",
            advice="pass a shorter --out",
        ) from None
    except ValueError as error:  # a null byte
        raise InputError(got=f"{path!r} ({error})", expected="a path", advice="pass another --out") from None
    if occupied:
        raise InputError(
            got=f"{path}, which is a file", expected="a directory, or a name for one", advice="pass another --out"
        )
    return path
