"""The report of an experiment: its runs beside each other, and beside what was published what they show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bnverify.empirical.experiments.experiments import Experiment
from bnverify.empirical.experiments.findings import Runs
from bnverify.errors import InputError
from bnverify.reports.blocks import Document, Section, Table
from bnverify.reports.build import Built, build
from bnverify.reports.experiment_content import ExperimentContent
from bnverify.reports.lines import single
from bnverify.reports.prose import verbatim
from bnverify.reports.side_by_side import ended, left_out, repeat_section, settings_section


def build_experiment_report(experiment: Experiment, runs: Runs, directory: str | Path) -> Built:
    """Write the report into ``directory`` from the finished runs by label."""
    if not runs:
        raise InputError(
            got=f"no run of the experiment {experiment.name}",
            expected="at least one finished run",
            advice="train it first",
        )
    content = ExperimentContent(experiment, runs)
    return build(Path(directory), content.drawings(), lambda notes: experiment_report(content, notes))


def experiment_report(content: ExperimentContent, notes: Mapping[str, str]) -> Document:
    """The report as data. ``notes``: figures that cannot be drawn, by name, and why."""
    found = Table(("published", "these runs", "verdict"), content.finding_table(), (5.6, 8.0, 2.4))
    lines = single(content.runs)
    drawn = [drawing for drawing in content.drawings() if drawing.name not in notes]
    sections = [
        Section("Published and found", "section:found", [found]),
        Section("Where the runs ended", "section:ended", [ended(lines)]),
        settings_section(lines),
        Section("Figures", "section:figures", [*drawn, *left_out(notes)]),
        repeat_section(lines),
    ]
    return Document(content.title, "", f"After {verbatim(content.experiment.source)}", content.abstract(), sections, ())
