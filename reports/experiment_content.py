"""What the report of an experiment says: its runs side by side, and beside what was published what they show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from matplotlib.figure import Figure, FigureBase

from empirical.config import NETWORKS
from empirical.experiments import SCALES, Experiment, Published
from empirical.findings import AGREE, DIFFER, Finding, findings
from empirical.records import Run
from reports import comparison, naming, setting, style
from reports.comparison import Runs
from reports.figures import FIGURES
from reports.prose import verbatim
from reports.setting import Table
from reports.wording import DASH, counted, whole

# Figures of a single run by what the configuration must have asked for; the first of each also where runs are many.
_FIGURES = {
    "landscape_every": ("landscape", "landscape-random", "linearity", "landscape-relative"),
    "shift_every": ("covariate-shift", "covariate-shift-relative", "covariate-shift-cosine"),
    "activations_every": ("distributions", "moments"),
}
_MANY = 2
_FOR_CLAIMS = ("preset", "float32 records", "float64 records", "sampled channels")
_SCALE = {"quick": "the reduced settings", "paper": "the published settings", "": "settings of their own"}


@dataclass(frozen=True)
class Drawing:
    """A figure of the report: ``draw`` puts it into a figure or a part of one; ``height`` is in cm."""

    name: str
    height: float
    caption: str
    draw: Callable[[FigureBase], None]

    def figure(self) -> Figure:
        """The figure alone; ``NotRecorded`` where the runs do not hold what it shows."""
        with style.look():
            figure = style.new_figure(self.height)
            self.draw(figure)
            return figure


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
        """Which of the experiment's scales the runs have; empty where it is neither."""
        for scale in SCALES:
            wanted = self.experiment.runs(scale)
            if all(label in wanted and run.config == wanted[label] for label, run in self.runs.items()):
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
            rows.append((self._published(finding.published), _marked(_capital(finding.ours)), finding.verdict))
        return rows

    def _published(self, published: Published) -> str:
        names = {key: name for run in self.runs.values() for key, name in naming.labels(run.config).items()}
        numbers = ", ".join(f"{names.get(key, key)} {value:g}" for key, value in published.numbers.items())
        return _marked(f"{_capital(published.words)} ({published.place})") + (f": {numbers}" if numbers else "")

    def final_table(self) -> tuple[tuple[str, ...], Table]:
        """Head and rows: run, network, final training loss, the test, steps."""
        linear = self._linear()
        rows: Table = []
        for label, run in self.runs.items():
            for network in NETWORKS:
                loss, accuracy = comparison.final(run, network)
                test = _test_loss(run, network) if linear else DASH if accuracy is None else f"{accuracy:.1%}"
                name = naming.labels(run.config)[network]
                rows.append((verbatim(label), name, _loss(loss), test, _steps(run, network)))
        return ("run", "network", "final training loss", "test loss" if linear else "test accuracy", "steps"), rows

    def _linear(self) -> bool:
        return any(naming.linear(run.config) for run in self.runs.values())

    def settings(self) -> tuple[Table, tuple[str, ...], Table]:
        """Rows that all runs have in common; head and rows, one a run, of what differs (empty where nothing does)."""
        tables = {
            label: {name: value for name, value in self._rows(run) if name not in _FOR_CLAIMS}
            for label, run in self.runs.items()
        }
        names = list(dict.fromkeys(name for table in tables.values() for name in table))
        columns = {name: [table.get(name, DASH) for table in tables.values()] for name in names}
        common: Table = [(name, values[0]) for name, values in columns.items() if len(set(values)) == 1]
        differing = [name for name, values in columns.items() if len(set(values)) > 1]
        rows: Table = [
            (verbatim(label), *(columns[name][i] for name in differing)) for i, label in enumerate(self.runs)
        ]
        return common, ("run", *differing), rows if differing else []

    def _rows(self, run: Run) -> Table:
        return [*setting.configuration(run), *setting.data(run), *setting.environment(run)]

    def drawings(self) -> list[Drawing]:
        """All figures in reading order: runs against each other, then run by run."""
        return [*self._side_by_side(), *self._run_by_run()]

    def _side_by_side(self) -> Iterator[Drawing]:
        runs = self.runs
        if len(runs) == 1:
            (run,) = runs.values()
            plot = FIGURES["training"]
            yield Drawing(plot.name, plot.height_of(run), plot.caption, partial(plot.draw, run))
            return
        height, draw = comparison.training_height(runs), partial(comparison.draw_training, runs)
        yield Drawing("training", height, _TRAINING + self._twin(), draw)
        yield Drawing("final", comparison.final_height(runs), _FINAL, partial(comparison.draw_final, runs))
        if any(run.config.landscape_every for run in runs.values()):
            height, draw = comparison.landscape_height(runs), partial(comparison.draw_landscape, runs)
            yield Drawing("landscapes", height, _LANDSCAPES + self._twin(), draw)

    def _twin(self) -> str:
        once = len(comparison.distinct(self.runs, "plain")) == 1 < len(self.runs)
        return " The twin without a normaliser is the same in every run and drawn once." if once else ""

    def _run_by_run(self) -> Iterator[Drawing]:
        wanted = [name for names in _FIGURES.values() for name in (names[:1] if len(self.runs) > _MANY else names)]
        if any(published.test == "bn_stays_nearer" for published in self.experiment.published):
            wanted.append("initialisation")
        for name in wanted:
            plot, caption = FIGURES[name], FIGURES[name].caption
            asked = next((option for option, names in _FIGURES.items() if name in names), "check_every")
            for number, (label, run) in enumerate(self.runs.items()):
                if not getattr(run.config, asked):
                    continue
                alone = len(self.runs) == 1
                lead = "" if alone else f"Run {verbatim(label)}. "
                stem = name if alone else f"{number}-{re.sub(r'[^a-z0-9]+', '-', label.lower()).strip('-')}-{name}"
                yield Drawing(stem, plot.height_of(run), lead + caption, partial(plot.draw, run))
                caption = "What is drawn is said in the figure before."


_TRAINING = (
    "Training of all runs: loss on the batch of every step above, fraction of it that is classified correctly below; "
    "left the networks with a normaliser, right their twins without one. Lines are running means, circles the test, a "
    "dotted vertical line the first loss that is not finite."
)
_FINAL = (
    "Where the runs ended: mean training loss over the last tenth of the steps and, where outputs are classes, "
    "accuracy on test images. Full bars: with a normaliser; hatched bars: without."
)
_LANDSCAPES = (
    r"The loss landscape along the gradient in all runs: largest less smallest loss over the points, largest "
    r"difference of the gradients, and largest difference over distance; above the networks with a normaliser, below "
    r"those without."
)


def _marked(text: str) -> str:
    """Plain text with the name of the norms set as mathematics."""
    return re.sub(r"\bl_p\b", "$l_p$", verbatim(text))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _loss(value: float) -> str:
    return DASH if np.isnan(value) else "not finite" if np.isinf(value) else f"{value:.4g}"


def _test_loss(run: Run, network: str) -> str:
    records = run.exact.get(network)
    if records is None or "test_loss" not in records:
        return DASH
    return _loss(float(records["test_loss"].values[-1]))


def _steps(run: Run, network: str) -> str:
    if network not in run.curves:
        return DASH
    done = len(run.curves[network]["step"])
    return whole(done) if done == run.config.steps else f"{whole(done)} of {whole(run.config.steps)}"
