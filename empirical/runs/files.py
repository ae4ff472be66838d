"""Files that are there whole or not at all, and one process at a time in a directory."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bnverify.errors import InputError

try:
    import fcntl
except ImportError:  # no POSIX: two processes are then told apart by nothing
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader (or a crash) sees the old content or the new, never half of it. Where it cannot be
    written nothing is left behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".partial", dir=path.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def remove_partial(*folders: Path) -> None:
    """What writers that were killed left below folders in which no other process writes."""
    for folder in folders:
        for partial in folder.rglob(".*.partial"):
            partial.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Arrays by name in one file (npz, uncompressed), atomically; no object is ever pickled."""
    objects = [name for name, array in arrays.items() if array.dtype.hasobject]
    if objects:
        raise TypeError(f"objects in {', '.join(objects)}: only arrays of numbers are stored")
    buffer = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez(buffer, **named)
    write_atomically(path, buffer.getvalue())


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """What `write_arrays` wrote; InputError where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            got=f"an unreadable file of arrays {path} ({error})",
            expected="arrays written by bnverify",
            advice="delete it and run the same command again: it goes on from the one before, or from the start",
        ) from error


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory against other processes; InputError where one has it. The lock goes with the process."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / LOCK, "ab") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    got=f"{directory}, in which another process is training",
                    expected="one process a run directory",
                    advice="wait for it, or pass another --out",
                ) from None
        yield
