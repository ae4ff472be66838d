"""The options that `train` and `run` share."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated

import typer

from bnverify.commands.paths import directory_option
from bnverify.empirical.runs.config import PRESETS

Preset = Annotated[str, typer.Option(help=f"One of {', '.join(PRESETS)}.")]
Out = Annotated[Path | None, directory_option("Run directory; runs/PRESET by default.")]
DatasetName = Annotated[str | None, typer.Option("--dataset", help="synthetic or cifar10.")]
Data = Annotated[Path | None, directory_option("Directory of CIFAR-10 in its binary layout; then it is the data set.")]
Download = Annotated[bool, typer.Option(help="Fetch CIFAR-10 into --data (170 MB, checksum verified).")]
Steps = Annotated[int | None, typer.Option(help="Training steps.")]
Batch = Annotated[int | None, typer.Option(help="Batch size.")]
Width = Annotated[float | None, typer.Option(help="Width multiplier of the convolutions; 1 is the full VGG.")]
LearningRate = Annotated[float | None, typer.Option(help="Learning rate of SGD.")]
Momentum = Annotated[float | None, typer.Option(help="Momentum of SGD, 0 for none; the paper has none.")]
WeightDecay = Annotated[float | None, typer.Option(help="Weight decay, coupled, of all parameters.")]
Epsilon = Annotated[float | None, typer.Option(help="Epsilon of the trained batch norms.")]
Seed = Annotated[int | None, typer.Option(help="Seed of weights, batches and test vectors.")]
Seeds = Annotated[int, typer.Option(help="Runs with so many seeds, from --seed on.")]
RecordEvery = Annotated[int | None, typer.Option(help="Steps between float32 records of Theorem 4.1.")]
CheckEvery = Annotated[int | None, typer.Option(help="Steps between float64 checks of all claims.")]
Every = Annotated[
    list[str] | None,
    typer.Option(help="Steps between two observations of a kind, as landscape=250; 0 for never. May be repeated."),
]
STATISTICS = ("global", "replica")
Devices = Annotated[int, typer.Option(help="Devices that share every batch; a run goes on with any number of them.")]
Statistics = Annotated[
    str, typer.Option(help="global: batch norm sees the whole batch; replica: each device its own samples, as ghost-R.")
]
Coordinator = Annotated[str | None, typer.Option(help="HOST:PORT of process 0, where there are several processes.")]
ProcessCount = Annotated[int, typer.Option("--processes", help="Processes of the run; --devices counts those of all.")]
Process = Annotated[int, typer.Option(help="Which of the processes this is, from 0.")]


def with_options_of(command):
    """The options of another command behind one's own."""

    def decorate(function):
        own = inspect.signature(function, eval_str=True)
        kept = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        more = list(inspect.signature(command, eval_str=True).parameters.values())
        function.__signature__ = own.replace(parameters=[*kept, *more])
        function.__annotations__ = {p.name: p.annotation for p in (*kept, *more)}
        return function

    return decorate
