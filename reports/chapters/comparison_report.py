"""The report of several runs, side by side; runs that differ only in the seed are one line with a band."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bnverify.empirical.judgement.verdict import Verdict, verdicts_of
from bnverify.empirical.runs.records import Run
from bnverify.reports.chapters.side_by_side import (
    ended,
    left_out,
    repeat_section,
    settings_section,
    tightness_tables,
    verdict_tables,
)
from bnverify.reports.document import naming
from bnverify.reports.document.blocks import Block, Contents, Document, Paragraph, Picture, Section, Text
from bnverify.reports.document.explanations import NOT_CLAIMED, POINTS_IN_SHORT
from bnverify.reports.document.prose import verbatim
from bnverify.reports.document.verdicts import met, places
from bnverify.reports.document.wording import counted, whole
from bnverify.reports.figures.lines import Lines, by_seed
from bnverify.reports.figures.overlays import overlays
from bnverify.reports.output.build import Built, build, picture


@dataclass(frozen=True)
class ComparisonContent:
    """Runs as lines, and what their report says about them."""

    lines: Lines

    @property
    def runs(self) -> list[Run]:
        return [run for line in self.lines.values() for run in line]

    @cached_property
    def verdicts(self) -> dict[str, list[Verdict]]:
        """By line those of all its runs."""
        return {label: [v for run in line for v in verdicts_of(run)] for label, line in self.lines.items()}

    def abstract(self) -> list[Text]:
        return [*self._about(), *self._met(), *self._lost()]

    def _about(self) -> Iterator[str]:
        yield (
            f"{counted(len(self.runs), 'run').capitalize()} of a network with a normalizer beside its twin without, in "
            f"{counted(len(self.lines), 'line')}: {verbatim('; '.join(self.lines))}."
        )
        several = [label for label, line in self.lines.items() if len(line) > 1]
        if several:
            yield f"Runs that differ only in the seed are one line: {verbatim('; '.join(several))}."

    def _met(self) -> Iterator[str]:
        every = [verdict for found in self.verdicts.values() for verdict in found]
        yield from met(every, sum(map(places, self.runs)), "the runs hold", lambda v: v.key)
        for label, found in self.verdicts.items():
            violated = sorted({v.key for v in found if v.violations})
            if violated:
                yield f"Violated in {verbatim(label)}: {', '.join(violated)}."

    def _lost(self) -> Iterator[str]:
        for label, line in self.lines.items():
            for run in line:
                seed = f" (seed {run.config.seed})" if len(line) > 1 else ""
                for network in run.curves:
                    step = run.diverged(network)
                    if step is not None:
                        name = naming.labels(run.config)[network]
                        yield f"{verbatim(label)}{seed}, {name}: the loss is not finite from step {whole(step)} on."


def comparison_report(content: ComparisonContent, pictures: Sequence[Picture], missing: Mapping[str, str]) -> Document:
    """The report as data. ``missing``: figures that cannot be drawn, by name, and why."""
    tight = tightness_tables(content.verdicts)
    verdicts: list[Block | Section] = [Paragraph(POINTS_IN_SHORT), *verdict_tables(content.verdicts)]
    if tight:
        verdicts.append(Section("How tight the upper bounds are", "section:tightness", [Paragraph(_TIGHT), *tight]))
    sections = [
        Section("Where the runs ended", "section:ended", [
            Paragraph(NOT_CLAIMED[0], lead="Observed, and not claimed:"), ended(content.lines)
        ]),
        Section("Figures", "section:figures", [*pictures, *left_out(missing)]),
        Section("Verdicts", "section:verdicts", verdicts),
        settings_section(content.lines),
        repeat_section(content.lines),
    ]  # fmt: skip
    front: list[Block] = [Paragraph(" ".join(map(str, content.abstract()))), Contents()]
    return Document("Runs side by side", "", verbatim("; ".join(content.lines)), front, sections)


def build_comparison(runs: Sequence[Run], directory: str | Path | None = None, *, also: Collection[str] = ()) -> Built:
    """Write the report of several runs (default: report/ in the folder that holds all of them)."""
    content = ComparisonContent(by_seed(runs))
    if directory is None:
        directory = Path(os.path.commonpath([run.path.resolve().parent for run in runs])) / "report"
    found, missing = overlays(content.lines)
    return build(Path(directory), comparison_report(content, list(map(picture, found)), missing), found, also=also)


_TIGHT = (
    "Right over left of the upper bounds in float64, median over points where left is positive; first the network with "
    "a normalizer, then its twin. 1 says that the bound is met with equality."
)
