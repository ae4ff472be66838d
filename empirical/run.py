"""Train both networks on the same batches and record the theorems' quantities along the way; resumable at any point.

Order within a chunk: measure, train, write the records, then the checkpoint. What is after the last checkpoint is
computed again on resumption and comes out the same, because a step depends on the configuration, the data and the
previous state only.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
import xarray as xr

from empirical.config import NETWORKS, RunConfig
from empirical.dataset import Dataset, batch_indices, normalise
from empirical.errors import InputError
from empirical.network import Network
from empirical.records import FORMAT, Run, load_run, site_dataset, write_dataset, write_json
from empirical.sites import SiteMeasurement
from empirical.training import Trainer, TrainState
from empirical.vgg import IMAGE, cross_entropy, vgg

Report = Callable[[int], None]
_PACKAGES = ("jax", "jaxlib", "numpy", "optax", "orbax-checkpoint", "sympy", "xarray")


def environment() -> dict[str, Any]:
    """Versions and hardware, stored with every run."""
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    device = jax.devices()[0]
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "device": f"{device.platform}: {device.device_kind}",
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def train(config: RunConfig, dataset: Dataset, path: str | Path, *, progress: Report = lambda step: None) -> Run:
    """Train and record into a run directory, or go on where an interrupted run stopped.

    ``progress(step)`` is called after every chunk. InputError where the directory holds a run of another
    configuration or of other data, or cannot be written.
    """
    path = Path(path)
    _describe(path, config, dataset)
    key = jax.random.key(config.seed)
    trainers = {name: _trainer(name, config) for name in NETWORKS}
    measurements = {name: _measurement(name, config) for name in NETWORKS}
    shape = (config.batch, *IMAGE)
    initial = {name: trainer.start(key, shape) for name, trainer in trainers.items()}
    with _checkpoints(path) as manager:
        step, states = _restore(manager, initial)
        progress(step)
        while True:
            checked = step % config.check_every == 0 or step == config.steps
            for name in NETWORKS:
                if checked:
                    record = _exact(
                        config, dataset, step, trainers[name], measurements[name], states[name], initial[name]
                    )
                    write_dataset(path / "records" / name / f"exact-{step:06d}.nc", record)
            if step == config.steps:
                break
            size = min(config.record_every, config.steps - step)
            for name in NETWORKS:
                images, labels = _batches(config, dataset, range(step, step + size))
                states[name], curves, quantities = trainers[name].chunk(states[name], images, labels)
                ordered = {site.name: quantities[site.name] for site in trainers[name].network.sites}
                _write_chunk(path / "records" / name, step, size, curves, ordered)
            step += size
            manager.save(step, args=ocp.args.StandardSave(_plain(states)))
            manager.wait_until_finished()
            progress(step)
    return load_run(path)


@lru_cache
def _network(name: str, width: float, epsilon: float) -> Network:
    """One object for equal arguments, so that what is compiled for it serves every run of a process."""
    return vgg(batch_norm=name == "bn", width=width, epsilon=epsilon)


@lru_cache
def _compiled_trainer(network: Network, learning_rate: float, momentum: float, insertion_epsilon: float) -> Trainer:
    return Trainer(network, learning_rate, momentum, insertion_epsilon)


@lru_cache
def _compiled_measurement(network: Network, insertion_epsilon: float, groups: int) -> SiteMeasurement:
    return SiteMeasurement(network, cross_entropy, insertion_epsilon=insertion_epsilon, groups=groups)


def _trainer(name: str, config: RunConfig) -> Trainer:
    network = _network(name, config.width, config.epsilon)
    return _compiled_trainer(network, config.learning_rate, config.momentum, config.insertion_epsilon)


def _measurement(name: str, config: RunConfig) -> SiteMeasurement:
    network = _network(name, config.width, config.epsilon)
    return _compiled_measurement(network, config.insertion_epsilon, config.groups)


def _describe(path: Path, config: RunConfig, dataset: Dataset) -> None:
    """Write config.json, or check that the one there describes the same run."""
    data = {"name": dataset.name, "fingerprint": dataset.fingerprint, "train": len(dataset.train_labels),
            "test": len(dataset.test_labels), "classes": list(dataset.classes)}  # fmt: skip
    description = {"format": FORMAT, "config": asdict(config), "data": data, "environment": environment()}
    file = path / "config.json"
    if not file.exists():
        try:
            write_json(file, description)
        except OSError as error:
            raise InputError(
                got=f"cannot write {path} ({error.strerror})",
                expected="a directory that can be created and written",
                advice="pass another --out",
            ) from error
        return
    stored = load_run(path)
    differing = [
        f"{name} = {getattr(stored.config, name)!r} (now {value!r})"
        for name, value in asdict(config).items()
        if getattr(stored.config, name) != value
    ]
    if stored.description["data"]["fingerprint"] != dataset.fingerprint:
        differing.append(f"data {stored.description['data']['name']} with another fingerprint")
    if differing:
        raise InputError(
            got=f"{path} with {', '.join(differing)}",
            expected="the configuration the run was started with",
            advice="pass another --out, or delete the directory to start over",
        )


def _batches(config: RunConfig, dataset: Dataset, steps: range) -> tuple[np.ndarray, np.ndarray]:
    """Normalised images (k, N, 32, 32, 3) and labels (k, N) of the given steps."""
    rows = np.stack([batch_indices(config.seed, t, len(dataset.train_labels), config.batch) for t in steps])
    return normalise(dataset.train_images[rows]), dataset.train_labels[rows]


def _exact(config, dataset, step, trainer, measurement, state, initial) -> xr.Dataset:
    """All quantities in float64 at W_t on the batch of step t, and the test accuracy of W_t."""
    images, labels = _batches(config, dataset, range(step, step + 1))
    sites = measurement(
        state.params, initial.params, images[0], labels[0], seed=(config.seed, step), samples=config.samples
    )
    record = site_dataset(step, sites)
    record["test_accuracy"] = ("step", np.array([_test_accuracy(config, dataset, trainer, state)], np.float32))
    return record


def _test_accuracy(config: RunConfig, dataset: Dataset, trainer: Trainer, state: TrainState) -> float:
    count = min(config.test_images, len(dataset.test_labels))
    size = min(250, count)
    right = 0
    for start in range(0, count - size + 1, size):
        part = slice(start, start + size)
        right += int(trainer.correct(state, normalise(dataset.test_images[part]), dataset.test_labels[part]))
    return right / (count // size * size)


def _write_chunk(folder: Path, step: int, size: int, curves, quantities) -> None:
    curves = {name: np.asarray(values) for name, values in curves.items()}
    first = {site: {name: np.asarray(v)[0] for name, v in values.items()} for site, values in quantities.items()}
    steps = {"step": np.arange(step, step + size, dtype=np.int32)}
    write_dataset(folder / f"curves-{step:06d}.nc", xr.Dataset({k: ("step", v) for k, v in curves.items()}, steps))
    write_dataset(folder / f"inline-{step:06d}.nc", site_dataset(step, first))


def _checkpoints(path: Path) -> ocp.CheckpointManager:
    options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
    return ocp.CheckpointManager((path / "checkpoints").absolute(), options=options)


def _plain(states: dict[str, TrainState]) -> dict[str, Any]:
    """Leaves under numbered names: the tree's structure is the configuration's, only the arrays are stored."""
    return {name: {f"{i:04d}": leaf for i, leaf in enumerate(jax.tree.leaves(s))} for name, s in states.items()}


def _restore(manager: ocp.CheckpointManager, initial: dict[str, TrainState]) -> tuple[int, dict[str, TrainState]]:
    """(0, initial) or the last finished checkpoint."""
    step = manager.latest_step()
    if step is None:
        return 0, dict(initial)
    template = jax.tree.map(ocp.utils.to_shape_dtype_struct, _plain(initial))
    stored = manager.restore(step, args=ocp.args.StandardRestore(template))
    # Through NumPy: restored arrays are committed to a device, and would be compiled for once more.
    states = {
        name: jax.tree.unflatten(jax.tree.structure(state), [np.asarray(stored[name][k]) for k in sorted(stored[name])])
        for name, state in initial.items()
    }
    return step, states
