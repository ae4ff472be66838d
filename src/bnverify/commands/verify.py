"""`bnverify verify`: every claim on the records of a run, in one table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from bnverify.commands import rigorous
from bnverify.commands.options import Data
from bnverify.commands.terminal import INCOMPLETE, VIOLATED, console
from bnverify.empirical.judgement.verdict import Verdict
from bnverify.errors import InputError

if TYPE_CHECKING:
    from bnverify.empirical.runs.records import Run

_LEGEND = (
    "points: where both sides were compared; apart: counted apart, for the reasons below; worst: the largest residual, "
    "|left - right| (of a bound left - right) over the sum of the terms; tight: median of right / left of a bound."
)
RunDirectory = Annotated[Path, typer.Argument(help="A directory written by `bnverify run` or `train`.")]

_SHOWN = 5  # records that are missing, by name


@dataclass(frozen=True)
class Outcome:
    """What verification found: violations, and how many records are missing, or runs of which nothing was compared."""

    violations: int = 0
    missing: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.violations + other.violations, self.missing + other.missing)

    @property
    def status(self) -> int:
        """The exit status: 1 violated, 4 incomplete, else 0."""
        return VIOLATED if self.violations else INCOMPLETE if self.missing else 0


def command(
    run: RunDirectory,
    in_balls: Annotated[
        bool,
        typer.Option(
            "--rigorous",
            help="Decide claims about batch norm in ball arithmetic too, at channels of the last stored state, so that "
            "rounding cannot be the reason. Needs the extra `rigorous` (python-flint).",
        ),
    ] = False,
    samples: Annotated[int, typer.Option(min=1, help="With --rigorous: how many channels of a site are decided.")] = 4,
    data: Data = None,
) -> None:
    """Check a stored run. Exit status: 0 nothing is violated, 1 a claim is, 2 bad input, 3 --rigorous without
    python-flint, 4 records are missing or nothing could be compared."""
    from bnverify.empirical.runs.records import load_run

    if in_balls:
        from bnverify.empirical.rigorous.balls import flint

        flint()  # what is missing is told before anything is computed
    outcome = verify(load_run(run))
    if in_balls:
        try:
            outcome += Outcome(violations=rigorous.show(run, samples, data))
        except InputError as error:
            if not outcome.violations:
                raise
            console.print(f"[yellow]Not decided in balls:[/] {error.got}", highlight=False)  # and violated all the same
    raise typer.Exit(outcome.status)


def verify(stored: Run) -> Outcome:
    """Print the verdicts, write the summary, and return the numbers of violations and of missing records."""
    from bnverify.empirical.judgement.verdict import summarise, verdicts_of
    from bnverify.empirical.runs.records import write_json

    verdicts = verdicts_of(stored)
    write_json(stored.path / "summary.json", summarise(stored, verdicts))
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
        f"Summary: {stored.path / 'summary.json'}"
    )
    gaps = stored.missing()
    if gaps:
        console.print(
            f"[yellow]Incomplete:[/] {len(gaps)} records are missing ({', '.join(map(str, gaps[:_SHOWN]))}"
            f"{', ...' if len(gaps) > _SHOWN else ''}); the verdicts are on what is there. The command that made the "
            "run measures them.",
            highlight=False,
        )
    if not points and not gaps:
        console.print("[yellow]Nothing was compared:[/] no record holds numbers that a claim speaks of.")
    return Outcome(violations, len(gaps) or int(not points))


def _verdict_table(verdicts: list[Verdict]) -> Table:
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


def _counted_apart(verdicts: list[Verdict]) -> Iterator[str]:
    """Why points were counted apart, one line a reason, network and dtype."""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for v in verdicts:
        for reason, count in v.excluded.items():
            reasons.setdefault((reason, v.network, v.dtype), []).append(f"{v.key} {count}")
    for (reason, network, dtype), rows in reasons.items():
        yield f"Counted apart, {reason} ({network}, {dtype}): {', '.join(rows)}"
