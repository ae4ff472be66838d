"""What the report of an experiment says: its runs side by side, and beside what was published what they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial

from bnverify.empirical.experiments.experiments import SCALES, Experiment, Published
from bnverify.empirical.experiments.findings import AGREE, DIFFER, Finding, Runs, findings
from bnverify.reports import naming
from bnverify.reports.blocks import Drawing
from bnverify.reports.figures import FIGURES
from bnverify.reports.lines import single
from bnverify.reports.overlays import overlays
from bnverify.reports.prose import verbatim
from bnverify.reports.setting import Table
from bnverify.reports.wording import capital, counted, whole

# Figures of a single run by the observation they need; the first of each also where runs are many.
_FIGURES = {
    "landscape": ("landscape", "landscape-random", "linearity", "landscape-relative"),
    "shift": ("covariate-shift", "covariate-shift-relative", "covariate-shift-cosine"),
    "activations": ("distributions", "moments"),
}
_MANY = 2
_SCALE = {"quick": "the reduced settings", "paper": "the published settings", "": "other settings"}


@dataclass(frozen=True)
class ExperimentContent:
    """An experiment, its runs by label, and everything its report says about them."""

    experiment: Experiment
    runs: Runs

    @property
    def title(self) -> str:
        return _marked(self.experiment.title)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        return findings(self.experiment, self.runs)

    def abstract(self) -> list[str]:
        return [*self._about(), *self._compared(), *self._lost()]

    def _about(self) -> Iterator[str]:
        wanted = self.experiment.runs(self._scale() or SCALES[0])
        missing = [label for label in wanted if label not in self.runs]
        yield (
            f"{counted(len(self.runs), 'run').capitalize()} of a network with a normaliser beside its twin without "
            f"({verbatim('; '.join(self.runs))}), with {_SCALE[self._scale()]}; the source is "
            f"{verbatim(self.experiment.source)}."
        )
        if missing:
            yield f"Not among the runs: {verbatim('; '.join(missing))}."

    def _scale(self) -> str:
        """Which of the experiment's scales the runs have, on whatever images; empty where it is neither."""
        for scale in SCALES:
            wanted = self.experiment.runs(scale)
            if all(
                label in wanted and run.config == wanted[label].changed(dataset=run.config.dataset)
                for label, run in self.runs.items()
            ):
                return scale
        return ""

    def _compared(self) -> Iterator[str]:
        count = {verdict: sum(f.verdict == verdict for f in self.findings) for verdict in (AGREE, DIFFER)}
        rest = len(self.findings) - sum(count.values())
        yield (
            f"Of {counted(len(self.findings), 'published statement')}, these runs agree with {whole(count[AGREE])} and "
            f"differ from {whole(count[DIFFER])}; {whole(rest)} cannot be compared."
        )
        yield (
            "One seed, and networks trained apart: the comparison says what these runs show, and no theorem says how "
            "it must end."
        )

    def _lost(self) -> Iterator[str]:
        for label, run in self.runs.items():
            for network in run.curves:
                step = run.diverged(network)
                if step is not None:
                    name = naming.labels(run.config)[network]
                    yield f"Run {verbatim(label)}, {name}: the loss is not finite from step {whole(step)} on."

    def finding_table(self) -> Table:
        """What was published and where, what these runs show, whether the two agree."""
        rows: Table = []
        for finding in self.findings:
            rows.append((self._published(finding.published), _marked(capital(finding.ours)), finding.verdict))
        return rows

    def _published(self, published: Published) -> str:
        names = {key: name for run in self.runs.values() for key, name in naming.labels(run.config).items()}
        numbers = ", ".join(f"{names.get(key, key)} {value:g}" for key, value in published.numbers.items())
        return _marked(f"{capital(published.words)} ({published.place})") + (f": {numbers}" if numbers else "")

    def drawings(self) -> list[Drawing]:
        """All figures in reading order: runs against each other, then run by run."""
        return [*self._side_by_side(), *self._run_by_run()]

    def _side_by_side(self) -> Iterator[Drawing]:
        runs = self.runs
        if len(runs) == 1:
            (run,) = runs.values()
            plot = FIGURES["training"]
            yield plot.drawing(run)
            return
        wanted = ["training", "final"]
        if any(run.config.every_steps("landscape") for run in runs.values()):
            wanted.append("landscapes")
        yield from overlays(single(runs), wanted)

    def _run_by_run(self) -> Iterator[Drawing]:
        wanted = [name for names in _FIGURES.values() for name in (names[:1] if len(self.runs) > _MANY else names)]
        if any(published.test == "bn_stays_nearer" for published in self.experiment.published):
            wanted.append("initialisation")
        for name in wanted:
            plot = FIGURES[name]
            shown = False
            asked = next((option for option, names in _FIGURES.items() if name in names), "check_every")
            for number, (label, run) in enumerate(self.runs.items()):
                if not run.config.every_steps(asked):
                    continue
                alone = len(self.runs) == 1
                lead = "" if alone else f"Run {verbatim(label)}. "
                stem = name if alone else f"{number}-{re.sub(r'[^a-z0-9]+', '-', label.lower()).strip('-')}-{name}"
                caption = "What is drawn is said in the figure before." if shown else plot.caption_of(run)
                yield Drawing(stem, plot.height_of(run), lead + caption, partial(plot.draw, run))
                shown = True


def _marked(text: str) -> str:
    """Plain text with the name of the norms set as mathematics."""
    return re.sub(r"\bl_p\b", "$l_p$", verbatim(text))
