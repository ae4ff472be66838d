"""`bnverify train`: both networks on the same batches, with records; an interrupted run goes on where it stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bnverify.commands.choosing import configured, intervals
from bnverify.commands.options import (
    Batch,
    CheckEvery,
    Coordinator,
    Data,
    DatasetName,
    Devices,
    Download,
    Epsilon,
    Every,
    LearningRate,
    Momentum,
    Out,
    Preset,
    Process,
    ProcessCount,
    RecordEvery,
    Seed,
    Seeds,
    Statistics,
    Steps,
    WeightDecay,
    Width,
)  # fmt: skip
from bnverify.commands.parallel import Parallel, normalizer
from bnverify.commands.terminal import console
from bnverify.empirical.architectures import architecture
from bnverify.empirical.runs.config import RunConfig

if TYPE_CHECKING:
    from bnverify.empirical.runs.records import Run


def command(
    preset: Preset = "quick", out: Out = None, dataset: DatasetName = None, data: Data = None,
    download: Download = False, steps: Steps = None, batch: Batch = None, width: Width = None,
    learning_rate: LearningRate = None, momentum: Momentum = None, weight_decay: WeightDecay = None,
    epsilon: Epsilon = None, seed: Seed = None, seeds: Seeds = 1, record_every: RecordEvery = None,
    check_every: CheckEvery = None, every: Every = None, devices: Devices = 1, statistics: Statistics = "global",
    coordinator: Coordinator = None, processes: ProcessCount = 1, process: Process = 0,
) -> None:  # fmt: skip
    """Train both networks and record the theorems' quantities; the same command resumes an interrupted run."""
    options = {
        "dataset": dataset, "steps": steps, "batch": batch, "width": width, "learning_rate": learning_rate,
        "momentum": momentum, "weight_decay": weight_decay, "epsilon": epsilon, "seed": seed,
        "record_every": record_every, "check_every": check_every, "every": intervals(every),
        "normalizer": normalizer(statistics, devices),
    }  # fmt: skip
    parallel = Parallel(devices, coordinator, processes, process)
    for config, path in configured(preset, out, data, seeds, options):
        train(config, path, data, download, parallel)


def train(config: RunConfig, path: Path, data: Path | None, download: bool, parallel: Parallel) -> Run:
    """Train into a directory with a progress bar, and say which network diverged; the finished run."""
    from bnverify.empirical.runs.cache import keep_compiled
    from bnverify.empirical.runs.experiment import load_data
    from bnverify.empirical.runs.run import train as run_training

    keep_compiled()
    mesh = parallel.mesh()
    dataset = load_data(config, directory=data, download=download)
    what = architecture(config.architecture).words.pair(config.width)
    console.print(f"Training {what} for {config.steps} steps on {dataset.name} -> {path}")
    with progress(config.steps) as update:
        finished = run_training(config, dataset, path, progress=update, mesh=mesh)
    for network in finished.curves:
        step = finished.diverged(network)
        if step is not None:
            console.print(f"[yellow]{network}: the loss became non-finite at step {step}; recorded as diverged.[/]")
    return finished


@contextlib.contextmanager
def progress(steps: int) -> Iterator:
    """A bar, or in a file a line at every tenth."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("steps,"),
        TimeElapsedColumn(), TextColumn("elapsed,"), TimeRemainingColumn(), TextColumn("left"),
    )  # fmt: skip
    if not console.is_terminal:
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
