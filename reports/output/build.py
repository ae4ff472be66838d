"""Build a report: figures, one Markdown, and from it report.pdf, report.html and, where asked, report.tex."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bnverify.empirical.runs.files import write_atomically
from bnverify.reports.document.blocks import Document, Picture
from bnverify.reports.figures import style
from bnverify.reports.figures.figure import Drawing
from bnverify.reports.output import html, pdf
from bnverify.reports.output.formats import Output, SettingFailed, chosen
from bnverify.reports.output.markdown import markdown


@dataclass(frozen=True)
class Built:
    """Where the report is, also in which formats, by their names, which engine made the PDF, and what the reader of the
    command line should know."""

    markdown: Path
    pdf: Path
    html: Path
    also: Mapping[str, Path]
    engine: str
    note: str = ""


def picture(drawing: Drawing) -> Picture:
    """A drawing as a block of a document."""
    return Picture(drawing.name, drawing.title, drawing.caption, drawing.film)


def build(directory: Path, document: Document, drawings: Iterable[Drawing], *, also: Collection[str] = ()) -> Built:
    """Write figures/*.svg, report.md, report.html and report.pdf, and ``also`` the formats of
    `bnverify.reports.output.formats` of those names: report.tex, its figures as PDF, and the PDF by a TeX if there is
    one, for instance."""
    further, drawings = chosen(also), list(drawings)
    files = {drawing.name: f"figures/{drawing.name}.svg" for drawing in drawings}
    source = markdown(document, files)
    paths = {kind: directory / f"report.{kind}" for kind in ("md", "pdf", "html")}
    write_atomically(paths["md"], source.encode())
    with ThreadPoolExecutor() as threads:  # pandoc works while the figures are drawn
        page, printed = threads.submit(html.frame, source), threads.submit(pdf.typst_source, source)
        for drawing in drawings:
            figure = drawing.figure()
            write_atomically(directory / files[drawing.name], style.svg_text(figure).encode())
            if any(output.vectors for output in further):
                write_atomically(directory / "figures" / f"{drawing.name}.pdf", style.pdf_bytes(figure))
        written = threads.submit(pdf.pdf, printed.result(), directory)
        write_atomically(paths["html"], html.filled(page.result(), directory).encode())
    found, engine, note = written.result(), "typst", ""
    for output in further:
        paths[output.name] = directory / f"report.{output.name}"
        write_atomically(paths[output.name], output.text(source).encode())
        found, engine, note = _set(output, directory, found, engine, note)
    write_atomically(paths["pdf"], found)
    return Built(
        paths["md"], paths["pdf"], paths["html"], {one.name: paths[one.name] for one in further}, engine, note
    )  # fmt: skip


def _set(output: Output, directory: Path, found: bytes, engine: str, note: str) -> tuple[bytes, str, str]:
    """The PDF by a format's own program; where that is not there or fails the one that is there, with a note why."""
    if output.engine is None or output.set is None:
        return found, engine, note
    program = output.engine()
    if program is None:
        return found, engine, f"No program was found that sets report.{output.name}; report.pdf was set by Typst."
    try:
        return output.set(directory, program)[0], program, note
    except SettingFailed as error:
        return found, engine, f"report.{output.name} failed and report.pdf was set by Typst; {error}"
