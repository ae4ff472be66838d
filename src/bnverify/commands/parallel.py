"""Devices and processes of a run, from the options; and whether JAX finds them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bnverify.commands.options import STATISTICS
from bnverify.errors import InputError, MachineError

if TYPE_CHECKING:
    from bnverify.empirical.training.mesh import Mesh


def normalizer(statistics: str, devices: int) -> str | None:
    """What `--statistics` puts into the configuration; None leaves it as it is."""
    if statistics not in STATISTICS:
        raise InputError(
            got=f"statistics {statistics!r}",
            expected=f"one of {', '.join(STATISTICS)}",
            advice="pass --statistics global",
        )
    return f"ghost-{devices}" if statistics == "replica" else None


@dataclass(frozen=True)
class Parallel:
    """The devices of all processes together, and which process this is."""

    devices: int = 1
    coordinator: str | None = None
    processes: int = 1
    process: int = 0

    def __post_init__(self) -> None:
        alone = self.processes == 1 and (self.process or self.coordinator is not None)
        if self.processes < 1 or alone:
            said = f"--coordinator {self.coordinator}" if self.coordinator is not None else f"--process {self.process}"
            raise InputError(
                got=f"{said} of one process" if alone else f"{self.processes} processes",
                expected="--processes with the number of all of them", advice="pass --processes 2 or more",
            )  # fmt: skip

    def mesh(self) -> Mesh:
        """Join the other processes, and share batches over the devices; MachineError unless JAX finds its platform."""
        with platform():
            return _joined(self)


@cache
def _joined(parallel: Parallel) -> Mesh:
    """Once a process: devices are counted before the first computation."""
    from bnverify.empirical.training.mesh import Mesh, Processes, host_devices

    if parallel.processes > 1 or parallel.devices > 1:
        host_devices(max(1, parallel.devices // parallel.processes))  # of the CPU; a GPU has its own
    if parallel.processes > 1:
        Processes(parallel.coordinator or "localhost:7411", parallel.processes, parallel.process).join()
    return Mesh(parallel.devices)


@contextlib.contextmanager
def platform() -> Iterator[None]:
    """MachineError where JAX does not find the platform it is told to use."""
    import jax

    try:
        yield
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # of JAX: its message, or none
        told = " ".join(str(error).split()) or "no device"
        raise MachineError(
            got=f"{told} (JAX_PLATFORMS={os.environ.get('JAX_PLATFORMS', '')})",
            expected="a platform of this machine",
            advice="unset JAX_PLATFORMS, or set it to cpu",
        ) from None
