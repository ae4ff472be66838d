"""The report of an experiment: its runs beside each other, and beside what was published what they show."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from bnverify.empirical.experiments.experiments import Experiment
from bnverify.empirical.experiments.findings import Runs
from bnverify.errors import InputError
from bnverify.reports.chapters.experiment_content import ExperimentContent
from bnverify.reports.chapters.side_by_side import ended, left_out, repeat_section, settings_section, verdict_tables
from bnverify.reports.document.blocks import Block, Contents, Document, Paragraph, Picture, Section, Table
from bnverify.reports.document.prose import verbatim
from bnverify.reports.figures.lines import single
from bnverify.reports.output.build import Built, build, picture


def build_experiment_report(
    experiment: Experiment, runs: Runs, directory: str | Path, *, also: Collection[str] = ()
) -> Built:
    """Write the report into ``directory`` from the finished runs by label."""
    if not runs:
        raise InputError(
            got=f"no run of the experiment {experiment.name}",
            expected="at least one finished run",
            advice="train it first",
        )
    content = ExperimentContent(experiment, runs)
    found, missing = content.drawings()
    return build(Path(directory), experiment_report(content, list(map(picture, found)), missing), found, also=also)


def experiment_report(content: ExperimentContent, pictures: Sequence[Picture], missing: Mapping[str, str]) -> Document:
    """The report as data. ``missing``: figures that cannot be drawn, by name, and why."""
    found = Table(
        ("published", "these runs", "verdict"), content.finding_table(), (5.6, 8.0, 2.4),
        caption="What was published, what these runs show, and whether the two agree.", label="table:found",
    )  # fmt: skip
    lines = single(content.runs)
    front: list[Block] = [Paragraph(" ".join(content.abstract())), found, Contents()]
    sections = [
        Section("Where the runs ended", "section:ended", [ended(lines)]),
        *_phases(content),
        *filter(None, [content.subtracted]),
        *_steps(content),
        Section("Figures", "section:figures", [*pictures, *left_out(missing)]),
        settings_section(lines),
        repeat_section(lines),
    ]
    source = f"After {verbatim(content.experiment.source)}"
    return Document(content.title, "", source, front, sections)


def _phases(content: ExperimentContent) -> list[Section]:
    """The quantities of both networks by phase, where any were compared so."""
    rows = content.phase_table()
    if not rows:
        return []
    width = 11.6 / (len(content.phase_head) - 1)
    shown = Table(
        content.phase_head, rows, (4.4, *[width] * (len(content.phase_head) - 1)),
        caption="Median of the ratio, and at which share of the measured steps (and layers) it is below one.",
        label="table:phases",
    )  # fmt: skip
    return [Section("Phase by phase", "section:phases", [shown])]


def _steps(content: ExperimentContent) -> list[Section]:
    """What the steps show and what the claims about them met, where steps were recorded."""
    rows = content.steps_table()
    if not rows:
        return []
    widths = (16.0 - 2.2 * len(content.runs), *[2.2] * len(content.runs))
    shown = Table(content.steps_head, rows, widths, "l" + "r" * len(content.runs))
    lead = Paragraph("Claims about a step with momentum and weight decay, with their points and the largest residual:")
    return [Section("Steps of the training", "section:steps", [shown, lead, *verdict_tables(content.step_verdicts())])]
