"""Train both networks on the same batches and record the theorems' quantities along the way; resumable at any point.

Both networks are always named "bn", with whatever normaliser the configuration puts there, and "plain". What claims
about its normaliser speak of is measured in float64; inline records are of Theorem 4.1, where it is batch norm or none.

Order within a chunk: measure, train, write the records, then the checkpoint. What is after the last checkpoint is
computed again on resumption and comes out the same, because a step depends on the configuration, the data and the
previous state only. Records that are there and can be read are kept: a finished run is not measured again.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from bnverify.empirical.runs import experiment
from bnverify.empirical.runs.config import NETWORKS, RunConfig
from bnverify.empirical.runs.experiment import Data
from bnverify.empirical.runs.files import locked, remove_partial
from bnverify.empirical.runs.gaps import Wanted, missing
from bnverify.empirical.runs.records import FORMAT, Run, load_run, site_dataset, write_json, write_record
from bnverify.empirical.runs.states import load_states, save_states, stored_steps
from bnverify.empirical.training.mesh import Mesh, gathered
from bnverify.empirical.training.training import Trainer, TrainState
from bnverify.empirical.trajectory.observation import Here, due
from bnverify.errors import InputError

Report = Callable[[int], None]
_LONG = 2000
"""Steps from which on compiling a training step with all optimisations costs less than it saves."""
_PACKAGES = ("jax", "jaxlib", "numpy", "optax", "sympy", "xarray")


def environment() -> dict[str, Any]:
    """Versions and hardware, stored with every run."""
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    device = jax.devices()[0]
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "device": f"{device.platform}: {device.device_kind}",
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def train(
    config: RunConfig,
    dataset: Data,
    path: str | Path,
    *,
    progress: Report = lambda step: None,
    mesh: Mesh | None = None,
) -> Run:
    """Train and record into a run directory, or go on where an interrupted run stopped; ``dataset`` is that of
    `bnverify.empirical.runs.experiment.load_data`, or another of its kind.

    Records that are missing or damaged are measured again: the training goes back to the last stored state before the
    first of them; a complete run is left as it is. ``progress(step)`` is called after every chunk. ``mesh`` shares
    every batch between devices; it is no part of the run, which goes on with another. InputError where the directory
    holds a run of another configuration or of other data, or another process trains in it.
    """
    path, mesh = Path(path), mesh or Mesh()
    mesh.check(config.batch)
    description = _description(config, dataset)  # what does not fit is refused before a directory is made
    with locked(path) if mesh.writes else contextlib.nullcontext():
        if mesh.writes:
            _describe(path, config, description)
            remove_partial(path / "records", path / "checkpoints")
        mesh.wait("described")
        gaps = missing(config, path, damaged=True)
        if not gaps:  # also where the states were removed, from which it would be trained once more
            progress(config.steps)
            return load_run(path)
        initial = _start(config)
        step, states = _restore(config, path / "checkpoints", initial, min(gap.step for gap in gaps))
        mesh.wait("restored")
        for gap in gaps if mesh.writes else ():
            gap.file(path).unlink(missing_ok=True)  # damaged, or not there
        progress(step)
        placed = {name: mesh.replicated(state) for name, state in states.items()}
        _train(_Training(config, dataset, path, initial, mesh), step, placed, progress)
    return load_run(path)


def _start(config: RunConfig) -> dict[str, TrainState]:
    """The states of both networks before the first step."""
    key, shape = jax.random.key(config.seed), experiment.input_shape(config)
    return {name: experiment.trainer(name, config).start(key, shape) for name in NETWORKS}


@dataclass(frozen=True)
class _Training:
    """What stays the same while a run is trained."""

    config: RunConfig
    data: Data
    path: Path
    initial: dict[str, TrainState]
    mesh: Mesh

    def record(self, network: str, kind: str, step: int, measured: Callable[[], xr.Dataset]) -> None:
        """Write what is measured, unless it is there: files are written whole or not at all, by the first process."""
        one = Wanted(network, kind, step)
        if self.mesh.writes and not one.file(self.path).exists():
            write_record(self.path, one, measured())


def _train(run: _Training, step: int, states: dict[str, TrainState], progress: Report) -> None:
    """From the states of a step to the end; order within a chunk: measure, train, write, store the states."""
    config = run.config
    while True:
        checked = step % config.check_every == 0 or step == config.steps
        for name in NETWORKS if checked else ():
            run.record(name, "exact", step, partial(_exact, run, name, step, run.mesh.seen(states[name])))
        if step == config.steps:
            _write_ray(run, run.mesh.seen(states["plain"]))
            run.mesh.wait("measured")
            return
        size = min(config.record_every, config.steps - step)
        for name in NETWORKS:
            states[name] = _chunk(run, name, step, size, states[name])
        step += size
        if run.mesh.writes:
            save_states(config, run.path / "checkpoints", step, gathered(states))
        progress(step)


def _chunk(run: _Training, name: str, step: int, size: int, state: TrainState) -> TrainState:
    """Observe, train ``size`` steps, write what they recorded; the state after them."""
    config, trainer = run.config, experiment.trainer(name, run.config)
    inputs, labels = experiment.batches(config, run.data, range(step, step + size))
    here = Here(trainer, step, run.mesh.seen(state), inputs[0], labels[0], config.seed)
    for one in due(config, step):
        run.record(name, one.name, step, partial(one.measure, here))
    shared = (run.mesh.sharded(values, axis=1) for values in (inputs, labels))
    state, *recorded = _compiled(config)(trainer, state, *shared)
    curves, quantities = gathered(recorded)
    steps = {"step": np.arange(step, step + size, dtype=np.int32)}
    losses = {key: ("step", np.asarray(values)) for key, values in curves.items()}
    run.record(name, "curves", step, lambda: xr.Dataset(losses, steps))
    sites = [site.name for site in trainer.network.sites if site.name in quantities]
    if sites:
        first = {site: {key: np.asarray(v)[0] for key, v in quantities[site].items()} for site in sites}
        run.record(name, "inline", step, lambda: site_dataset(step, first))
    return state


def _compiled(config: RunConfig) -> Callable[..., Any]:
    """A chunk of training steps, as it is compiled for a run of that length."""
    return Trainer.chunk.thoroughly if config.steps >= _LONG else Trainer.chunk


def _description(config: RunConfig, dataset: Data) -> dict[str, Any]:
    """The content of config.json."""
    data, _ = (
        experiment.describe_data(config, dataset),
        experiment.network("bn", config),
    )  # a normalizer must be trainable
    return {"format": FORMAT, "config": config.to_json(), "data": data, "environment": environment()}


def _describe(path: Path, config: RunConfig, description: Mapping[str, Any]) -> None:
    """Write config.json, or check that the one there describes the same run; what is there without one is nobody's."""
    file = path / "config.json"
    if not file.exists():
        if found := [each.name for each in (path / "records", path / "checkpoints") if each.exists()]:
            raise InputError(
                got=f"{path} with {' and '.join(found)}, and without config.json",
                expected="a folder without a run, or one that says of which configuration it is",
                advice="put its config.json back, pass another --out, or delete the folder to start over",
            )
        write_json(file, description)
        return
    stored = load_run(path)
    differing = [
        f"{name} = {getattr(stored.config, name)!r} (now {value!r})"
        for name, value in asdict(config).items()
        if getattr(stored.config, name) != value
    ]
    if stored.description["data"]["fingerprint"] != description["data"]["fingerprint"]:
        differing.append(f"data {stored.description['data']['name']} with another fingerprint")
    if differing:
        raise InputError(
            got=f"{path} with {', '.join(differing)}",
            expected="the configuration the run was started with",
            advice="pass another --out, or delete the directory to start over",
        )


def _exact(run: _Training, name: str, step: int, state: TrainState) -> xr.Dataset:
    """The test of W_t and all quantities in float64 on the batch of step t."""
    config, trainer = run.config, experiment.trainer(name, run.config)
    inputs, labels = experiment.batches(config, run.data, range(step, step + 1))
    sites = experiment.measurement(name, config)(
        state.params, run.initial[name].params, inputs[0], labels[0], seed=(config.seed, step), samples=config.samples,
        moment=trainer.moment(state),
    )  # fmt: skip
    record = site_dataset(step, sites)
    for key, value in experiment.evaluation(config, run.data, trainer, state).items():
        record[key] = ("step", np.array([value], np.float32))
    return record


def _write_ray(run: _Training, state: TrainState) -> None:
    """Lemma 4.5 on the trained network."""
    config, measure = run.config, experiment.ray(run.config)
    if measure is not None:
        inputs, labels = experiment.batches(config, run.data, range(config.steps, config.steps + 1))

        def measured() -> xr.Dataset:
            record = measure(state.params, run.initial["plain"].params, inputs[0], labels[0])
            return record.expand_dims(step=np.array([config.steps], np.int32))

        run.record("plain", "ray", config.steps, measured)


def _restore(
    config: RunConfig, folder: Path, initial: dict[str, TrainState], before: int
) -> tuple[int, dict[str, TrainState]]:
    """The last stored states that can be read, of a step up to ``before``; else those before the first step."""
    for step in reversed(stored_steps(config, folder)):
        if step <= before:
            try:
                return step, load_states(folder, step, initial)
            except InputError as error:
                if "unreadable" not in error.got:
                    raise
    return 0, dict(initial)
