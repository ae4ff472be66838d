"""`bnverify reproduce`: all experiments within a time budget, in order of worth, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from bnverify.commands.choosing import usable
from bnverify.commands.parallel import Parallel
from bnverify.commands.paths import directory_option
from bnverify.commands.terminal import INCOMPLETE, VIOLATED, console
from bnverify.errors import InputError


def command(
    data: Annotated[Path | None, directory_option("Directory of CIFAR-10 in its binary layout.")] = None,
    out: Annotated[Path, directory_option("Where everything is kept; the same command goes on there.")] = Path(
        "reproduction"
    ),
    budget: Annotated[str, typer.Option(help="Time to spend now: 90s, 25m, 8h, 2d.")] = "25m",
    scale: Annotated[str, typer.Option(help="Of the width: paper, half or quarter.")] = "paper",
    seeds: Annotated[int, typer.Option(help="Trainings with so many seeds, all of one before the next.")] = 3,
    only: Annotated[list[str] | None, typer.Option(help="An experiment; may be repeated. All without it.")] = None,
    steps: Annotated[int | None, typer.Option(help="Fewer training steps, for a rehearsal.")] = None,
) -> None:
    """Train what was published, as far as the budget reaches; a table says what is done and what is missing."""
    from bnverify.empirical.experiments.experiments import experiment
    from bnverify.empirical.experiments.plan import plan
    from bnverify.empirical.experiments.reproduce import Budget, conclude, perform, seconds, table

    limit = Budget(seconds(budget))
    names = [experiment(name).name for name in only or []]
    if seeds < 1:
        raise InputError(got=f"--seeds {seeds}", expected="at least one", advice="pass 3 to see whether signs agree")
    trainings = plan(scale, range(seeds), names or None, steps=steps)
    for training in trainings:
        if training.config.dataset == "cifar10" and data is None:
            raise InputError(
                got=f"no --data for {training.name}",
                expected="the directory of CIFAR-10, on which it was published",
                advice="pass --data DIR, or --only with an experiment of the deep linear network",
            )
    directory = usable(out)
    perform(trainings, directory, _train(data), limit, lambda training: console.rule(training.name))
    rows = table(trainings, directory)
    found = conclude(rows, directory, scale)
    _show(rows, found)
    if any(row.violations for row in rows):
        raise typer.Exit(VIOLATED)
    raise typer.Exit(0 if all(row.state == "done" for row in rows) else INCOMPLETE)


def _train(data: Path | None):
    """Train one run; the data are read once."""
    from functools import cache

    from bnverify.empirical.runs.cache import keep_compiled
    from bnverify.empirical.runs.experiment import load_data
    from bnverify.empirical.runs.run import train

    keep_compiled()
    mesh = Parallel().mesh()
    images = cache(lambda config: load_data(config, directory=data))

    def one(config, path, progress):
        key = config.changed(seed=0) if config.dataset == "cifar10" else config  # the same files for every seed
        train(config, images(key), path, progress=progress, mesh=mesh)

    return one


def _show(rows, found) -> None:
    columns = (Column(name, justify="right") for name in ("step", "of", "violations", "time left"))
    shown = Table(
        Column("training", overflow="fold"), "for", "state", *columns, title="What is done and what is missing"
    )
    for row in rows:
        uses = ", ".join(dict.fromkeys(name for name, _ in row.training.uses))
        violations = "-" if row.violations is None else str(row.violations)
        numbers = (f"{row.step:,}", f"{row.training.config.steps:,}", violations, _duration(row.expected))
        colour = {"done": "green", "begun": "yellow"}.get(row.state, "red")
        shown.add_row(row.training.name, uses, f"[{colour}]{row.state}[/]", *numbers)
    console.print(shown)
    observed = Table("experiment", "published", "ours", "verdict", title="Observed, not asserted")
    for name, findings in found.items():
        for one in findings:
            observed.add_row(name, one.published.words, one.ours, one.verdict)
    if found:
        console.print(observed)
    left = [row.expected for row in rows if row.state != "done"]
    if left:
        known = sum(seconds for seconds in left if seconds is not None)
        unknown = sum(seconds is None for seconds in left)
        tail = f" and {unknown} trainings of which no step was timed" if unknown else ""
        console.print(f"{len(left)} of {len(rows)} trainings are not done: about {_duration(known)}{tail}. "
                      "The same command goes on.")  # fmt: skip


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
