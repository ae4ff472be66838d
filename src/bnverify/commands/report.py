"""`bnverify report`: documents and figures of stored runs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bnverify.commands.paths import directory_option
from bnverify.commands.terminal import console

if TYPE_CHECKING:
    from bnverify.empirical.runs.records import Run


def command(
    runs: Annotated[list[Path], typer.Argument(help="Directories written by `bnverify run` or `train`.")],
    out: Annotated[Path | None, directory_option("Where to write; report/ in the run, or beside several.")] = None,
    tex: Annotated[
        bool, typer.Option("--tex", help="report.tex as well, and the PDF by a TeX where there is one.")
    ] = False,
    also: Annotated[list[str] | None, typer.Option(help="A further format, by its name; may be repeated.")] = None,
) -> None:
    """Build report.pdf, report.html and the figures of a stored run; of several runs, side by side."""
    from bnverify.empirical.runs.records import load_run
    from bnverify.reports.output.formats import chosen

    further = [*(["tex"] if tex else []), *(also or [])]
    chosen(further)  # what is not known is refused before anything is read
    report(*map(load_run, runs), out=out, also=further)


def report(*stored: Run, out: Path | None = None, also: Collection[str] = ()) -> None:
    """Build the report of one run, or of several side by side, and say where it is."""
    from bnverify.reports.chapters.comparison_report import build_comparison
    from bnverify.reports.chapters.run_report import build_report

    one = len(stored) == 1
    tell(build_report(stored[0], out, also=also) if one else build_comparison(stored, out, also=also))


def tell(built) -> None:
    """Where a report is."""
    if built.note:
        console.print(built.note, highlight=False)
    source = ", ".join(map(str, built.also.values())) or built.markdown
    console.print(f"Report: {built.pdf} ({built.engine}) and {built.html}; source: {source}", soft_wrap=True)
