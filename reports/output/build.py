"""Build a report: figures, one Markdown, and from it report.pdf, report.html and, where asked, report.tex."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bnverify.empirical.runs.files import write_atomically
from bnverify.reports.document.blocks import Document, Picture
from bnverify.reports.figures import style
from bnverify.reports.figures.figure import Drawing
from bnverify.reports.output import html, pdf
from bnverify.reports.output import tex as latex
from bnverify.reports.output.markdown import markdown


@dataclass(frozen=True)
class Built:
    """Where the report is, which engine made the PDF, and what the reader of the command line should know."""

    markdown: Path
    pdf: Path
    html: Path
    tex: Path | None
    engine: str
    note: str = ""


def picture(drawing: Drawing) -> Picture:
    """A drawing as a block of a document."""
    return Picture(drawing.name, drawing.title, drawing.caption, drawing.film)


def build(directory: Path, document: Document, drawings: Iterable[Drawing], *, tex: bool = False) -> Built:
    """Write figures/*.svg, report.md, report.html and report.pdf; with ``tex`` report.tex, its figures as PDF, and the
    PDF by a TeX if there is one."""
    drawings = list(drawings)
    files = {drawing.name: f"figures/{drawing.name}.svg" for drawing in drawings}
    source = markdown(document, files)
    paths = {kind: directory / f"report.{kind}" for kind in ("md", "pdf", "html", "tex")}
    write_atomically(paths["md"], source.encode())
    with ThreadPoolExecutor() as threads:  # pandoc works while the figures are drawn
        page, printed = threads.submit(html.frame, source), threads.submit(pdf.typst_source, source)
        for drawing in drawings:
            figure = drawing.figure()
            write_atomically(directory / files[drawing.name], style.svg_text(figure).encode())
            if tex:
                write_atomically(directory / "figures" / f"{drawing.name}.pdf", style.pdf_bytes(figure))
        written = threads.submit(pdf.pdf, printed.result(), directory)
        write_atomically(paths["html"], html.filled(page.result(), directory).encode())
    found = written.result()
    engine, note = "typst", ""
    if tex:
        found, engine, note = _with_tex(directory, source, found)
    write_atomically(paths["pdf"], found)
    return Built(paths["md"], paths["pdf"], paths["html"], paths["tex"] if tex else None, engine, note)


def _with_tex(directory: Path, source: str, otherwise: bytes) -> tuple[bytes, str, str]:
    """report.tex, and its PDF; where TeX is not there or fails the PDF is the other one, with a note why."""
    write_atomically(directory / "report.tex", latex.tex(source).encode())
    program = latex.engine()
    if program is None:
        return otherwise, "typst", "No TeX was found (pdflatex); report.pdf was set by Typst."
    try:
        return latex.compile_tex(directory, program)[0], program, ""
    except latex.TexFailed as error:
        return otherwise, "typst", f"TeX failed and report.pdf was set by Typst; {error}"
