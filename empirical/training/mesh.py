"""Data parallelism: a mesh of devices over which the batch is sharded and parameters are replicated.

Nothing of a network changes. Where the batch axis is sharded, a mean over it is a mean over all devices: batch norm has
synchronised statistics, and the curves are those of one device up to rounding. Statistics of every replica alone are
another normalizer, ghost-R (`normalizers.PerReplica`), whose vectors lie within a device where R is a multiple of the
number of devices: then nothing is communicated, and m is that of a replica, on any number of devices.

Records and checkpoints do not know the mesh: a run moves between 1, 2 and 4 devices when it is resumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding, PartitionSpec

from bnverify.errors import InputError

_AXIS = "batch"


@dataclass(frozen=True)
class Processes:
    """Several processes of one run, as `jax.distributed` counts them: the coordinator's HOST:PORT, how many, which."""

    coordinator: str
    count: int
    number: int

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.count:
            raise InputError(
                got=f"process {self.number} of {self.count}",
                expected=f"a number from 0 to {self.count - 1}",
                advice="start every process with a --process of its own",
            )

    def join(self) -> None:
        """Join the others; blocks until all are there. To be called before the first computation."""
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(self.coordinator, self.count, self.number)


def host_devices(count: int) -> None:
    """Let this process have that many CPU devices; only before the first computation, and only without a GPU."""
    jax.config.update("jax_num_cpu_devices", count)


@dataclass(frozen=True)
class Mesh:
    """``devices`` devices (of all processes together) that share every batch."""

    devices: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.devices <= jax.device_count():
            raise InputError(
                got=f"{self.devices} devices",
                expected=f"1 to {jax.device_count()}, those that JAX has here",
                advice="pass fewer; on a CPU call host_devices first, or set JAX_NUM_CPU_DEVICES",
            )

    @property
    def writes(self) -> bool:
        """Whether this process writes the records: the first does."""
        return jax.process_index() == 0

    def wait(self, place: str) -> None:
        """Wait until every process is at this place."""
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices(place)

    def seen(self, tree: Any) -> Any:
        """What this process measures: a replicated tree, as arrays of its own where other processes hold it too."""
        return tree if jax.process_count() == 1 and self.devices == 1 else gathered(tree)

    @cached_property
    def _mesh(self) -> jax.sharding.Mesh:
        return jax.sharding.Mesh(np.array(jax.devices()[: self.devices]), (_AXIS,))

    def check(self, batch: int) -> None:
        """InputError where the batch cannot be shared equally."""
        if batch % self.devices:
            raise InputError(
                got=f"a batch of {batch} on {self.devices} devices",
                expected="as many samples on each",
                advice="choose a batch size that the number of devices divides",
            )

    def sharded(self, values: np.ndarray, *, axis: int = 0) -> jax.Array | np.ndarray:
        """An array of all samples with the given axis over the devices; every process holds the whole array and gives
        its part. As it is on one device."""
        if self.devices == 1:
            return values
        values = np.asarray(values)
        place = NamedSharding(self._mesh, PartitionSpec(*[None] * axis, _AXIS))
        return jax.make_array_from_callback(values.shape, place, lambda index: values[index])

    def replicated(self, tree: Any) -> Any:
        """A tree of arrays, whole on every device. As it is on one device."""
        if self.devices == 1:
            return tree
        place = NamedSharding(self._mesh, PartitionSpec())

        def put(leaf):
            leaf = np.asarray(leaf)
            return jax.make_array_from_callback(leaf.shape, place, lambda index: leaf[index])

        return jax.tree.map(put, tree)


def gathered(tree: Any) -> Any:
    """Replicated arrays as NumPy's, in every process."""

    def get(leaf):
        return np.asarray(leaf.addressable_data(0)) if isinstance(leaf, jax.Array) else leaf

    return jax.tree.map(get, tree)
