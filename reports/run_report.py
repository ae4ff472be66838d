"""The report of one run, as data: what is claimed and proved, what was measured, and how to do it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sympy as sp

from bnverify.empirical.runs.records import Run
from bnverify.reports import explanations, repetition, setting
from bnverify.reports.blocks import (
    Block,
    Document,
    Drawing,
    Facts,
    Key,
    Link,
    Listing,
    Paragraph,
    Section,
    Strong,
    Table,
    Text,
)
from bnverify.reports.content import Content
from bnverify.reports.figures import FIGURES
from bnverify.reports.prose import verbatim
from bnverify.reports.side_by_side import left_out
from bnverify.reports.theory_chapters import audited, chapters, how, link, links, normalised, quantities
from bnverify.reports.wording import whole
from bnverify.theory import REFERENCES

TITLE = "What is true about batch normalisation"
_FIRST = ("training",)


def run_drawings(run: Run) -> list[Drawing]:
    """All figures of a run in reading order."""
    return [plot.drawing(run) for plot in FIGURES.values()]


def run_report(content: Content, notes: Mapping[str, str]) -> Document:
    """The report of a run. ``notes``: figures that cannot be drawn, by name, and why."""
    config = content.run.config
    figures = {drawing.name: drawing for drawing in run_drawings(content.run) if drawing.name not in notes}
    sections = [
        how(content), audited(), normalised(), _run(content, figures), _verdicts(content), _figures(content, figures),
        *chapters(content), quantities(content), _setup(content, notes),
    ]  # fmt: skip
    return Document(
        TITLE, "derived for symbolic batch size, measured on a training run",
        f"Report of the run {verbatim(config.preset)}, seed {config.seed}", content.abstract(), sections,
        list(REFERENCES.items()),
    )  # fmt: skip


def _run(content: Content, figures: Mapping[str, Drawing]) -> Section:
    shown = [figures[name] for name in _FIRST if name in figures]
    rows = [row for row in setting.configuration(content.run) if row[0] in setting.ESSENTIAL]
    setup = Paragraph(("Everything that was set, with data, versions, hardware and the command to repeat it, is in ",
                       Link("section:setup", "Setup and reproducibility", number=True), "."))  # fmt: skip
    return Section("The run", "section:run", [pairs(rows), setup, *shown])


def pairs(rows: setting.Table) -> Table:
    """Names and values."""
    return Table((), rows, (3.4, 12.6))


def _verdicts(content: Content) -> Section:
    head = ("claim", "network", "type", "points", "violations", "residual", "tightness", "verdict", "counted apart")
    rows: list[tuple[Text, ...]] = []
    for group in content.verdict_table():
        for number, (key, *middle, status, note) in enumerate(group):
            shown: Text = "" if number else (link(key),)
            rows.append((shown, *middle, (Strong(status),) if status == "violated" else status, note))
    table = Table(head, rows, (3.45, 1.35, 1.2, 1.15, 1.5, 1.55, 1.6, 1.15, 3.05), "lllrrrrll")
    measured = Section("Measured on this run", "section:measured", [table, *_violations(content)])
    blocks: list[Block | Section] = [Paragraph(explanations.POINTS), Paragraph(content.measured()), measured]
    blocks += _unmeasured(content)
    blocks.append(Section("What is not claimed", "section:not-claimed", [Facts(explanations.NOT_CLAIMED)]))
    observed = content.observed() or ["Nothing beyond the verdicts."]
    blocks.append(Section("What was observed, and is not asserted", "section:observed", [Facts(observed)]))
    return Section("Verdicts", "section:verdicts", blocks)


def _violations(content: Content) -> Iterator[Block]:
    if not content.violated:
        yield Paragraph("No claim is violated at any point.")
    for verdict, points in content.violations():
        lead = (Strong("Violations of "), Key(verdict.key), Strong(f", {content.labels[verdict.network]}"))
        counts = f", {verdict.dtype}: {whole(verdict.violations)} of {whole(verdict.points)} points; the worst "
        yield Paragraph((*lead, f"{counts}{len(points)}:"))
        head = ("step", "site", "channel", "left", "right", "residual")
        yield Table(head, points, (1.6, 2.4, 2.0, 3.4, 3.4, 3.2), "rlrrrr")


def _unmeasured(content: Content) -> Iterator[Section]:
    blocks: list[Block] = []
    if content.untested():
        rows = [((link(key),), note) for key, note in content.untested()]
        blocks += [Paragraph(explanations.UNTESTED), Table(("claim", "points counted apart"), rows, (4.4, 11.6))]
    if content.unmeasured():
        named = [(title, links(keys)) for title, keys in content.unmeasured()]
        blocks += [Paragraph(explanations.UNMEASURED), Table(("chapter", "claims"), named, (4.4, 11.6))]
    if blocks:
        yield Section("Proved, not measured on this run", "section:unmeasured", blocks)


def _figures(content: Content, figures: Mapping[str, Drawing]) -> Section:
    names = content.labels
    told = explanations.FIGURES.replace("{with}", names["bn"]).replace("{without}", names["plain"])
    shown = [figure for name, figure in figures.items() if name not in _FIRST]
    return Section("Figures", "section:figures", [Paragraph(told), *shown])


def _setup(content: Content, notes: Mapping[str, str]) -> Section:
    run = content.run
    parts = [
        Section("Configuration", "section:configuration", [pairs(setting.configuration(run))]),
        Section("Data", "section:data", [pairs(setting.data(run))]),
        Section("Versions and hardware", "section:versions", [
            pairs([*setting.environment(run), ("proofs", f"SymPy {sp.__version__}, when this report was built")])
        ]),
        Section("To repeat it", "section:repeat", [
            Listing(repetition.command(run)), Paragraph(repetition.data(run)), Paragraph(explanations.SAME_BYTES)
        ]),
        *([Section("Figures", "section:left-out", left_out(notes))] if notes else []),
    ]  # fmt: skip
    return Section("Setup and reproducibility", "section:setup", parts, appendix=True)
