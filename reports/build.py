"""Build a report: figures, report.tex, report.html, and report.pdf by LaTeX or, without it, by matplotlib alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bnverify.empirical.runs.records import Run, write_atomically
from bnverify.reports import style
from bnverify.reports.blocks import Document, Drawing
from bnverify.reports.content import Content
from bnverify.reports.fallback import fallback_pdf
from bnverify.reports.html import html
from bnverify.reports.panels import NotRecorded
from bnverify.reports.run_report import run_drawings, run_report
from bnverify.reports.tex import latex

EPOCH = "1530403200"  # a fixed date for TeX, so that the same run gives the same bytes
TIMEOUT = 300


@dataclass(frozen=True)
class Built:
    """Where the report is, which engine made the PDF, and what the reader of the command line should know."""

    tex: Path
    pdf: Path
    html: Path
    engine: str
    note: str = ""


class TexFailed(Exception):
    """LaTeX is there but did not produce a PDF; the message ends with the last lines of its log."""


def build_report(run: Run, directory: str | Path | None = None) -> Built:
    """Write the report of a run into ``directory`` (default: report/ in the run directory)."""
    directory = Path(directory) if directory is not None else run.path / "report"
    return build(directory, run_drawings(run), lambda notes: run_report(Content(run), notes))


def build(directory: Path, drawings: Iterable[Drawing], compose: Callable[[Mapping[str, str]], Document]) -> Built:
    """Write figures/*.pdf, report.tex, report.html and report.pdf. ``compose`` makes the report; it is told which
    drawings cannot be drawn, and why."""
    pictures: dict[str, str] = {}
    files: dict[str, str] = {}
    notes: dict[str, str] = {}
    for drawing in drawings:
        try:
            figure = drawing.figure()
        except NotRecorded as reason:
            notes[drawing.name] = str(reason)
            continue
        files[drawing.name] = f"figures/{drawing.name}.pdf"
        write_atomically(directory / files[drawing.name], style.pdf_bytes(figure))
        pictures[drawing.name] = style.svg_text(figure)
    document = compose(notes)
    page = directory / "report.html"
    write_atomically(page, html(document, pictures).encode())
    return typeset(directory, document, files, page)


def typeset(directory: Path, document: Document, files: Mapping[str, str], page: Path) -> Built:
    """Write report.tex and, beside it, report.pdf: by TeX, or by matplotlib, with a note why it was not TeX."""
    tex, pdf = directory / "report.tex", directory / "report.pdf"
    write_atomically(tex, latex(document, files).encode())
    engine, note = tex_engine(), ""
    if engine is None:
        note = "No TeX was found (latexmk or pdflatex); the PDF was set by matplotlib alone."
    else:
        try:
            write_atomically(pdf, compile_tex(directory, engine)[0])
            return Built(tex, pdf, page, engine)
        except TexFailed as error:
            note = f"TeX failed and the PDF was set by matplotlib alone; {error}"
    write_atomically(pdf, fallback_pdf(document, note))
    return Built(tex, pdf, page, "matplotlib", note)


def tex_engine() -> str | None:
    """latexmk if it can run (it needs pdflatex and Perl), else pdflatex, else None."""
    if shutil.which("pdflatex") is None:
        return None
    return "latexmk" if shutil.which("latexmk") and shutil.which("perl") else "pdflatex"


def compile_tex(directory: Path, engine: str) -> tuple[bytes, str]:
    """The PDF and the log of report.tex, compiled in a temporary folder; TexFailed with the end of the log."""
    options = ["-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error"]
    once = ["pdflatex", *options, "report.tex"]
    commands = [["latexmk", "-norc", "-pdf", *options, "report.tex"]] if engine == "latexmk" else [once] * 3
    environment = os.environ | {"SOURCE_DATE_EPOCH": EPOCH, "FORCE_SOURCE_DATE": "1", "max_print_line": "200"}
    with tempfile.TemporaryDirectory(prefix="bnverify-") as name:
        folder = Path(name)
        shutil.copy(directory / "report.tex", folder)
        (folder / "figures").mkdir()
        for figure in sorted((directory / "figures").glob("*.pdf")):
            shutil.copy(figure, folder / "figures")
        for command in commands:
            try:
                done = subprocess.run(
                    command, cwd=folder, env=environment, capture_output=True, timeout=TIMEOUT, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise TexFailed(f"{command[0]}: {error}") from error
            if done.returncode:
                raise TexFailed(f"{command[0]} ended with {done.returncode}: {_last_error(folder, done.stdout)}")
        log = (folder / "report.log").read_text(errors="replace")
        return (folder / "report.pdf").read_bytes(), log


def _last_error(folder: Path, output: bytes) -> str:
    log = folder / "report.log"
    lines = (log.read_text(errors="replace") if log.exists() else output.decode(errors="replace")).splitlines()
    errors = [i for i, line in enumerate(lines) if line.startswith("!")]
    return " / ".join(line for line in lines[errors[0] :][:5] if line) if errors else " / ".join(lines[-5:])
