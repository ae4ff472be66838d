"""`bnverify run`: prove, train, verify and report; of a named experiment, all its runs and what they found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bnverify.commands import train
from bnverify.commands.choosing import Chosen, configured, intervals, seeded, usable, with_data
from bnverify.commands.options import with_options_of
from bnverify.commands.parallel import Parallel, normalizer
from bnverify.commands.report import report, tell
from bnverify.commands.terminal import console
from bnverify.commands.verify import Outcome, verify
from bnverify.errors import MachineError

Runs = Mapping[str, Chosen]
"""Configurations and directories by label, one a seed."""


@with_options_of(train.command)
def command(
    experiment: Annotated[str | None, typer.Option(help="A named experiment; see `bnverify experiments`.")] = None,
    scale: Annotated[str, typer.Option(help="Of the experiment: quick or paper.")] = "quick",
    on: Annotated[str, typer.Option(help="here, or ray, ray:auto, ray://HOST:PORT: many runs at a time.")] = "here",
    **options,
) -> None:
    """Everything: prove, train, verify and report. Ends with the verdict table and the path of the report."""
    data, download = options.pop("data"), options.pop("download")
    name, out, seeds = options.pop("preset"), options.pop("out"), options.pop("seeds")
    parallel = Parallel(*(options.pop(key) for key in ("devices", "coordinator", "processes", "process")))
    options["every"] = intervals(options.pop("every"))
    options["normalizer"] = normalizer(options.pop("statistics"), parallel.devices)
    # What is wrong fails before the proofs.
    if experiment is None:
        asked: Runs = {"": configured(name, out, data, seeds, options)}
        directory = usable(out or Path("runs") / name)
    else:
        directory = usable(out or Path("runs") / f"{experiment}-{scale}")
        asked = _of_experiment(experiment, scale, directory, data, seeds, options)
    _prove()
    if on != "here":
        _sweep(asked, on, data)
    outcome, finished = Outcome(), []
    for label, members in asked.items():
        for config, path in members:
            if experiment is not None:
                console.rule(f"{experiment}: {label}" + (f", seed {config.seed}" if len(members) > 1 else ""))
            stored = train.train(config, path, data, download, parallel)
            outcome += verify(stored)
            if experiment is None:
                finished.append(stored)
    if experiment is None:
        report(*finished, out=directory / "report" if len(finished) > 1 else None)
    else:
        observe(experiment, scale, directory, {label: [path for _, path in own] for label, own in asked.items()})
    raise typer.Exit(outcome.status)


def _prove() -> None:
    """Prove everything, or find that what was proved before is the same to the line; ProofError where a proof fails."""
    from bnverify.reports.document.derived import derived

    found = derived()
    before = " before, and nothing they rest on has changed" if found.kept else ""
    console.print(f"{len(found.claims)} claims proved exactly{before}, for symbolic m, gamma and epsilon.")


def _sweep(asked: Runs, on: str, data: Path | None) -> None:
    """Train all runs on an engine; those that fail are named, and trained here by what follows."""
    from bnverify.empirical.runs.sweep import Task, sweep

    tasks = [
        Task(f"{label or config.preset}, seed {config.seed}", config, path, data)
        for label, members in asked.items()
        for config, path in members
    ]
    ended = 0

    def tell(task: Task, state: str) -> None:
        nonlocal ended
        ended += state != "waiting"
        console.print(f"[{ended}/{len(tasks)}] {task.label}: {state}", highlight=False, markup=False)

    failed = sweep(tasks, on, tell=tell)
    if failed:
        raise MachineError(
            got=f"{len(failed)} of {len(tasks)} runs failed: {', '.join(task.label for task in failed)}",
            expected="every run trained to its end",
            advice="see the reasons above; the same command goes on with what is missing",
        )


def _of_experiment(name: str, scale: str, directory: Path, data, seeds: int, options: Mapping[str, Any]) -> Runs:
    from bnverify.empirical.experiments.experiments import experiment as named
    from bnverify.empirical.experiments.experiments import folder

    asked = {}
    for label, base in named(name).runs(scale).items():
        config = with_data(base, data, options).changed(**options)
        asked[label] = seeded(config, directory / folder(label), seeds)
    return asked


def observe(name: str, scale: str, directory: Path, paths: Mapping[str, Sequence[Path]]) -> None:
    """Compare an experiment's finished runs with what was published; table, findings.json and report."""
    from bnverify.empirical.experiments.experiments import experiment as named
    from bnverify.empirical.experiments.findings import findings, findings_json
    from bnverify.empirical.runs.records import load_run, write_json
    from bnverify.reports.chapters.experiment_report import build_experiment_report

    chosen = named(name)
    finished = {label: [load_run(path) for path in members] for label, members in paths.items()}
    found = findings(chosen, finished)
    write_json(directory / "findings.json", findings_json(chosen, scale, finished, found, directory))
    table = Table("published", "place", "ours", "verdict", title="Observed, not asserted")
    for one in found:
        table.add_row(one.published.words, one.published.place, one.ours, one.verdict)
    console.print(table)
    tell(build_experiment_report(chosen, {label: members[0] for label, members in finished.items()}, directory))
    everything = [run for members in finished.values() for run in members]
    if len(everything) > len(finished):  # several seeds: their bands
        from bnverify.reports.chapters.comparison_report import build_comparison

        tell(build_comparison(everything, directory / "seeds"))
