"""Runs side by side as lines: a label, and the runs that differ in nothing but the seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bnverify.empirical.runs.records import Run
from bnverify.errors import InputError

Lines = Mapping[str, Sequence[Run]]
Values = tuple[np.ndarray, np.ndarray]


class Band(NamedTuple):
    """Values along training: at the common steps the median over the seeds, the smallest and the largest. Where a seed
    has no finite value there is a gap."""

    steps: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray


def single(runs: Mapping[str, Run]) -> Lines:
    """Every run as a line of its own."""
    return {label: (run,) for label, run in runs.items()}


def by_seed(runs: Sequence[Run]) -> Lines:
    """Runs that differ only in the seed as one line; InputError for runs that cannot be set side by side."""
    if not runs:
        raise InputError(got="no run", expected="one or more run directories", advice="pass what `bnverify run` wrote")
    _check(runs)
    groups: dict[object, list[tuple[str, Run]]] = {}
    for name, run in zip(names([run.path for run in runs]), runs, strict=True):
        groups.setdefault((replace(run.config, seed=0), run.description["data"]["name"]), []).append((name, run))
    lines: dict[str, Sequence[Run]] = {}
    for members in groups.values():
        label = _label([name for name, _ in members])
        lines[label if label not in lines else " and ".join(name for name, _ in members)] = [run for _, run in members]
    return lines


def _check(runs: Sequence[Run]) -> None:
    paths = [run.path.resolve() for run in runs]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise InputError(got=f"{twice} twice", expected="different runs", advice="name every run once")
    kinds = {run.config.architecture for run in runs}
    if len(kinds) > 1:
        raise InputError(
            got=f"runs of different networks ({', '.join(sorted(kinds))})",
            expected="one kind: their losses have no common unit",
            advice="make one report for each kind",
        )
    for run in runs:
        if not run.curves:
            raise InputError(
                got=f"the run {run.path} without a recorded step",
                expected="runs that have trained",
                advice="train it with the command that made its directory, or leave it out",
            )


def names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart."""
    parts = [path.resolve().parts for path in paths]
    length = 1
    while len({part[-length:] for part in parts}) < len(parts) and length < max(map(len, parts)):
        length += 1
    return ["/".join(part[-length:]) for part in parts]


def _label(members: Sequence[str]) -> str:
    """One name for runs that differ in the seed: what their names have in common."""
    if len(members) == 1:
        return members[0]
    first, last = min(members), max(members)
    same = next((i for i, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1), len(first))
    common = first[:same].rstrip("-_./ ").removesuffix("seed").rstrip("-_./ ")
    return f"{common or members[0]} ({len(members)} seeds)"


def band(line: Sequence[Run], read: Callable[[Run], Values | None], what: str) -> Band | None:
    """What ``read`` finds in the runs of a line as one band; None where no run holds it. InputError where the runs have
    no step in common."""
    found = [values for values in map(read, line) if values is not None]
    if not found:
        return None
    steps = found[0][0]
    for other, _ in found[1:]:
        steps = np.intersect1d(steps, other)
    if not len(steps):
        raise InputError(
            got=f"runs without a common step in {what}: {', '.join(str(run.path) for run in line)}",
            expected="runs that differ only in the seed and recorded the same steps",
            advice="finish the interrupted ones with the command that made them, or leave them out",
        )
    values = np.stack([values[np.isin(at, steps)] for at, values in found]).astype(float)
    return Band(steps, np.median(values, axis=0), values.min(axis=0), values.max(axis=0))
