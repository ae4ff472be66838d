"""The command line: derive, train, verify, report. Each command is a thin layer over theory, empirical and reports."""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table

from bnverify.empirical.judgement.verdict import Verdict as ClaimVerdict
from bnverify.empirical.runs.config import PRESETS, RunConfig, preset
from bnverify.errors import InputError
from bnverify.theory import (
    AUDIT,
    CLAIMS,
    NORMALIZERS,
    Normalizer,
    Printed,
    UnknownClaim,
    Verdict,
    explain,
    smoothing,
    to_json,
)

app = typer.Typer(
    help="Settle what is true about batch normalisation: derive, train, measure, compare, report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
console = Console()
VIOLATED, BAD_INPUT, INTERRUPTED = 1, 2, 130
_LEGEND = (
    "points: where both sides were compared; apart: counted apart, for the reasons below; worst: the largest residual, "
    "|left - right| (of a bound left - right) over the sum of the terms; tight: median of right / left of a bound."
)

Preset = Annotated[str, typer.Option(help=f"One of {', '.join(PRESETS)}.")]
Out = Annotated[Path | None, typer.Option(help="Run directory; runs/PRESET by default.")]
DatasetName = Annotated[str | None, typer.Option("--dataset", help="synthetic or cifar10.")]
Data = Annotated[Path | None, typer.Option(help="Directory of CIFAR-10 in its binary layout.")]
Download = Annotated[bool, typer.Option(help="Fetch CIFAR-10 into --data (170 MB, checksum verified).")]
Steps = Annotated[int | None, typer.Option(help="Training steps.")]
Batch = Annotated[int | None, typer.Option(help="Batch size.")]
Width = Annotated[float | None, typer.Option(help="Width multiplier of the convolutions; 1 is the full VGG.")]
LearningRate = Annotated[float | None, typer.Option(help="Learning rate of SGD.")]
Epsilon = Annotated[float | None, typer.Option(help="Epsilon of the trained batch norms.")]
Seed = Annotated[int | None, typer.Option(help="Seed of weights, batches and test vectors.")]
RecordEvery = Annotated[int | None, typer.Option(help="Steps between float32 records of Theorem 4.1.")]
CheckEvery = Annotated[int | None, typer.Option(help="Steps between float64 checks of all claims.")]
RunDirectory = Annotated[Path, typer.Argument(help="A directory written by `bnverify run` or `train`.")]


@app.command()
def theory(
    key: Annotated[
        str | None, typer.Argument(help="A claim, an audit record or a normaliser; everything in tables without it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Proofs, certificates and audit as JSON.")] = False,
) -> None:
    """Prove the claims and audit the printed formulas; with KEY, one of them with its proof or counterexample."""
    if as_json:
        _print_json(key)
    elif key is not None:
        _show(key)
    else:
        _show_claims()
        _show_audit()


def _columns(key: str, *names: str) -> list[Column]:
    """Columns: the first has keys, which are for copying and stay whole; in the others long words are broken."""
    return [Column(key, no_wrap=True), *(Column(name, overflow="fold") for name in names)]


def _show_claims() -> None:
    columns = _columns("claim", "kind", "statement", "steps", "proof")
    table = Table(*columns, title="Derived for symbolic m, gamma, epsilon")
    for claim in CLAIMS.values():
        table.add_row(claim.key, claim.kind, claim.title, str(len(claim.prove())), "[green]exact[/]")
    console.print(table)
    console.print(f"{len(CLAIMS)} claims proved.")


def _show_audit() -> None:
    style = {Verdict.TRUE: "green", Verdict.EQUALITY: "green", Verdict.CONDITIONAL: "yellow"}
    columns = _columns("printed", "statement", "source", "verdict", "true instead", "smallest counterexample")
    table = Table(*columns, title="What is printed, and how it fares")
    for record in AUDIT.values():
        record.check()
        verdict = f"[{style.get(record.verdict, 'red')}]{record.verdict.value}[/]"
        example = "" if record.counterexample is None else str(record.counterexample)
        table.add_row(record.key, record.title, str(record.source), verdict, record.corrected[0], example)
    console.print(table)
    console.print(
        f"{len(AUDIT)} printed formulas audited: every verdict proved or refuted by exact arithmetic.\n"
        "`bnverify theory KEY` prints one claim with its proof, one formula with its counterexample, or one normaliser "
        f"({', '.join(NORMALIZERS)})."
    )


def _show(key: str) -> None:
    if key in CLAIMS:
        console.print(str(explain(CLAIMS[key])), soft_wrap=True, highlight=False, markup=False)
    elif key in AUDIT:
        _show_record(AUDIT[key])
    elif key in NORMALIZERS:
        _show_normalizer(NORMALIZERS[key])
    else:
        raise UnknownClaim("key", key, (*CLAIMS, *AUDIT, *NORMALIZERS))


def _show_record(record: Printed) -> None:
    record.check()
    lines = [
        f"{record.title}  ({record.source})",
        f"  {record.relation.lhs} {record.relation.rel_op} {record.relation.rhs}",
    ]
    lines += [f"  if {p.lhs} {p.rel_op} {p.rhs}" for p in record.premises]
    lines += [f"Verdict: {record.verdict.value}. {record.remark}"]
    if record.counterexample is not None:
        sides = record.at(record.counterexample)
        lines += [f"Counterexample: {record.counterexample}", f"  left {sides.left}, right {sides.right}, exactly"]
    lines += [f"True instead: {claim.key}\n  {claim.left} {claim.relation} {claim.right}" for claim in record.claims]
    console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)


def _show_normalizer(normalizer: Normalizer) -> None:
    found = smoothing(normalizer)
    lines = [
        f"{normalizer.name} normalisation, over {normalizer.over}",
        f"  gradient of the scale: n = {normalizer.n}",
        f"  backward pass:         v = {normalizer.backward}",
        f"  {found.no_enlargement}", f"  {found.gain}",
        f"  supremum of |v| / ((gamma/s) |Pg|): {found.worst if found.worst is not None else 'unknown'}",
    ]  # fmt: skip
    console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)


def _print_json(key: str | None) -> None:
    claims = {k: to_json(claim) for k, claim in CLAIMS.items() if key in (None, k)}
    audit = {k: record.to_json() for k, record in AUDIT.items() if key in (None, k)}
    if not claims and not audit:
        raise UnknownClaim("key", str(key), (*CLAIMS, *AUDIT))
    print(json.dumps({"claims": claims, "audit": audit}, indent=1, sort_keys=True))


@app.command()
def train(
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
    _train(config, path, data, download)
    return path


def _with_options_of(command):
    """The options of another command behind one's own."""

    def decorate(function):
        own = inspect.signature(function, eval_str=True)
        kept = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        more = list(inspect.signature(command, eval_str=True).parameters.values())
        function.__signature__ = own.replace(parameters=[*kept, *more])
        function.__annotations__ = command.__annotations__ | function.__annotations__
        return function

    return decorate


@app.command()
@_with_options_of(train)
def run(
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
        path = train(**options)
        violations = _verify(path)
        _report(path)
    raise typer.Exit(VIOLATED if violations else 0)


@app.command()
def experiments() -> None:
    """List the named experiments: what each shows, where that was published, and its cost."""
    from bnverify.empirical.experiments.experiments import EXPERIMENTS

    table = Table(Column("experiment", no_wrap=True), "what", "source", "runs", "quick, on two cores", "paper scale")
    for one in EXPERIMENTS.values():
        steps = ", ".join(sorted({f"{c.steps:,} steps, width {c.width:g}" for c in one.paper.values()}))
        table.add_row(one.name, one.title, one.source, str(len(one.quick)), one.cost, f"{len(one.paper)} x {steps}")
    console.print(table)
    console.print("`bnverify run --experiment NAME [--scale paper] [--data DIR]` runs one.")


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
        if config.architecture == "vgg":
            config = config.changed(dataset="cifar10" if data is not None else None)
        path = directory / label.replace(" ", "-").replace(",", "")
        console.rule(f"{name}: {label}")
        _train(config.changed(**options), path, data, download)
        violations += _verify(path)
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
    from bnverify.reports.experiment import build_experiment_report

    _tell(build_experiment_report(chosen, finished, directory))


@app.command()
def verify(run: RunDirectory) -> None:
    """Check every claim on a stored run; exit status 1 if a proven claim is violated anywhere."""
    raise typer.Exit(VIOLATED if _verify(run) else 0)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Directories written by `bnverify run` or `train`.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; report/ in the run, or beside several.")] = None,
) -> None:
    """Build report.pdf, report.html and the figures of a stored run; of several runs, side by side."""
    _report(*runs, out=out)


def _configure(name: str, out: Path | None, **options) -> tuple[RunConfig, Path]:
    config = preset(name).changed(**options)
    return config, out or Path("runs") / name


def _train(config: RunConfig, path: Path, data: Path | None, download: bool) -> None:
    from bnverify.empirical.runs.experiment import load_data
    from bnverify.empirical.runs.run import train as run_training

    dataset = load_data(config, directory=data, download=download)
    what = f"both VGGs at width {config.width:g}" if config.architecture == "vgg" else "both deep linear networks"
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


def _verify(path: Path) -> int:
    from bnverify.empirical.judgement.verdict import summarise
    from bnverify.empirical.judgement.verdict import verify as verdicts_of
    from bnverify.empirical.runs.records import load_run, write_json

    stored = load_run(path)
    verdicts = verdicts_of(stored)
    write_json(path / "summary.json", summarise(stored, verdicts))
    console.print(_verdict_table(verdicts))
    console.print(_LEGEND, highlight=False)
    for line in _counted_apart(verdicts):
        console.print(line, highlight=False)
    violations = sum(v.violations for v in verdicts)
    for v in verdicts:
        for point in v.worst_points[: min(v.violations, 5)]:
            console.print(f"[red]violated[/] {v.key} ({v.network}, {v.dtype}) at {point}", highlight=False)
    points = sum(v.points for v in verdicts)
    untested = sum(not v.points for v in verdicts)
    console.print(
        f"{points} points, {violations} violations; {untested} of {len(verdicts)} rows had no point to test. "
        f"Summary: {path / 'summary.json'}"
    )
    return violations


def _verdict_table(verdicts: list[ClaimVerdict]) -> Table:
    """One row a claim, network and dtype; green holds, red is violated, yellow had no point inside its hypotheses."""
    words = (Column(name, no_wrap=True) for name in ("network", "type"))
    table = Table(Column("claim", overflow="fold"), *words, box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("points", "violated", "apart", "worst", "tight"):
        table.add_column(name, justify="right", no_wrap=True)
    for v in verdicts:
        colour = {"holds": "green", "violated": "red", "not tested": "yellow"}[v.status]
        worst = "-" if math.isnan(v.worst) else f"{v.worst:.1e}"
        tightness = "-" if math.isnan(v.tightness) else f"{v.tightness:.3f}"
        counts = (str(n) for n in (v.points, v.violations, sum(v.excluded.values())))
        table.add_row(f"[{colour}]{v.key}[/]", v.network, v.dtype, *counts, worst, tightness)
    return table


def _counted_apart(verdicts: list[ClaimVerdict]) -> Iterator[str]:
    """Why points were counted apart, one line a reason, network and dtype."""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for v in verdicts:
        for reason, count in v.excluded.items():
            reasons.setdefault((reason, v.network, v.dtype), []).append(f"{v.key} {count}")
    for (reason, network, dtype), rows in reasons.items():
        yield f"Counted apart, {reason} ({network}, {dtype}): {', '.join(rows)}"


def _report(*paths: Path, out: Path | None = None) -> None:
    from bnverify.empirical.runs.records import load_run
    from bnverify.reports.build import build_report
    from bnverify.reports.comparison_report import build_comparison

    stored = [load_run(path) for path in paths]
    _tell(build_report(stored[0], out) if len(stored) == 1 else build_comparison(stored, out))


def _tell(built) -> None:
    """Where a report is."""
    if built.note:
        console.print(built.note, highlight=False)
    console.print(f"Report: {built.pdf} ({built.engine}) and {built.html}; source: {built.tex}", soft_wrap=True)


def main() -> None:
    """Entry point: errors in the input are three lines and exit status 2, never a traceback."""
    try:
        app()
    except (InputError, UnknownClaim) as error:
        Console(stderr=True).print(f"[red]bnverify[/]\n{error}", highlight=False, soft_wrap=True)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        Console(stderr=True).print("Interrupted. The same command goes on from the last checkpoint.")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
