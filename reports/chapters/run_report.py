"""The report of one run, as data: two pages for a reader with two minutes, then everything behind them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import sympy as sp

from bnverify.empirical.runs.records import Run
from bnverify.reports.chapters import subtracted
from bnverify.reports.chapters.content import Content
from bnverify.reports.chapters.papers import audited
from bnverify.reports.chapters.side_by_side import left_out
from bnverify.reports.chapters.theorems import chapter, how, link, links, normalised, quantities
from bnverify.reports.document import explanations, repetition, setting
from bnverify.reports.document.blocks import (
    Block,
    Contents,
    Document,
    Facts,
    Key,
    Link,
    Listing,
    PageBreak,
    Paragraph,
    Picture,
    Section,
    Strong,
    Table,
    Text,
)
from bnverify.reports.document.prose import verbatim
from bnverify.reports.document.wording import capital, whole
from bnverify.reports.figures.catalogue import drawings
from bnverify.reports.output.build import Built, build, picture
from bnverify.theory import REFERENCES

TITLE = "What is true about batch normalisation"
MATTER = ("theorem-4.1", "landscape", "alignment", "training")
"""The two of these that a run has first are on the first pages."""


def build_report(run: Run, directory: str | Path | None = None, *, also: Collection[str] = ()) -> Built:
    """Write the report of a run into ``directory`` (default: report/ in the run directory), ``also`` in
    further formats: "tex" for report.tex and a PDF by TeX."""
    directory = Path(directory) if directory is not None else run.path / "report"
    found, missing = drawings(run)
    pictures = {drawing.name: picture(drawing) for drawing in found}
    return build(directory, run_report(Content(run), pictures, missing), found, also=also)


def run_report(content: Content, pictures: Mapping[str, Picture], missing: Mapping[str, str]) -> Document:
    """The report of a run. ``missing``: figures that cannot be drawn, by name, and why."""
    config, derived = content.run.config, content.derived
    first = [name for name in MATTER if name in pictures][:2]
    rest = [shown for name, shown in pictures.items() if name not in first]
    tested = content.tested
    chapters = [chapter(content, family, tested) for family in content.families]
    sections = [
        _verdicts(content), subtracted.section(content.run), _figures(content, rest),
        audited(derived, content.audited()), normalised(derived),
        how(derived), *filter(None, chapters),
        quantities("Quantities of the measured claims", "section:quantities", tested),
        *_appendix(content, missing),
    ]  # fmt: skip
    return Document(
        TITLE, "Proved for every batch size, and compared with a network that is trained",
        f"Report of the run {verbatim(config.preset)}, seed {config.seed}",
        [*_front(content), *_untested(content), *(pictures[name] for name in first), PageBreak(), Contents()],
        [section for section in sections if section is not None], list(REFERENCES.items()),
    )  # fmt: skip


def _front(content: Content) -> Iterator[Block]:
    yield Paragraph(explanations.ASKED)
    yield from map(Paragraph, content.abstract())
    names = [f"{'with' if name == 'bn' else 'without'}" for name in content.networks]
    head = ("chapter", "printed", "proved", *names, "residual / tolerance", "right / left")
    rows: list[tuple[Text, ...]] = [
        ((Link(_place(content, family), family.title),), *cells) for family, cells in content.overview()
    ]
    widths = (4.6, 2.6, 1.1, *(2.3,) * len(names), 1.7, 1.7)
    align = "llr" + "l" * len(names) + "rr"
    yield Table(head, rows, widths, align, explanations.ANSWERED, "table:overview")


def _place(content: Content, family) -> str:
    """Where a chapter stands: with the measured claims, or in the appendix."""
    return family.label if any(c.key in content.tested for c in family.claims) else f"{family.label} unmeasured"


def _untested(content: Content) -> Iterator[Block]:
    if "bn" not in content.networks:
        return
    found = content.untested_on("bn")
    if found:
        told = [explanations.UNTESTED_LEAD.replace("{with}", content.labels["bn"])]
        reasons = [(f" {capital(reason)}: ", *links(keys, content.derived), ".") for reason, keys in found.items()]
        yield Paragraph(
            (*told, *(part for reason in reasons for part in reason)), lead="What was not tested.", small=True
        )


def pairs(rows: setting.Table) -> Table:
    """Names and values."""
    return Table((), rows, (3.4, 12.6))


def _verdicts(content: Content) -> Section:
    head = ("claim", "network", "type", "compared", "violated", "residual", "right / left", "verdict", "counted apart")
    rows: list[tuple[Text, ...]] = []
    for group in content.verdict_table():
        for number, (key, *middle, status, note) in enumerate(group):
            shown: Text = "" if number else (link(key, content.derived),)
            rows.append((shown, *middle, (Strong(status),) if status == "violated" else status, note))
    table = Table(
        head, rows, (3.45, 1.3, 1.25, 1.35, 1.3, 1.55, 1.5, 1.35, 2.95), "lllrrrrll",
        "Every claim that was tested, by network and type of numbers.", "table:verdicts",
    )  # fmt: skip
    blocks: list[Block | Section] = [Paragraph(content.measured()), table, *_violations(content)]
    told = Section("How a claim is compared", "section:compared", [Paragraph(explanations.POINTS)])
    not_claimed = Section("What is not claimed", "section:not-claimed", [Facts(explanations.NOT_CLAIMED)])
    observed = content.observed() or ["Nothing beyond the verdicts."]
    seen = Section("What was observed, and is not asserted", "section:observed", [Facts(observed)])
    return Section("Verdicts", "section:verdicts", [*blocks, told, seen, not_claimed])


def _violations(content: Content) -> Iterator[Block]:
    if not content.violated:
        yield Paragraph("No claim is violated at any point.")
    for verdict, points in content.violations():
        lead = (Strong("Violations of "), Key(verdict.key), Strong(f", {content.labels[verdict.network]}"))
        counts = f", {verdict.dtype}: {whole(verdict.violations)} of {whole(verdict.points)} comparisons; the worst "
        yield Paragraph((*lead, f"{counts}{len(points)}:"))
        head = ("step", "site", "channel", "left", "right", "residual")
        yield Table(head, points, (1.6, 2.4, 2.0, 3.4, 3.4, 3.2), "rlrrrr")


def _figures(content: Content, shown: Sequence[Picture]) -> Section | None:
    names = content.labels
    told = explanations.FIGURES.replace("{with}", names["bn"]).replace("{without}", names["plain"])
    return Section("Figures", "section:figures", [Paragraph(told), *shown]) if shown else None


def _appendix(content: Content, missing: Mapping[str, str]) -> Iterator[Section | None]:
    run = content.run
    yield Section("Setup and reproducibility", "section:setup", [
        Section("Configuration", "section:configuration", [pairs(setting.configuration(run))]),
        Section("Data", "section:data", [pairs(setting.data(run))]),
        Section("Versions and hardware", "section:versions", [
            pairs([*setting.environment(run), ("proofs", f"SymPy {sp.__version__}")])
        ]),
        *([] if run.watched else [Section("To repeat it", "section:repeat", [
            Listing(repetition.command(run)), Paragraph(repetition.data(run)), Paragraph(explanations.SAME_BYTES)
        ])]),
        *([Section("Figures that could not be drawn", "section:left-out", left_out(missing))] if missing else []),
    ], appendix=True)  # fmt: skip
    unmeasured = {claim.key for claim in content.derived.claims} - content.tested
    for family in content.families:
        found = chapter(content, family, unmeasured)
        if found is not None:
            whole_chapter = all(claim.key in unmeasured for claim in family.claims)
            title = family.title if whole_chapter else f"{family.title}: not measured"
            yield Section(title, f"{family.label} unmeasured", found.blocks, appendix=True)
    yield quantities("Further quantities", "section:further-quantities", unmeasured, appendix=True)
