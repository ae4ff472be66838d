"""`bnverify train`: both networks on the same batches, with records; an interrupted run goes on where it stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bnverify.commands.options import (
    STATISTICS,
    Batch,
    CheckEvery,
    Coordinator,
    Data,
    DatasetName,
    Devices,
    Download,
    Epsilon,
    LearningRate,
    Out,
    Preset,
    Process,
    ProcessCount,
    RecordEvery,
    Seed,
    Statistics,
    Steps,
    Width,
)  # fmt: skip
from bnverify.commands.terminal import console
from bnverify.empirical.architectures import architecture
from bnverify.empirical.runs.config import RunConfig
from bnverify.empirical.runs.config import preset as named
from bnverify.errors import InputError


def command(
    preset: Preset = "quick", out: Out = None, dataset: DatasetName = None, data: Data = None,
    download: Download = False, steps: Steps = None, batch: Batch = None, width: Width = None,
    learning_rate: LearningRate = None, epsilon: Epsilon = None, seed: Seed = None,
    record_every: RecordEvery = None, check_every: CheckEvery = None, devices: Devices = 1,
    statistics: Statistics = "global", coordinator: Coordinator = None, processes: ProcessCount = 1,
    process: Process = 0,
) -> Path:  # fmt: skip
    """Train both networks and record the theorems' quantities; the same command resumes an interrupted run."""
    normalizer = _normalizer(statistics, devices)
    config, path = _configure(
        preset, out, dataset=dataset, steps=steps, batch=batch, width=width, learning_rate=learning_rate,
        epsilon=epsilon, seed=seed, record_every=record_every, check_every=check_every, normalizer=normalizer,
    )  # fmt: skip
    parallel = Parallel(devices, coordinator, processes, process)
    train(config, path, data, download, parallel)
    return path


def _configure(name: str, out: Path | None, **options) -> tuple[RunConfig, Path]:
    config = named(name).changed(**options)
    return config, out or Path("runs") / name


def _normalizer(statistics: str, devices: int) -> str | None:
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

    def mesh(self):
        """Join the other processes, and share batches over the devices."""
        from bnverify.empirical.training.mesh import Mesh, Processes, host_devices

        if self.processes > 1 or self.devices > 1:
            host_devices(max(1, self.devices // self.processes))  # of the CPU; a GPU has its own
        if self.processes > 1:
            Processes(self.coordinator or "localhost:7411", self.processes, self.process).join()
        return Mesh(self.devices)


def train(config: RunConfig, path: Path, data: Path | None, download: bool, parallel: Parallel = Parallel()) -> None:
    """Train into a directory with a progress bar, and say which network diverged."""
    from bnverify.empirical.runs.experiment import load_data
    from bnverify.empirical.runs.run import train as run_training

    mesh = parallel.mesh()
    dataset = load_data(config, directory=data, download=download)
    what = architecture(config.architecture).words.pair(config.width)
    console.print(f"Training {what} for {config.steps} steps on {dataset.name} -> {path}")
    with _progress(config.steps) as update:
        finished = run_training(config, dataset, path, progress=update, mesh=mesh)
    for network in finished.curves:
        step = finished.diverged(network)
        if step is not None:
            console.print(f"[yellow]{network}: the loss became non-finite at step {step}; recorded as diverged.[/]")


@contextlib.contextmanager
def _progress(steps: int) -> Iterator:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("steps,"),
        TimeElapsedColumn(), TextColumn("elapsed,"), TimeRemainingColumn(), TextColumn("left"),
    )  # fmt: skip
    if not console.is_terminal:  # a file gets a line at every tenth
        tenth = 0

        def tell(step: int) -> None:
            nonlocal tenth
            if 10 * step // steps > tenth:
                tenth = 10 * step // steps
                console.print(f"step {step} of {steps}")

        yield tell
        return
    with Progress(*columns, console=console, refresh_per_second=2) as bars:  # it takes its time from the compiler's
        task = bars.add_task("train and measure", total=steps)
        yield lambda step: bars.update(task, completed=step)
