"""`bnverify run`: prove, train, verify and report; of a named experiment, all its runs and what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bnverify.commands import train
from bnverify.commands.options import with_options_of
from bnverify.commands.report import report, tell
from bnverify.commands.terminal import VIOLATED, console
from bnverify.commands.verify import verify
from bnverify.empirical.architectures import architecture
from bnverify.empirical.runs.config import preset
from bnverify.theory import CLAIMS


@with_options_of(train.command)
def command(
    experiment: Annotated[str | None, typer.Option(help="A named experiment; see `bnverify experiments`.")] = None,
    scale: Annotated[str, typer.Option(help="Of the experiment: quick or paper.")] = "quick",
    **options,
) -> None:
    """Everything: prove, train, verify and report. Ends with the verdict table and the path of the report."""
    from bnverify.empirical.experiments.experiments import experiment as named

    if experiment is None:  # a wrong name fails before the proofs
        preset(options["preset"])
    else:
        named(experiment).runs(scale)
    for claim in CLAIMS.values():
        claim.prove()
    console.print(f"{len(CLAIMS)} claims proved exactly, for symbolic m, gamma and epsilon.")
    if experiment is not None:
        violations = _run_experiment(experiment, scale, **options)
    else:
        path = train.command(**options)
        violations = verify(path)
        report(path)
    raise typer.Exit(VIOLATED if violations else 0)


def _run_experiment(name: str, scale: str, *, preset: str, out: Path | None, **options) -> int:
    """Train, verify and report every run of an experiment; the number of violations."""
    from bnverify.empirical.experiments.experiments import experiment as named
    from bnverify.empirical.experiments.findings import findings
    from bnverify.empirical.runs.records import load_run, write_json

    chosen = named(name)
    directory = out or Path("runs") / f"{name}-{scale}"
    data, download = options.pop("data"), options.pop("download")
    violations, finished = 0, {}
    for label, config in chosen.runs(scale).items():
        if data is not None and "cifar10" in architecture(config.architecture).task.datasets:
            config = config.changed(dataset="cifar10")
        path = directory / label.replace(" ", "-").replace(",", "")
        console.rule(f"{name}: {label}")
        train.train(config.changed(**options), path, data, download)
        violations += verify(path)
        finished[label] = load_run(path)
    found = findings(chosen, finished)
    write_json(directory / "findings.json", {
        "experiment": name, "scale": scale, "runs": {label: run.path.name for label, run in finished.items()},
        "observed": [
            {"published": f.published.words, "place": f.published.place, "ours": f.ours, "verdict": f.verdict}
            for f in found
        ],
    })  # fmt: skip
    table = Table("published", "place", "ours", "verdict", title="Observed, not asserted")
    for one in found:
        table.add_row(one.published.words, one.published.place, one.ours, one.verdict)
    console.print(table)
    _report_experiment(chosen, finished, directory)
    return violations


def _report_experiment(chosen, finished, directory: Path) -> None:
    from bnverify.reports.chapters.experiment_report import build_experiment_report

    tell(build_experiment_report(chosen, finished, directory))
