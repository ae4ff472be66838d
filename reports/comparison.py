"""Figures that set several runs side by side: training curves, and quantities along training.

Runs come as lines (see ``lines``); a line has one look everywhere, several seeds are a band around their
median, and the twin without a normaliser is drawn once where it is the same in every line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.reports import landscape, naming, style
from bnverify.reports.gradient_bound import shares
from bnverify.reports.lines import Band, Lines, Values, band
from bnverify.reports.panels import NotRecorded, along_training, at_site, legend, positive, short_log_axis, site_names
from bnverify.reports.training_curves import running_mean

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
_REMOVED = ("m", "g_g", "one_g", "a", "rho")


class Quantity(NamedTuple):
    """What a panel shows along training: the name of its axis, how it is read from a run and network (None where it was
    not recorded), and whether its axis is logarithmic."""

    axis: str
    read: Callable[[Run, str], Values | None]
    logarithmic: bool = True


def looks(lines: Lines, *, marker: bool = False, points: int = 0) -> dict[str, dict[str, Any]]:
    """Keyword arguments of ``Axes.plot`` by label."""
    out: dict[str, dict[str, Any]] = {}
    for i, label in enumerate(lines):
        colour, line, mark = _LOOKS[i % len(_LOOKS)]
        out[label] = {"color": colour, "linestyle": line}
        if marker:
            out[label] |= {"marker": mark, "markevery": max(1, points // 8), "markerfacecolor": "white"}
            out[label] |= {"markeredgewidth": 0.7, "markersize": 3.2}
    return out


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


def _last_step(lines: Lines) -> int:
    return max(run.config.steps for line in lines.values() for run in line)


def panel_title(lines: Lines, network: str) -> str:
    """What a panel of one kind of network shows."""
    names = {naming.labels(run.config)[network] for line in lines.values() for run in line}
    title = names.pop() if len(names) == 1 else "with normaliser" if network == "bn" else "without normaliser"
    once = network == "plain" and len(distinct(lines, network)) == 1 < len(lines)
    return f"{title}: the same in every run" if once else title


def _plot(axes: Axes, found: Band, look: dict[str, Any], *, logarithmic: bool) -> list[np.ndarray]:
    """The median of a band, and the band itself where there is more than one seed; the drawn values."""
    shown = positive if logarithmic else (lambda values: np.where(np.isfinite(values), values, np.nan))
    middle, low, high = (shown(values) for values in found[1:])
    axes.plot(found.steps, middle, **look)
    if not np.array_equal(low, high, equal_nan=True):
        axes.fill_between(found.steps, low, high, color=look["color"], alpha=0.2, linewidth=0)
    return [middle, low, high]


def draw_training(lines: Lines, figure: FigureBase) -> None:
    """Loss above, accuracy below where outputs are classes; one column a kind of network."""
    if not any(run.curves for line in lines.values() for run in line):
        raise NotRecorded("no loss curve was recorded")
    config = first_run(lines).config
    rows = {"loss": naming.loss_name(config)}
    if not naming.linear(config):
        rows["accuracy"] = "fraction correct"
    appearance = looks(lines)
    grid = figure.subplots(len(rows), len(NETWORKS), sharex=True, sharey="row", squeeze=False)
    losses: list[np.ndarray] = []
    for panels, (name, title) in zip(grid, rows.items(), strict=True):
        panels[0].set_ylabel(title)
        for axes, network in zip(panels, NETWORKS, strict=True):
            for label, line in distinct(lines, network).items():
                found = band(line, partial(_smooth, network=network, name=name), "training")
                if found is None:
                    continue
                drawn = _plot(axes, found, appearance[label], logarithmic=False)
                losses += drawn if name == "loss" else []
                for run in line:
                    _marks(axes, run, network, name, appearance[label])
            style.step_axis(axes, [0, _last_step(lines)])
        if name == "accuracy":
            panels[0].set_ylim(bottom=0)
    _loss_limits(grid[0], losses)
    for axes, network in zip(grid[0], NETWORKS, strict=True):
        axes.set_title(panel_title(lines, network))
    for axes in grid[-1]:
        axes.set_xlabel("training step")
    legend(figure, appearance.items(), columns=3)


def _smooth(run: Run, network: str, name: str) -> Values:
    """The running mean of a curve."""
    curves = run.curves[network]
    steps = curves["step"].values
    return steps, running_mean(curves[name].values.astype(float), max(1, len(steps) // 40))


def _marks(axes: Axes, run: Run, network: str, name: str, look: dict[str, Any]) -> None:
    """Points of the test, and where the loss ceases to be finite."""
    diverged = run.diverged(network)
    if diverged is not None:
        axes.axvline(diverged, color=look["color"], linewidth=0.7, linestyle=":")
    records = run.exact.get(network)
    test = {"accuracy": "test_accuracy", "loss": "test_loss"}[name]
    if records is not None and test in records:
        points = look | {"linestyle": "none", "marker": "o", "markersize": 3.5, "markerfacecolor": "white"}
        axes.plot(records["step"].values, records[test].values, **points, zorder=3, clip_on=False)


def _loss_limits(panels, shown: list[np.ndarray]) -> None:
    """A logarithmic axis where losses span much; a linear one is not stretched by a run on its way to infinity."""
    values = positive(np.concatenate(shown))
    if not np.isfinite(values).any():
        return
    if np.nanmax(values) / np.nanmin(values) > 30:
        short_log_axis(panels[0], [values])
    else:
        panels[0].set_ylim(bottom=0)


def draw_landscape(lines: Lines, figure: FigureBase) -> None:
    """Along the gradient: span of the loss, largest difference of the gradients, effective beta."""
    unit = naming.unit(first_run(lines).config)
    draw_quantities(lines, figure, (
        Quantity(rf"span of the loss ({unit})", _along_gradient("line_loss", lambda low, high: high - low)),
        Quantity(rf"largest $\Vert g - g'\Vert$ ({unit})", _along_gradient("predictiveness", lambda low, high: high)),
        Quantity(rf"largest $\Vert g - g'\Vert\,/\,\Vert h\Vert$ ({unit})", _effective_beta),
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


def draw_shift(lines: Lines, figure: FigureBase) -> None:
    """Internal covariate shift, median over the layers but the first: relative size and cosine."""
    draw_quantities(lines, figure, (
        Quantity(r"$\Vert G - G'\Vert\,/\,\Vert G\Vert$ (no unit)", partial(_shift, name="shift_relative")),
        Quantity(r"cosine of $G$ and $G'$ (no unit)", partial(_shift, name="shift_cosine"), logarithmic=False),
    ))  # fmt: skip


def _shift(run: Run, network: str, name: str) -> Values | None:
    records = run.shift.get(network)
    if records is None or name not in records or records.sizes["layer"] < 2:
        return None
    return records["step"].values, np.median(records[name].values.astype(float)[:, 1:], axis=1)


def draw_gain(lines: Lines, figure: FigureBase) -> None:
    """Theorem 4.1 over all sites: the normalised gradient, and what the subtracted terms remove."""
    draw_quantities(lines, figure, (
        Quantity(r"median of $\Vert v\Vert^2$", partial(_median, names=("v_v",), of=lambda q: q["v_v"])),
        Quantity(r"median share of $\Vert g\Vert^2$ removed", partial(_median, names=_REMOVED, of=_removed)),
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
        quantities = at_site(records, site, (*names, "g_g"))
        found.append(np.where(quantities["g_g"] > 0, of(quantities), np.nan))
    rows = [row[np.isfinite(row)] for row in np.concatenate(found, axis=1)]
    return records["step"].values, np.array([np.median(row) if len(row) else np.nan for row in rows])


def draw_quantities(lines: Lines, figure: FigureBase, quantities: Sequence[Quantity]) -> None:
    """One column a quantity; above for the normalised networks, below for their twins."""
    found = [
        {network: {label: band(line, partial(_read, quantity, network), "the records of a figure")
                   for label, line in distinct(lines, network).items()} for network in NETWORKS}
        for quantity in quantities
    ]  # fmt: skip
    if not any(one for by_network in found for bands in by_network.values() for one in bands.values()):
        raise NotRecorded("no run recorded what the figure shows")
    grid = figure.subplots(len(NETWORKS), len(quantities), sharex=True, sharey="col", squeeze=False)
    for i, (quantity, by_network) in enumerate(zip(quantities, found, strict=True)):
        shown: list[np.ndarray] = []
        for axes, network in zip(grid[:, i], NETWORKS, strict=True):
            for label, one in by_network[network].items():
                if one is not None:
                    look = looks(lines, marker=True, points=len(one.steps))[label]
                    shown += _plot(axes, one, look, logarithmic=quantity.logarithmic)
            axes.set_title(panel_title(lines, network).split(":")[0])
            axes.set_ylabel(quantity.axis)
            style.step_axis(axes, [0, _last_step(lines)])
        if quantity.logarithmic and shown:
            short_log_axis(grid[0][i], shown)
        grid[-1][i].set_xlabel("training step")
    drawn = {label for by_network in found for bands in by_network.values() for label, one in bands.items() if one}
    shown_looks = looks(lines, marker=True).items()
    legend(figure, [(label, look) for label, look in shown_looks if label in drawn], columns=3)


def _read(quantity: Quantity, network: str, run: Run) -> Values | None:
    return quantity.read(run, network)


def training_height(lines: Lines) -> float:
    """In cm."""
    legend_rows = -(-len(lines) // 3)
    return (6.0 if naming.linear(first_run(lines).config) else 9.5) + 0.4 * legend_rows


def quantities_height(lines: Lines) -> float:
    """In cm."""
    return 10.0 + 0.4 * -(-len(lines) // 3)
