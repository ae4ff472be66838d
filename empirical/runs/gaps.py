"""Which records a run of a configuration has when it is complete, and which of them a directory lacks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

if TYPE_CHECKING:
    from bnverify.empirical.runs.config import RunConfig

UNREADABLE = (OSError, ValueError, TypeError, IndexError, KeyError, EOFError)
"""What reading a damaged NetCDF file raises."""


@dataclass(frozen=True)
class Wanted:
    """One record: what was measured of a network at a step."""

    network: str
    kind: str
    step: int

    def file(self, run: Path) -> Path:
        """Where it is stored."""
        return run / "records" / self.network / f"{self.kind}-{self.step:06d}.nc"

    def __str__(self) -> str:
        return f"{self.kind} of {self.network} at step {self.step}"


def wanted(config: RunConfig) -> Iterator[Wanted]:
    """All records of a complete run, in the order in which they are written."""
    inline = {"bn": config.normalizer == "batch", "plain": True}
    chunks = range(0, config.steps, config.record_every)
    for step in (*chunks, config.steps):
        for network in inline:
            if step % config.check_every == 0 or step == config.steps:
                yield Wanted(network, "exact", step)
            if step < config.steps:
                yield from (Wanted(network, kind, step) for kind in config.due(step))
                yield Wanted(network, "curves", step)
                if inline[network]:
                    yield Wanted(network, "inline", step)
    if not config.noise:
        yield Wanted("plain", "ray", config.steps)


def read_record(file: Path) -> xr.Dataset:
    """A record in memory, raising one of `UNREADABLE` where it is damaged. Nothing of the file stays mapped."""
    with xr.open_dataset(io.BytesIO(file.read_bytes()), engine="scipy") as record:
        return record.load()


def readable(file: Path) -> bool:
    """Whether a record can be read."""
    try:
        read_record(file)
    except UNREADABLE:
        return False
    return True


def missing(config: RunConfig, run: Path, *, damaged: bool = False) -> list[Wanted]:
    """The records that are not there; with ``damaged`` also those that cannot be opened, which takes longer."""
    return [one for one in wanted(config) if not (file := one.file(run)).is_file() or (damaged and not readable(file))]
