"""`bnverify report`: documents and figures of stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bnverify.commands.terminal import console


def command(
    runs: Annotated[list[Path], typer.Argument(help="Directories written by `bnverify run` or `train`.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; report/ in the run, or beside several.")] = None,
) -> None:
    """Build report.pdf, report.html and the figures of a stored run; of several runs, side by side."""
    report(*runs, out=out)


def report(*paths: Path, out: Path | None = None) -> None:
    """Build the report of one run, or of several side by side, and say where it is."""
    from bnverify.empirical.runs.records import load_run
    from bnverify.reports.build import build_report
    from bnverify.reports.comparison_report import build_comparison

    stored = [load_run(path) for path in paths]
    tell(build_report(stored[0], out) if len(stored) == 1 else build_comparison(stored, out))


def tell(built) -> None:
    """Where a report is."""
    if built.note:
        console.print(built.note, highlight=False)
    console.print(f"Report: {built.pdf} ({built.engine}) and {built.html}; source: {built.tex}", soft_wrap=True)
