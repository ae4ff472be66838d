"""Which records a run of a configuration has when it is complete, which of them a directory has, and which it lacks.

A record belongs to the run by its name, and what it holds is what its name says: a file of another step, network or run
is as good as none.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

if TYPE_CHECKING:
    from bnverify.empirical.runs.config import RunConfig

UNREADABLE = (OSError, ValueError, TypeError, IndexError, KeyError, EOFError, OverflowError)
"""What reading a damaged NetCDF file raises, or one that holds another record."""
_SEAL = re.compile(rb"sha256\x00{5}\x02\x00{3}@(.{64})", re.DOTALL)
"""An attribute sha256 of 64 characters, as NetCDF-3 has it in a file."""


@dataclass(frozen=True)
class Wanted:
    """One record: what was measured of a network at a step, or at so many from that one on."""

    network: str
    kind: str
    step: int
    steps: int = 1

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
                yield Wanted(network, "curves", step, min(config.record_every, config.steps - step))
                if inline[network]:
                    yield Wanted(network, "inline", step)
    if not config.noise:
        yield Wanted("plain", "ray", config.steps)


def stored(config: RunConfig, run: Path, *, watched: bool = False) -> list[Wanted]:
    """The records that are there, by their names, in order of steps. How long a watched loop is, no configuration says:
    every step may be one of its."""
    if not watched:
        return [one for one in wanted(config) if one.file(run).is_file()]
    names = (re.fullmatch(r"exact-([0-9]{6,})", file.stem) for file in (run / "records" / "bn").glob("exact-*.nc"))
    steps = sorted({int(name[1]) for name in names if name})
    return [one for step in steps if (one := Wanted("bn", "exact", step)).file(run).is_file()]


def identity(run: Path) -> str:
    """What makes a run this one: 16 digits of the digest of its configuration and data, as config.json has them."""
    described = json.loads((run / "config.json").read_bytes())
    whole = json.dumps([described["config"], described["data"]["fingerprint"]], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def netcdf(dataset: xr.Dataset) -> bytes:
    """The file of a record, NetCDF-3. Its attribute sha256 is the digest of the file with 64 zeros in its place."""
    blank = bytes(dataset.assign_attrs(sha256=64 * "0").to_netcdf(engine="scipy"))
    (place,) = _SEAL.finditer(blank)
    return blank[: place.start(1)] + hashlib.sha256(blank).hexdigest().encode() + blank[place.end(1) :]


def _unsealed(content: bytes) -> bytes:
    """The same; ValueError where it has a digest (earlier versions wrote none), and not its own."""
    for place in _SEAL.finditer(content):
        blank = content[: place.start(1)] + 64 * b"0" + content[place.end(1) :]
        if hashlib.sha256(blank).hexdigest().encode() != place[1]:
            raise ValueError("it was changed since it was written")
    return content


def read_record(run: Path, one: Wanted) -> xr.Dataset:
    """A record in memory, raising one of `UNREADABLE` where it is damaged, or where what it holds is not what its name
    says. Nothing of the file stays mapped."""
    with xr.open_dataset(io.BytesIO(_unsealed(one.file(run).read_bytes())), engine="scipy") as record:
        found = record.load()
    found.attrs.pop("sha256", None)
    if found["step"].values.tolist() != list(range(one.step, one.step + one.steps)):
        raise ValueError(f"it holds step {', '.join(map(str, found['step'].values.ravel()[:3]))}")
    said = found.attrs.get("network", one.network), found.attrs.get("kind", one.kind)  # earlier versions did not say
    if said != (one.network, one.kind):
        raise ValueError(f"it holds {said[1]} of {said[0]}")
    if found.attrs.get("run", own := identity(run)) != own:
        raise ValueError("it is of a run with another configuration, or other data")
    return found


def readable(run: Path, one: Wanted) -> bool:
    """Whether a record can be read, and is the one that is wanted."""
    try:
        read_record(run, one)
    except UNREADABLE:
        return False
    return True


def missing(config: RunConfig, run: Path, *, damaged: bool = False) -> list[Wanted]:
    """The records that are not there; with ``damaged`` also those that cannot be read, which takes longer."""
    return [
        one for one in wanted(config) if not one.file(run).is_file() or (damaged and not readable(run, one))
    ]  # fmt: skip
