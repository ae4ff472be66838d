"""Charts that set several runs side by side: training curves, and quantities along training.

Runs come as lines (see ``bnverify.reports.figures.lines``); a line has one look everywhere, several seeds are a band
around their median, and the twin without a normalizer is drawn once where it is the same in every line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures import landscape, style
from bnverify.reports.figures.chart import Chart, Curve, Panel, finite, positive
from bnverify.reports.figures.figure import NotRecorded
from bnverify.reports.figures.gradient_bound import REMOVED, shares
from bnverify.reports.figures.lines import Lines, Values, band
from bnverify.reports.figures.reading import along_training, at_site, site_names
from bnverify.reports.figures.training import running_mean

# Dark and light by turns, each with its own line and mark.
_LOOKS: tuple[tuple[str, Any, str], ...] = (
    (style.COLOURS["bn"], "-", "o"),
    (style.COLOURS["plain"], (0, (4, 1.5)), "s"),
    ("#111111", (0, (1, 1.2)), "^"),
    ("#58a4b0", (0, (5, 1, 1, 1)), "D"),
    ("#9b2c4d", (0, (7, 2)), "v"),
    ("#8f8f8f", "-", "x"),
    ("#4f7a28", (0, (3, 1, 1, 1, 1, 1)), "P"),
    ("#b59fd0", (0, (2, 2)), "*"),
)


class Quantity(NamedTuple):
    """What a panel shows along training: its name, the name of its axis, how it is read from a run and network (None
    where it was not recorded), and whether its axis is logarithmic."""

    name: str
    axis: str
    read: Callable[[Run, str], Values | None]
    logarithmic: bool = True


def looks(lines: Lines) -> dict[str, dict[str, Any]]:
    """Keyword arguments of ``Axes.plot`` by label."""
    return {
        label: {"color": colour, "linestyle": line, "marker": mark, "markersize": 3.2}
        for label, (colour, line, mark) in zip(lines, _LOOKS * (1 + len(lines) // len(_LOOKS)), strict=False)
    }


def distinct(lines: Lines, network: str) -> Lines:
    """The lines in which the network's training differs from that of every line before it."""
    kept: dict[str, Sequence[Run]] = {}
    for label, line in lines.items():
        present = [run for run in line if network in run.curves]
        if present and not any(_same(present, other, network) for other in kept.values()):
            kept[label] = present
    return kept


def _same(one: Sequence[Run], other: Sequence[Run], network: str) -> bool:
    def equal(first: Run, second: Run) -> bool:
        a, b = (run.curves[network]["loss"] for run in (first, second))
        return len(a) == len(b) and np.array_equal(a["step"], b["step"]) and np.array_equal(a, b, equal_nan=True)

    return len(one) == len(other) and all(map(equal, one, other))


def first_run(lines: Lines) -> Run:
    """A run whose network all others have as well."""
    return next(iter(lines.values()))[0]


def panel_title(lines: Lines, network: str) -> str:
    """What a panel of one kind of network shows."""
    names = {naming.labels(run.config)[network] for line in lines.values() for run in line}
    title = names.pop() if len(names) == 1 else "with normalizer" if network == "bn" else "without normalizer"
    once = network == "plain" and len(distinct(lines, network)) == 1 < len(lines)
    return f"{title}: the same in every run" if once else title


def _curve(label: str, line: Sequence[Run], quantity: Quantity, network: str, role: str) -> Curve | None:
    """The median over the seeds, and the band where there is more than one."""
    found = band(line, partial(_read, quantity, network), "the records of a figure")
    if found is None:
        return None
    clean = positive if quantity.logarithmic else finite
    middle, low, high = (clean(values) for values in found[1:])
    if np.array_equal(low, high, equal_nan=True):
        return Curve(label, quantity.name, role, found.steps, middle)
    return Curve(label, quantity.name, role, found.steps, middle, low, high)


def _read(quantity: Quantity, network: str, run: Run) -> Values | None:
    return quantity.read(run, network) if network in run.curves or network in run.exact else None


def _legend(lines: Lines, panels: Sequence[Panel], role: str) -> tuple[tuple[str, str, str], ...]:
    drawn = {curve.network for panel in panels for curve in panel.curves}
    return tuple((naming.shown(label), label, role) for label in lines if label in drawn)


def training(lines: Lines) -> Chart:
    """Loss above, accuracy below where outputs are classes; one column a kind of network."""
    if not any(run.curves for line in lines.values() for run in line):
        raise NotRecorded("no loss curve was recorded")
    config = first_run(lines).config
    rows = [Quantity("loss", naming.loss_name(config), partial(_smooth, name="loss"), False)]
    if naming.classes(config):
        rows.append(Quantity("accuracy", "fraction correct", partial(_smooth, name="accuracy"), False))
    panels = []
    for quantity in rows:
        for network in NETWORKS:
            curves, marks = [], []
            for label, line in distinct(lines, network).items():
                curve = _curve(label, line, quantity, network, "line")
                curves += [curve] if curve is not None else []
                curves += _tests(label, line, network, quantity.name)
                marks += [(label, step) for run in line if (step := run.diverged(network)) is not None]
            panels.append(Panel(panel_title(lines, network), tuple(curves), quantity.axis, _training_scale(curves),
                                limits=(0.0, None) if _training_scale(curves) == "linear" else (None, None),
                                marks=tuple(marks)))  # fmt: skip
    return Chart(tuple(panels), len(NETWORKS), _legend(lines, panels, "line"), legend_columns=3, looks=looks(lines))


def _training_scale(curves: Sequence[Curve]) -> str:
    """Logarithmic where values span much."""
    values = positive(np.concatenate([c.values for c in curves])) if curves else np.array([np.nan])
    return "short log" if np.isfinite(values).any() and np.nanmax(values) / np.nanmin(values) > 30 else "linear"


def _smooth(run: Run, network: str, name: str) -> Values:
    """The running mean of a curve."""
    curves = run.curves[network]
    steps = curves["step"].values
    return steps, running_mean(curves[name].values.astype(float), max(1, len(steps) // 40))


def _tests(label: str, line: Sequence[Run], network: str, name: str) -> list[Curve]:
    """Points of the test, one series a run."""
    tested = {"accuracy": "test_accuracy", "loss": "test_loss"}[name]
    return [
        Curve(label, "test", "points", run.exact[network]["step"].values,
              finite(run.exact[network][tested].values.astype(float)), look={"zorder": 3, "marker": "o"})
        for run in line if network in run.exact and tested in run.exact[network]
    ]  # fmt: skip


def landscapes(lines: Lines) -> Chart:
    """Along the gradient: span of the loss, largest difference of the gradients, effective beta."""
    unit = naming.unit(first_run(lines).config)
    return quantities(lines, (
        Quantity("span", rf"span of the loss ({unit})", _along_gradient("line_loss", lambda low, high: high - low)),
        Quantity("predictiveness", rf"largest $\Vert g - g'\Vert$ ({unit})",
                 _along_gradient("predictiveness", lambda low, high: high)),
        Quantity("beta", rf"largest $\Vert g - g'\Vert\,/\,\Vert h\Vert$ ({unit})", _effective_beta),
    ))  # fmt: skip


def _gradient_records(run: Run, network: str, name: str):
    try:
        return landscape.lines(run, landscape.GRADIENT, (name,)).get(network)
    except NotRecorded:
        return None


def _along_gradient(name: str, of: Callable[[np.ndarray, np.ndarray], np.ndarray]):
    """A reader of what is made of the smallest and the largest value over the points of the line."""

    def read(run: Run, network: str) -> Values | None:
        records = _gradient_records(run, network, name)
        return None if records is None else (
            records["step"].values, of(*landscape.band(landscape.over_points(records, name)))
        )  # fmt: skip

    return read


def _effective_beta(run: Run, network: str) -> Values | None:
    records = _gradient_records(run, network, "effective_beta")
    return None if records is None else (records["step"].values, records["effective_beta"].values.astype(float))


def shifts(lines: Lines) -> Chart:
    """Internal covariate shift, median over the layers but the first: relative size and cosine."""
    return quantities(lines, (
        Quantity("relative", r"$\Vert G - G'\Vert\,/\,\Vert G\Vert$ (no unit)", partial(_shift, name="shift_relative")),
        Quantity("cosine", r"cosine of $G$ and $G'$ (no unit)", partial(_shift, name="shift_cosine"), False),
    ))  # fmt: skip


def _shift(run: Run, network: str, name: str) -> Values | None:
    records = run.shift.get(network)
    if records is None or name not in records or records.sizes["layer"] < 2:
        return None
    return records["step"].values, np.median(records[name].values.astype(float)[:, 1:], axis=1)


def gain(lines: Lines) -> Chart:
    """Theorem 4.1 over all sites: the normalised gradient, and what the subtracted terms remove."""
    return quantities(lines, (
        Quantity("v_v", r"median of $\Vert v\Vert^2$", partial(_median, names=("v_v",), of=lambda q: q["v_v"])),
        Quantity("removed", r"median share of $\Vert g\Vert^2$ removed",
                 partial(_median, names=REMOVED, of=_removed)),
    ))  # fmt: skip


def _removed(quantities: dict[str, np.ndarray]) -> np.ndarray:
    mean, alignment = shares(quantities)
    return mean + alignment


def _median(
    run: Run, network: str, names: Sequence[str], of: Callable[[dict[str, np.ndarray]], np.ndarray]
) -> Values | None:
    """The median over the channels of all sites with a gradient."""
    try:
        records = along_training(run, (*names, "g_g")).get(network)
    except NotRecorded:
        return None
    if records is None:
        return None
    found = []
    for site in site_names([records]):
        read = at_site(records, site, (*names, "g_g"))
        found.append(np.where(read["g_g"] > 0, of(read), np.nan))
    rows = [row[np.isfinite(row)] for row in np.concatenate(found, axis=1)]
    return records["step"].values, np.array([np.median(row) if len(row) else np.nan for row in rows])


def quantities(lines: Lines, wanted: Sequence[Quantity]) -> Chart:
    """One column a quantity; above for the normalised networks, below for their twins."""
    panels = []
    for network in NETWORKS:
        for quantity in wanted:
            found = (_curve(label, line, quantity, network, "both") for label, line in distinct(lines, network).items())
            curves = tuple(curve for curve in found if curve is not None)
            scale = "short log" if quantity.logarithmic else "linear"
            panels.append(Panel(panel_title(lines, network).split(":")[0], curves, quantity.axis, scale))
    if not any(panel.curves for panel in panels):
        raise NotRecorded("no run recorded what the figure shows")
    return Chart(tuple(panels), len(wanted), _legend(lines, panels, "both"), legend_columns=3, looks=looks(lines))


def height(chart: Chart) -> float:
    """Of a chart with two rows, or one, in cm."""
    rows = -(-len(chart.panels) // chart.columns)
    return 1.4 + 4.3 * rows + 0.36 * -(-len(chart.legend) // 3)
