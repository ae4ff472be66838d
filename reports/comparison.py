"""Figures that set several runs side by side: training curves, the landscape along the gradient, final values.

Runs come by label; a label has one look everywhere, and the twin without a normaliser is drawn once where it is the
same in every run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Patch

from empirical.config import NETWORKS
from empirical.findings import last_loss, score
from empirical.records import Run
from reports import landscape, naming, style
from reports.panels import NotRecorded, legend, positive, short_log_axis
from reports.training_curves import running_mean

Runs = Mapping[str, Run]
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


def looks(runs: Runs, *, marker: bool = False, points: int = 0) -> dict[str, dict[str, Any]]:
    """Keyword arguments of ``Axes.plot`` by label."""
    out: dict[str, dict[str, Any]] = {}
    for i, label in enumerate(runs):
        colour, line, mark = _LOOKS[i % len(_LOOKS)]
        out[label] = {"color": colour, "linestyle": line}
        if marker:
            out[label] |= {"marker": mark, "markevery": max(1, points // 8), "markerfacecolor": "white"}
            out[label] |= {"markeredgewidth": 0.7, "markersize": 3.2}
    return out


def distinct(runs: Runs, network: str) -> Runs:
    """The runs in which the network's training differs from that of every run before it."""
    kept: dict[str, Run] = {}
    for label, run in runs.items():
        if network in run.curves and not any(_same(run, other, network) for other in kept.values()):
            kept[label] = run
    return kept


def _same(one: Run, other: Run, network: str) -> bool:
    a, b = (run.curves[network]["loss"] for run in (one, other))
    return len(a) == len(b) and np.array_equal(a["step"], b["step"]) and np.array_equal(a, b, equal_nan=True)


def panel_title(runs: Runs, network: str) -> str:
    """What a panel of one kind of network shows."""
    names = {naming.labels(run.config)[network] for run in runs.values()}
    title = names.pop() if len(names) == 1 else "with normaliser" if network == "bn" else "without normaliser"
    once = network == "plain" and len(distinct(runs, network)) == 1 < len(runs)
    return f"{title}: the same in every run" if once else title


def draw_training(runs: Runs, figure: FigureBase) -> None:
    """Loss above, accuracy below where outputs are classes; one column a kind of network, one line a run."""
    if not any(run.curves for run in runs.values()):
        raise NotRecorded("no loss curve was recorded")
    config = next(iter(runs.values())).config
    rows = {"loss": naming.loss_name(config)}
    if not naming.linear(config):
        rows["accuracy"] = "fraction correct"
    appearance = looks(runs)
    grid = figure.subplots(len(rows), len(NETWORKS), sharex=True, sharey="row", squeeze=False)
    shown: list[np.ndarray] = []
    for panels, (name, title) in zip(grid, rows.items(), strict=True):
        panels[0].set_ylabel(title)
        for axes, network in zip(panels, NETWORKS, strict=True):
            for label, run in distinct(runs, network).items():
                shown += _curve(axes, run, network, name, appearance[label])
            style.step_axis(axes, [0, max(run.config.steps for run in runs.values())])
        if name == "accuracy":
            panels[0].set_ylim(bottom=0)
    _loss_limits(grid[0], runs, shown)
    for axes, network in zip(grid[0], NETWORKS, strict=True):
        axes.set_title(panel_title(runs, network))
    for axes in grid[-1]:
        axes.set_xlabel("training step")
    legend(figure, appearance.items(), columns=3)


def _curve(axes: Axes, run: Run, network: str, name: str, look: dict[str, Any]) -> list[np.ndarray]:
    """The running mean of a curve, and points of the test; the drawn losses."""
    curves = run.curves[network]
    steps, values = curves["step"].values, curves[name].values.astype(float)
    smooth = running_mean(values, max(1, len(steps) // 40))
    axes.plot(steps, smooth, **look)
    diverged = run.diverged(network)
    if diverged is not None:
        axes.axvline(diverged, color=look["color"], linewidth=0.7, linestyle=":")
    records = run.exact.get(network)
    test = {"accuracy": "test_accuracy", "loss": "test_loss"}[name]
    if records is not None and test in records:
        points = look | {"linestyle": "none", "marker": "o", "markersize": 3.5, "markerfacecolor": "white"}
        axes.plot(records["step"].values, records[test].values, **points, zorder=3, clip_on=False)
    return [smooth] if name == "loss" else []


def _loss_limits(panels, runs: Runs, shown: list[np.ndarray]) -> None:
    """A logarithmic axis where losses span much; a linear one is not stretched by a run on its way to infinity."""
    values = positive(np.concatenate(shown))
    if not np.isfinite(values).any():
        return
    if np.nanmax(values) / np.nanmin(values) > 30:
        short_log_axis(panels[0], [values])
    else:
        panels[0].set_ylim(bottom=0)


def draw_landscape(runs: Runs, figure: FigureBase) -> None:
    """Along the gradient, one line a run: span of the loss, largest difference of the gradients, effective beta; above
    for the normalised networks, below for their twins."""
    names = ("line_loss", "predictiveness", "effective_beta")
    unit = naming.unit(next(iter(runs.values())).config)
    labels = (
        rf"span of the loss ({unit})",
        rf"largest $\Vert g - g'\Vert$ ({unit})",
        rf"largest $\Vert g - g'\Vert\,/\,\Vert h\Vert$ ({unit})",
    )
    grid = figure.subplots(2, 3, sharex=True, sharey="col", squeeze=False)
    shown: list[list[np.ndarray]] = [[], [], []]
    for panels, network in zip(grid, NETWORKS, strict=True):
        for label, run in distinct(runs, network).items():
            try:
                records = landscape.lines(run, landscape.GRADIENT, names).get(network)
            except NotRecorded:
                continue
            if records is None:
                continue
            steps = records["step"].values
            losses, differences = (landscape.band(landscape.over_points(records, name)) for name in names[:2])
            curves = (losses[1] - losses[0], differences[1], records["effective_beta"].values.astype(float))
            for axes, values, kept in zip(panels, map(positive, curves), shown, strict=True):
                look = looks(runs, marker=True, points=len(steps))[label]
                axes.plot(steps, values, **look)
                kept.append(values)
    if not any(shown):
        raise NotRecorded("no run recorded the landscape along the gradient")
    for i, drawn in enumerate(shown):
        short_log_axis(grid[0][i], drawn)
        grid[0][i].set_title(panel_title(runs, "bn"))
        grid[1][i].set_title(panel_title(runs, "plain").split(":")[0])
        grid[1][i].set_xlabel("training step")
        for panels in grid:
            panels[i].set_ylabel(labels[i])
            style.step_axis(panels[i], [0, max(run.config.steps for run in runs.values())])
    legend(figure, looks(runs, marker=True).items(), columns=3)


def final(run: Run, network: str) -> tuple[float, float | None]:
    """Mean training loss over the last tenth of the steps, infinite where it is not finite; test accuracy or None."""
    return (last_loss(run, network) if network in run.curves else float("nan")), score(run, network)


def draw_final(runs: Runs, figure: FigureBase) -> None:
    """Final training loss and, where outputs are classes, test accuracy: one row a run, one bar a network."""
    config = next(iter(runs.values())).config
    values = {network: [final(run, network) for run in runs.values()] for network in NETWORKS}
    if not any(np.isfinite(loss) for pairs in values.values() for loss, _ in pairs):
        raise NotRecorded("no finite training loss was recorded")
    panels = figure.subplots(1, 1 if naming.linear(config) else 2, sharey=True, squeeze=False)[0]
    rows = np.arange(len(runs))
    for offset, (network, pairs) in zip((-0.19, 0.19), values.items(), strict=True):
        bar = {"height": 0.36, **_bar(network)}
        losses = np.array([loss for loss, _ in pairs])
        _bars(panels[0], rows + offset, losses, bar, style.COLOURS[network])
        if not naming.linear(config):
            scores = np.array([np.nan if score is None else score for _, score in pairs])
            panels[1].barh(rows + offset, np.nan_to_num(scores), **bar)
    finite = np.array([loss for pairs in values.values() for loss, _ in pairs if np.isfinite(loss) and loss > 0])
    if len(finite) and finite.max() / finite.min() > 30:
        panels[0].set_xscale("log")
        panels[0].set_xlim(10 ** np.floor(np.log10(finite.min()) - 0.1), None)
    panels[0].set_xlabel(f"final training {naming.loss_name(config)}")
    if len(panels) > 1:
        panels[1].set_xlim(left=0)
        panels[1].set_xlabel("test accuracy (fraction correct)")
    panels[0].set_yticks(rows, list(runs))
    panels[0].set_ylim(len(runs) - 0.5, -0.5)
    for axes in panels:
        axes.grid(axis="y", visible=False)
    handles = [Patch(label=panel_title(runs, network).split(":")[0], **_bar(network)) for network in NETWORKS]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)


def _bar(network: str) -> dict[str, Any]:
    """The look of a bar, full or hatched."""
    look: dict[str, Any] = {"facecolor": style.COLOURS[network], "linewidth": 0}
    return look | {"hatch": "////", "edgecolor": "white"} if network == "plain" else look


def _bars(axes: Axes, rows: np.ndarray, values: np.ndarray, bar: dict[str, Any], colour: str) -> None:
    """Bars of the finite values; the others are said in words."""
    good = np.isfinite(values)
    axes.barh(rows[good], values[good], **bar)
    for row, value in zip(rows[~good], values[~good], strict=True):
        said = "not recorded" if np.isnan(value) else "not finite"
        axes.annotate(said, (0, row), xycoords=("axes fraction", "data"), xytext=(3, 0), textcoords="offset points",
                      fontsize=6, color=colour, va="center")  # fmt: skip


def training_height(runs: Runs) -> float:
    """In cm."""
    legend_rows = -(-len(runs) // 3)
    linear = naming.linear(next(iter(runs.values())).config)
    return (6.0 if linear else 9.5) + 0.4 * legend_rows


def landscape_height(runs: Runs) -> float:
    """In cm."""
    return 10.0 + 0.4 * -(-len(runs) // 3)


def final_height(runs: Runs) -> float:
    """In cm."""
    return 2.2 + 0.75 * len(runs)
