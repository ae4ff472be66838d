"""`bnverify train`: both networks on the same batches, with records; an interrupted run goes on where it stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bnverify.commands.options import (
    Batch,
    CheckEvery,
    Data,
    DatasetName,
    Download,
    Epsilon,
    LearningRate,
    Out,
    Preset,
    RecordEvery,
    Seed,
    Steps,
    Width,
)  # fmt: skip
from bnverify.commands.terminal import console
from bnverify.empirical.architectures import architecture
from bnverify.empirical.runs.config import RunConfig
from bnverify.empirical.runs.config import preset as named


def command(
    preset: Preset = "quick", out: Out = None, dataset: DatasetName = None, data: Data = None,
    download: Download = False, steps: Steps = None, batch: Batch = None, width: Width = None,
    learning_rate: LearningRate = None, epsilon: Epsilon = None, seed: Seed = None,
    record_every: RecordEvery = None, check_every: CheckEvery = None,
) -> Path:  # fmt: skip
    """Train both networks and record the theorems' quantities; the same command resumes an interrupted run."""
    config, path = _configure(
        preset, out, dataset=dataset, steps=steps, batch=batch, width=width, learning_rate=learning_rate,
        epsilon=epsilon, seed=seed, record_every=record_every, check_every=check_every,
    )  # fmt: skip
    train(config, path, data, download)
    return path


def _configure(name: str, out: Path | None, **options) -> tuple[RunConfig, Path]:
    config = named(name).changed(**options)
    return config, out or Path("runs") / name


def train(config: RunConfig, path: Path, data: Path | None, download: bool) -> None:
    """Train into a directory with a progress bar, and say which network diverged."""
    from bnverify.empirical.runs.experiment import load_data
    from bnverify.empirical.runs.run import train as run_training

    dataset = load_data(config, directory=data, download=download)
    what = architecture(config.architecture).words.pair(config.width)
    console.print(f"Training {what} for {config.steps} steps on {dataset.name} -> {path}")
    with _progress(config.steps) as update:
        finished = run_training(config, dataset, path, progress=update)
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
