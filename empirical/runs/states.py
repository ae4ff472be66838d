"""The state of a training on disk: one file of arrays a step, the last two kept. What a state is like is known from the
configuration; only its arrays are stored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import jax
import numpy as np

from bnverify.empirical.runs.files import read_arrays, write_arrays
from bnverify.errors import InputError

KEPT = 2
State = TypeVar("State")


def stored_steps(folder: Path) -> list[int]:
    """The steps of which a state is stored, in order."""
    names = (file.stem.removeprefix("state-") for file in folder.glob("state-*.npz"))
    return sorted(int(name) for name in names if name.isdigit())


def save_states(folder: Path, step: int, states: Mapping[str, State]) -> None:
    """Write the states of both networks, and drop those before the last `KEPT`."""
    leaves = {
        f"{name}/{i:04d}": np.asarray(leaf)
        for name, state in states.items()
        for i, leaf in enumerate(jax.tree.leaves(state))
    }
    write_arrays(_file(folder, step), leaves)
    for old in stored_steps(folder)[:-KEPT]:
        _file(folder, old).unlink(missing_ok=True)


def load_states(folder: Path, step: int, like: Mapping[str, State]) -> dict[str, State]:
    """The states of a step, with the structure of ``like``; InputError where the arrays are others."""
    file = _file(folder, step)
    arrays = read_arrays(file)
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
