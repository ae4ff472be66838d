"""The state of a training on disk: one file of arrays a step, the last two kept. What a state is like is known from the
configuration; only its arrays are stored, and the step they are of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import jax
import numpy as np

from bnverify.empirical.runs.config import RunConfig
from bnverify.empirical.runs.files import read_arrays, write_arrays
from bnverify.empirical.runs.gaps import identity
from bnverify.errors import InputError

KEPT = 2
_STEP, _RUN = "step", "run"
State = TypeVar("State")


def stored_steps(config: RunConfig, folder: Path) -> list[int]:
    """The steps of a run of which a state is stored, in order: after each of its chunks there is one, and no other."""
    names = (file.stem.removeprefix("state-") for file in folder.glob("state-*.npz"))
    steps = (int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 19)
    chunks = {*range(0, config.steps, config.record_every), config.steps}
    return sorted(step for step in {*steps} & chunks if _file(folder, step).is_file())


def save_states(config: RunConfig, folder: Path, step: int, states: Mapping[str, State]) -> None:
    """Write the states of both networks, and drop those before the last `KEPT` up to this one."""
    leaves = {
        f"{name}/{i:04d}": np.asarray(leaf)
        for name, state in states.items()
        for i, leaf in enumerate(jax.tree.leaves(state))
    }
    write_arrays(_file(folder, step), leaves | {_STEP: np.asarray(step), _RUN: np.asarray(identity(folder.parent))})
    for old in [old for old in stored_steps(config, folder) if old <= step][:-KEPT]:
        _file(folder, old).unlink(missing_ok=True)


def load_states(folder: Path, step: int, like: Mapping[str, State]) -> dict[str, State]:
    """The states of a step, with the structure of ``like``; InputError where they are others, or of another step."""
    file = _file(folder, step)
    arrays = read_arrays(file)
    if (found := arrays.get(_STEP)) is not None and not np.array_equal(found, step):  # earlier versions did not say
        raise InputError(
            got=f"an unreadable file of arrays {file} (it holds the state of step {found})",
            expected=f"the state of step {step}",
            advice="delete it and run the same command again: it goes on from the one before, or from the start",
        )
    if (found := arrays.get(_RUN)) is not None and str(found) != identity(folder.parent):
        raise InputError(
            got=f"{file} of a run with another configuration, or other data",
            expected=f"a state of the run in {folder.parent}",
            advice="delete the folder checkpoints and run the same command again: the training starts over",
        )
    states = {}
    for name, state in like.items():
        wanted, structure = jax.tree.flatten(state)
        leaves = [arrays.get(f"{name}/{i:04d}") for i in range(len(wanted))]
        shapes = [None if leaf is None else (leaf.shape, leaf.dtype) for leaf in leaves]
        if shapes != [(np.shape(leaf), np.dtype(leaf.dtype)) for leaf in wanted]:
            raise InputError(
                got=f"{file} with other arrays than the state of the network {name} has",
                expected="the state of this configuration, written by this version",
                advice="delete the folder checkpoints and run the same command again: the training starts over",
            )
        states[name] = jax.tree.unflatten(structure, leaves)
    return states


def _file(folder: Path, step: int) -> Path:
    return folder / f"state-{step:06d}.npz"
