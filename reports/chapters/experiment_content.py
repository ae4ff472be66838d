"""What the report of an experiment says: its runs side by side, and beside what was published what they show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from bnverify.empirical.experiments import rotation
from bnverify.empirical.experiments.comparable import PHASES, Compared, lost_from
from bnverify.empirical.experiments.experiments import SCALES, Experiment, Published
from bnverify.empirical.experiments.findings import AGREE, DIFFER, MIXED, NOT_COMPARABLE, Finding, Runs, findings
from bnverify.empirical.experiments.statements import Seen
from bnverify.empirical.judgement.verdict import Verdict, verdicts_of
from bnverify.reports.chapters import subtracted
from bnverify.reports.document import naming
from bnverify.reports.document.blocks import Section
from bnverify.reports.document.prose import verbatim
from bnverify.reports.document.setting import Table
from bnverify.reports.document.wording import DASH, capital, counted, scientific, whole
from bnverify.reports.figures.catalogue import FIGURES
from bnverify.reports.figures.figure import Drawing, NotRecorded
from bnverify.reports.figures.lines import single
from bnverify.reports.figures.overlays import overlays
from bnverify.theory import CLAIMS

# Figures of a single run by the observation they need; the first of each also where runs are many.
_FIGURES = {
    "landscape": ("landscape", "landscape-random", "linearity", "landscape-relative"),
    "shift": ("covariate-shift", "covariate-shift-relative", "covariate-shift-cosine"),
    "activations": ("distributions", "moments"),
    "dynamics": ("rotation", "epsilon-share", "effective-rates"),
}
# What is told of the steps of a training, by the name in `rotation.summary`.
_OF_STEPS = {
    "turn": r"$1-\cos$ of a step, $\cos=\langle W,W^{+}\rangle/\lVert W\rVert^2$",
    "law": r"stationary law $\eta(\lambda+p)/(1+\alpha)$, with epsilon's part $p$",
    "printed": r"as printed, $\eta\lambda/(1+\alpha)$",
    "share": r"epsilon's share of $1-\cos$",
    "drift": r"change of $\lVert W\rVert^2$ a step, relative",
    "rate": r"effective rate $\Phi=\eta/((1-\eta\lambda)\lVert W\rVert^2)$",
    "rate_apart": r"the schedule law's $\Phi$ beside it, all layers and steps: largest distance, relative",
    "rounding": "float32 steps beside the exact rotation and growth, over what rounding allows: the largest",
    "growing_rate": r"factor a step by which a rate without weight decay, and epsilon, grow: $\xi^{-2}$",
}  # fmt: skip
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
        return [*self._about(), *self._compared(), *self._subtracted(), *self._lost()]

    def _about(self) -> Iterator[str]:
        wanted = self.experiment.runs(self._scale() or SCALES[0])
        missing = [label for label in wanted if label not in self.runs]
        yield (
            f"{counted(len(self.runs), 'run').capitalize()} of a network with a normalizer beside its twin without "
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
        agree, differ, mixed, none = (
            sum(f.verdict == verdict for f in self.findings) for verdict in (AGREE, DIFFER, MIXED, NOT_COMPARABLE)
        )
        yield (
            f"Of {counted(len(self.findings), 'published statement')}, these runs agree with {whole(agree)} and "
            f"differ from {whole(differ)}; with {whole(mixed)} they agree in part (in some phases or seeds, and not in "
            f"others); {whole(none)} cannot be compared."
        )
        yield (
            "One seed, and networks trained apart: the comparison says what these runs show, and no theorem says how "
            "it must end."
        )

    @cached_property
    def subtracted(self) -> Section | None:
        """What the theorems subtract, of an experiment of one run that recorded it."""
        return subtracted.section(*self.runs.values()) if len(self.runs) == 1 else None

    def _subtracted(self) -> Iterator[str]:
        if self.subtracted:
            yield subtracted.sentence(*self.runs.values())

    def _lost(self) -> Iterator[str]:
        for label, run in self.runs.items():
            for network in run.curves:
                step = run.diverged(network)
                if step is not None:
                    name = naming.labels(run.config)[network]
                    yield f"Run {verbatim(label)}, {name}: the loss is not finite from step {whole(step)} on."
            back = lost_from(run)
            if back is not None:
                name = naming.labels(run.config)["plain"]
                yield f"Run {verbatim(label)}, {name}: from step {whole(back)} on the loss is that of chance again."

    def steps_table(self) -> Table:
        """What the training's own steps show, a column a run, under `steps_head`; no rows where none were recorded."""
        found = [rotation.summary(run) for run in self.runs.values()]
        rows = [(words, *(_shown(name, each) for each in found)) for name, words in _OF_STEPS.items()]
        return [row for row in rows if set(row[1:]) != {DASH}]

    @property
    def steps_head(self) -> tuple[str, ...]:
        return ("of the median layer, over the last fifth", *map(verbatim, self.runs))

    def step_verdicts(self) -> dict[str, list[Verdict]]:
        """By run those of the claims about two consecutive states."""
        return {
            label: [v for v in verdicts_of(run) if "steps" in CLAIMS[v.key].about] for label, run in self.runs.items()
        }

    def finding_table(self) -> Table:
        """What was published and where, what these runs show, whether the two agree."""
        rows: Table = []
        for finding in self.findings:
            rows.append((self._published(finding.published), _marked(capital(finding.ours)), finding.verdict))
        return rows

    def phase_table(self) -> Table:
        """The quantities of both networks by phase of the training, under `phase_head`: at which share of the measured
        places each is smaller with the normalizer, and the median of its ratio. A quantity of two statements is one
        row."""
        rows: Table = []
        over = {what: found for seen in self._seen for what, found in seen.compared.items()}
        for what, found in over.items():
            by_phase = {each.phase.name: each for each in found}
            rows.append((_marked(what), *(_phase_cell(by_phase.get(name)) for name in self._phases)))
        return rows

    @property
    def _seen(self) -> Iterator[Seen]:
        return (seen for finding in self.findings for seen in finding.seen)

    @property
    def phase_head(self) -> tuple[str, ...]:
        return ("with over without batch norm", *self._phases.values())

    @cached_property
    def _phases(self) -> dict[str, str]:
        """The phases that were compared, in their order, each with its steps where all runs share them."""
        spans: dict[str, set[tuple[int, int]]] = {}
        for each in (one for seen in self._seen for found in seen.compared.values() for one in found):
            spans.setdefault(each.phase.name, set()).add((each.phase.start, each.phase.stop))
        ordered = [name for name in PHASES if name in spans]
        return {name: _phase_name(name, spans[name]) for name in ordered}

    def _published(self, published: Published) -> str:
        names = {key: name for run in self.runs.values() for key, name in naming.labels(run.config).items()}
        numbers = ", ".join(f"{names.get(key, key)} {value:g}" for key, value in published.numbers.items())
        return _marked(f"{capital(published.words)} ({published.place})") + (f": {numbers}" if numbers else "")

    def drawings(self) -> tuple[list[Drawing], dict[str, str]]:
        """All figures in reading order: runs against each other, then run by run; the names of those that cannot be
        drawn, and what is missing."""
        together, missing = self._side_by_side()
        alone, more = self._run_by_run()
        return [*together, *alone], missing | more

    def _side_by_side(self) -> tuple[list[Drawing], dict[str, str]]:
        if len(self.runs) == 1:
            (run,) = self.runs.values()
            return _drawn([("training", partial(FIGURES["training"].drawing, run))])
        wanted = ["training", "final"]
        if any(run.config.every_steps("landscape") for run in self.runs.values()):
            wanted.append("landscapes")
        return overlays(single(self.runs), wanted)

    def _run_by_run(self) -> tuple[list[Drawing], dict[str, str]]:
        wanted = [name for names in _FIGURES.values() for name in (names[:1] if len(self.runs) > _MANY else names)]
        if any(published.test == "bn_stays_nearer" for published in self.experiment.published):
            wanted.append("initialisation")
        if self.subtracted:
            wanted += ["subtracted", "alignment-chance"]
        asked = {name: option for option, names in _FIGURES.items() for name in names}
        return _drawn([
            (self._stem(name, number, label), partial(self._drawing, name, number, label))
            for name in wanted
            for number, (label, run) in enumerate(self.runs.items())
            if name not in asked or run.config.every_steps(asked[name])
        ])  # fmt: skip

    def _stem(self, name: str, number: int, label: str) -> str:
        """The name of a file, of a run among several."""
        if len(self.runs) == 1:
            return name
        return f"{number}-{re.sub(r'[^a-z0-9]+', '-', label.lower()).strip('-')}-{name}"

    def _drawing(self, name: str, number: int, label: str) -> Drawing:
        """The figure of one run, said to be its."""
        found = FIGURES[name].drawing(self.runs[label])
        title = found.title if len(self.runs) == 1 else f"{found.title}, run {verbatim(label)}"
        return replace(found, name=self._stem(name, number, label), title=title)


def _phase_name(name: str, spans: set[tuple[int, int]]) -> str:
    if len(spans) > 1:
        return name
    ((start, stop),) = spans
    return f"{name}, steps {whole(start)} to {whole(stop - 1)}"


def _phase_cell(found: Compared | None) -> str:
    if found is None:
        return DASH
    lost = f", {whole(found.lost)} not finite" if found.lost else ""
    ratio = f"{found.ratio:.3g}" if 1e-3 <= found.ratio < 1e3 else scientific(found.ratio, 3)
    return f"{ratio} (smaller at {found.share:.0%} of {whole(found.count)}{lost})"


def _drawn(wanted: list[tuple[str, Callable[[], Drawing]]]) -> tuple[list[Drawing], dict[str, str]]:
    """The drawings that can be made; the names of the others, and what is missing."""
    found: list[Drawing] = []
    missing: dict[str, str] = {}
    for name, make in wanted:
        try:
            found.append(make())
        except NotRecorded as reason:
            missing[name] = str(reason)
    return found, missing


_MATHEMATICS = {
    "l_p": "$l_p$", "1 - cos": r"$1-\cos$", "|W|^2": r"$\lVert W\rVert^2$",
    "eta lambda/(1 + alpha)": r"$\eta\lambda/(1+\alpha)$",
}  # fmt: skip
_FORMULA = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in _MATHEMATICS))


def _marked(text: str) -> str:
    """Plain text with the formulas of published statements set as mathematics."""
    return _FORMULA.sub(lambda found: _MATHEMATICS[found[0]], verbatim(text))


def _shown(name: str, told: Mapping[str, float]) -> str:
    if name == "rounding" and "turn_rounding" in told:
        return f"{told['turn_rounding']:.2g}; {told['growth_rounding']:.2g}"
    value = told.get(name)
    if value is None:
        return DASH
    if np.isnan(value):
        return "no real root"
    if name in ("share", "rate_apart"):
        return scientific(value, 1)
    return f"{value:.4f}" if name == "growing_rate" else f"{value:.3g}"
