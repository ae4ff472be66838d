"""Train both networks on the same batches and record the theorems' quantities along the way; resumable at any point.

Both networks are always named "bn", with whatever normaliser the configuration puts there, and "plain". What claims
about its normaliser speak of is measured in float64; inline records are of Theorem 4.1, where it is batch norm or none.

Order within a chunk: measure, train, write the records, then the checkpoint. What is after the last checkpoint is
computed again on resumption and comes out the same, because a step depends on the configuration, the data and the
previous state only. Measurements that are there are kept: a finished run is not measured again.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
import xarray as xr

from bnverify.empirical.runs import experiment
from bnverify.empirical.runs.config import NETWORKS, RunConfig
from bnverify.empirical.runs.experiment import Data
from bnverify.empirical.runs.records import FORMAT, Run, load_run, site_dataset, write_dataset, write_json
from bnverify.empirical.training.training import TrainState
from bnverify.empirical.trajectory.trajectory import due
from bnverify.errors import InputError

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


def train(config: RunConfig, dataset: Data, path: str | Path, *, progress: Report = lambda step: None) -> Run:
    """Train and record into a run directory, or go on where an interrupted run stopped; ``dataset`` is that of
    `bnverify.empirical.runs.experiment.load_data`, or another of its kind.

    ``progress(step)`` is called after every chunk. InputError where the directory holds a run of another
    configuration or of other data, or cannot be written.
    """
    path = Path(path)
    _describe(path, config, dataset)
    key = jax.random.key(config.seed)
    trainers = {name: experiment.trainer(name, config) for name in NETWORKS}
    measurements = {name: experiment.measurement(name, config) for name in NETWORKS}
    trajectories = {name: experiment.trajectory(name, config) for name in NETWORKS}
    shape = experiment.input_shape(config)
    initial = {name: trainer.start(key, shape) for name, trainer in trainers.items()}
    with _checkpoints(path) as manager:
        step, states = _restore(manager, initial)
        progress(step)
        while True:
            checked = step % config.check_every == 0 or step == config.steps
            for name in NETWORKS if checked else ():
                of = (trainers[name], measurements[name], states[name], initial[name])
                _record(path / "records" / name / f"exact-{step:06d}.nc", partial(_exact, config, dataset, step, *of))
            if step == config.steps:
                _write_ray(path, config, dataset, states["plain"], initial["plain"])
                break
            size = min(config.record_every, config.steps - step)
            for name in NETWORKS:
                inputs, labels = experiment.batches(config, dataset, range(step, step + size))
                for kind in due(config, step):
                    at = (kind, step, states[name], inputs[0], labels[0])
                    measured = partial(trajectories[name].measure, *at, seed=config.seed)
                    _record(path / "records" / name / f"{kind}-{step:06d}.nc", measured)
                states[name], curves, quantities = trainers[name].chunk(states[name], inputs, labels)
                sites = trainers[name].network.sites
                ordered = {site.name: quantities[site.name] for site in sites if site.name in quantities}
                _write_chunk(path / "records" / name, step, size, curves, ordered)
            step += size
            manager.save(step, args=ocp.args.StandardSave(_plain(states)))
            manager.wait_until_finished()
            progress(step)
    return load_run(path)


def _record(file: Path, measured: Callable[[], xr.Dataset]) -> None:
    """Write what is measured, unless an earlier start of the run has: files are written whole or not at all."""
    if not file.exists():
        write_dataset(file, measured())


def _describe(path: Path, config: RunConfig, dataset: Data) -> None:
    """Write config.json, or check that the one there describes the same run."""
    data = experiment.describe_data(config, dataset)
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


def _exact(config, data, step, trainer, measurement, state, initial) -> xr.Dataset:
    """The test of W_t and all quantities in float64 on the batch of step t."""
    inputs, labels = experiment.batches(config, data, range(step, step + 1))
    sites = measurement(
        state.params, initial.params, inputs[0], labels[0], seed=(config.seed, step), samples=config.samples,
        moment=trainer.moment(state),
    )  # fmt: skip
    record = site_dataset(step, sites)
    for name, value in experiment.evaluation(config, data, trainer, state).items():
        record[name] = ("step", np.array([value], np.float32))
    return record


def _write_ray(path: Path, config, data, state, initial) -> None:
    """Lemma 4.5 on the trained network."""
    measure = experiment.ray(config)
    if measure is not None:
        inputs, labels = experiment.batches(config, data, range(config.steps, config.steps + 1))

        def measured() -> xr.Dataset:
            record = measure(state.params, initial.params, inputs[0], labels[0])
            return record.expand_dims(step=np.array([config.steps], np.int32))

        _record(path / "records" / "plain" / f"ray-{config.steps:06d}.nc", measured)


def _write_chunk(folder: Path, step: int, size: int, curves, quantities) -> None:
    curves = {name: np.asarray(values) for name, values in curves.items()}
    first = {site: {name: np.asarray(v)[0] for name, v in values.items()} for site, values in quantities.items()}
    steps = {"step": np.arange(step, step + size, dtype=np.int32)}
    write_dataset(folder / f"curves-{step:06d}.nc", xr.Dataset({k: ("step", v) for k, v in curves.items()}, steps))
    if first:
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
