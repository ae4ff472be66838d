"""Figures of the distributions of activations: histograms at three steps, mean and deviation along training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from bnverify.empirical.runs.records import Run
from bnverify.reports import naming, style
from bnverify.reports.covariate_shift import columns, grid_height
from bnverify.reports.panels import legend, networks_legend, recorded, short_log_axis, site_names, site_panels

_SHOWN_SITES = 4
_REACH = 3.5  # standard deviations shown on each side


def draw_distributions(run: Run, figure: FigureBase) -> None:
    """Histograms of a few sites (columns) at the first, the middle and the last measured step (rows)."""
    groups = recorded(run.activations, ("counts", "low", "high", "mean", "deviation"))
    sites = _spread(site_names(groups.values()), _SHOWN_SITES)
    common = sorted(set.intersection(*(set(data["step"].values.tolist()) for data in groups.values())))
    steps = _spread(common, 3)
    grid = figure.subplots(len(steps), len(sites), sharex="col", sharey=True, squeeze=False)
    for row, step in zip(grid, steps, strict=True):
        for axes, site in zip(row, sites, strict=True):
            for network, data in groups.items():
                _histogram(axes, network, data.sel(step=step, site=site))
            axes.set_ylim(0, 1.1)
            axes.set_yticks([0, 0.5, 1])
            axes.locator_params(axis="x", nbins=4)
        row[0].set_ylabel(f"step {step}")
    for axes, site in zip(grid[0], sites, strict=True):
        axes.set_title(site)
        _limits(axes, [data.sel(step=steps, site=site) for data in groups.values()])
    figure.supxlabel("activation (no unit)", fontsize=8)
    figure.supylabel("density over its largest value, at the training step", fontsize=8)
    names = naming.labels(run.config)
    looks = {n: {"color": style.COLOURS[n], "linestyle": style.LINES[n]} for n in groups}
    legend(figure, [(names[network], look) for network, look in looks.items()])


def _spread(names: list, count: int) -> list:
    """So many entries at equal distances, the first and the last among them."""
    chosen = np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int)
    return [names[i] for i in dict.fromkeys(chosen.tolist())]


def density(record: xr.Dataset) -> tuple[np.ndarray, np.ndarray] | None:
    """Densities and the edges of the bins, in units of the activation; None where values have no place in them."""
    low, high = float(record["low"]), float(record["high"])
    counts = record["counts"].values.astype(float)
    total = counts.sum() + float(record["below"]) + float(record["above"]) + float(record["unplaced"])
    if not np.isfinite([low, high]).all() or not low < high or total == 0:
        return None
    edges = np.linspace(low, high, len(counts) + 1)
    return counts / total / (edges[1] - edges[0]), edges


def _histogram(axes: Axes, network: str, record: xr.Dataset) -> None:
    found = density(record)
    if found is None or not found[0].max() > 0:
        side = {"bn": 0.9, "plain": 0.75}[network]
        axes.text(0.97, side, "not finite", transform=axes.transAxes, fontsize=6, color=style.COLOURS[network],
                  ha="right", va="top")  # fmt: skip
        return
    values, edges = found
    shape = values / values.max()
    axes.stairs(shape, edges, fill=True, color=style.COLOURS[network], alpha=0.25, linewidth=0)
    axes.stairs(shape, edges, color=style.COLOURS[network], linestyle=style.LINES[network], linewidth=0.9)


def _limits(axes: Axes, records: list[xr.Dataset]) -> None:
    """Horizontal limits that hold nearly all values of all steps and networks."""
    mean = np.concatenate([r["mean"].values.astype(float).ravel() for r in records])
    reach = _REACH * np.concatenate([r["deviation"].values.astype(float).ravel() for r in records])
    good = np.isfinite(mean) & np.isfinite(reach)
    if good.any() and (reach[good] > 0).any():
        axes.set_xlim(float((mean - reach)[good].min()), float((mean + reach)[good].max()))


def draw_mean(run: Run, figure: FigureBase) -> None:
    """Mean over standard deviation along training, one panel a site."""
    groups = recorded(run.activations, ("mean", "deviation"))
    panels, shown = _moment(run, figure, groups, lambda data: data["mean"] / data["deviation"], r"mean / deviation")
    for axes in panels:
        axes.axhline(0, color=style.GREY, linewidth=0.6, zorder=1)
    values = np.concatenate(shown)
    reach = 1.1 * float(np.nanmax(np.abs(values), initial=0.1))
    panels[0].set_ylim(-reach, reach)


def draw_deviation(run: Run, figure: FigureBase) -> None:
    """Standard deviation along training, one panel a site."""
    groups = recorded(run.activations, ("mean", "deviation"))
    panels, shown = _moment(
        run, figure, groups, lambda data: data["deviation"].where(data["deviation"] > 0), "standard deviation"
    )
    short_log_axis(panels[0], shown)


def _moment(
    run: Run, figure: FigureBase, groups: dict[str, xr.Dataset], read: Callable[[xr.Dataset], xr.DataArray], what: str
) -> tuple[list[Axes], list[np.ndarray]]:
    """A curve for every site and network; the panels and the drawn values."""
    sites = site_names(groups.values())
    panels = site_panels(figure, sites, ylabel=f"{what} (no unit)", columns=columns(len(sites)))
    shown = []
    for site, axes in panels.items():
        for network, data in groups.items():
            values = read(data.sel(site=site)).values.astype(float)
            values = np.where(np.isfinite(values), values, np.nan)
            steps = data["step"].values
            look = style.line(network, marker=True, points=len(steps), markersize=2.2)
            axes.plot(steps, values, **look, clip_on=False)
            shown.append(values)
        style.step_axis(axes, steps)
    legend(figure, networks_legend(groups, naming.labels(run.config)))
    return list(panels.values()), shown


def moments_height(run: Run) -> float:
    """Room for every row of panels, in cm."""
    return grid_height(len(site_names(run.activations.values())) if run.activations else 0)
