"""The report of an experiment, written into its directory: figures/*.pdf, report.tex and report.pdf, by TeX or by
matplotlib alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from empirical.errors import InputError
from empirical.experiments import Experiment
from reports.build import Built, typeset, write_figures
from reports.comparison import Runs
from reports.document import Tex, environment
from reports.experiment_content import Drawing, ExperimentContent
from reports.pages import Pages, look
from reports.panels import NotRecorded
from reports.prose import verbatim

_ROOM = 15.9  # cm of a table, its columns' gaps included
_GAP = 0.42


def build_experiment_report(experiment: Experiment, runs: Runs, directory: str | Path) -> Built:
    """Write figures/*.pdf, report.tex and report.pdf into ``directory`` from the finished runs by label."""
    if not runs:
        raise InputError(
            got=f"no run of the experiment {experiment.name}",
            expected="at least one finished run",
            advice="train it first",
        )
    directory = Path(directory)
    content = ExperimentContent(experiment, runs)
    drawings = {drawing.name: drawing for drawing in content.drawings()}
    files, notes = write_figures(directory, {name: drawing.figure for name, drawing in drawings.items()})
    source = experiment_document(content, drawings, files, notes)
    return typeset(directory, source, lambda note: fallback_pdf(content, drawings, note))


def experiment_document(
    content: ExperimentContent, drawings: Mapping[str, Drawing], files: Mapping[str, str], notes: Mapping[str, str]
) -> str:
    """LaTeX of the report. ``files``: figures by name; ``notes``: why one was left out."""
    common, head, rows = content.settings()
    return environment().get_template("experiment.tex.j2").render(
        content=content, drawings=drawings, common=common, head=head, rows=rows, notes=notes, columns=_columns,
        files={name: Tex(path) for name, path in files.items()},
    )  # fmt: skip


def _columns(first: float, count: int) -> Tex:
    """Of a table: a first column that wide and ``count`` equal ones, in cm."""
    rest = (_ROOM - first - _GAP * count) / count
    return Tex(rf"@{{}}L{{{first}cm}}*{{{count}}}{{L{{{rest:.2f}cm}}}}@{{}}")


def fallback_pdf(content: ExperimentContent, drawings: Mapping[str, Drawing], note: str) -> bytes:
    """A PDF of the report without TeX; ``note`` says why."""
    with look():
        pages = Pages()
        pages.heading(content.title, size=17)
        pages.paragraph(f"After {verbatim(content.experiment.source)}", size=11, after=0.4)
        pages.paragraph(verbatim(note), lead="Note:", after=0.4)
        pages.paragraph(" ".join(content.abstract()), lead="Abstract.", after=0.4)
        pages.heading("Published and found")
        pages.table(("published", "these runs", "verdict"), content.finding_table(), (5.6, 8.2, 2.2), size=8)
        pages.heading("Where the runs ended")
        pages.table(*content.final_table(), (4.2, 4.4, 3.0, 2.4, 2.0), size=8)
        pages.heading("Settings")
        common, head, rows = content.settings()
        if rows:
            pages.table(head, rows, (3.4, *[12.6 / (len(head) - 1)] * (len(head) - 1)), size=8)
        pages.table(("", ""), common, (3.4, 12.6), size=8)
        pages.heading("Figures")
        for drawing in drawings.values():
            try:
                pages.figure(drawing.height, drawing.draw, drawing.caption)
            except NotRecorded as reason:
                pages.paragraph(f"Figure {drawing.name} is left out: {verbatim(str(reason))}.")
        return pages.pdf(content.experiment.title)
