"""One small panel for every site, and what is drawn into it: medians and bands over channels along training."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from bnverify.empirical.runs.records import Run
from bnverify.reports import style
from bnverify.theory import QUANTITIES


class NotRecorded(Exception):
    """A figure cannot be drawn because the run did not record what it shows; the message says what is missing."""


def site_names(groups: Iterable[xr.Dataset]) -> list[str]:
    """All sites in the order of the network: conv2 before conv10."""
    names = {str(name) for records in groups for name in records["site"].values}
    return sorted(names, key=lambda name: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name)])


def recorded(groups: Mapping[str, xr.Dataset], names: Iterable[str]) -> dict[str, xr.Dataset]:
    """The networks whose records hold all the named quantities; NotRecorded if there is none."""
    names = list(names)
    found = {network: data for network, data in groups.items() if all(name in data for name in names)}
    if not found:
        raise NotRecorded(f"no network recorded all of: {', '.join(names)}")
    return found


def along_training(run: Run, names: Iterable[str]) -> dict[str, xr.Dataset]:
    """The records from the training steps where they hold the quantities, else the float64 ones, which are fewer."""
    names = list(names)
    try:
        return recorded(run.exact | run.inline, names)
    except NotRecorded:
        return recorded(run.exact, names)


def at_site(records: xr.Dataset, site: str, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Named quantities of a site in float64, shape (steps, channels) or (steps, 1)."""
    here = records.sel(site=site)
    width = int(here["channels"].values[0])
    return {
        name: here[name].values.astype(float)[:, None]
        if QUANTITIES[name].shape in ("site", "layer")
        else here[name].values.astype(float)[:, :width]
        for name in names
    }


def median_and_band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """10 %, 50 % and 90 % quantiles over the channels whose value is finite; NaN where there is none."""
    rows = [row[np.isfinite(row)] for row in values]
    quantiles = np.array([np.quantile(r, (0.1, 0.5, 0.9)) if len(r) else (np.nan,) * 3 for r in rows])
    low, middle, high = quantiles.T
    return low, middle, high


def positive(values: np.ndarray) -> np.ndarray:
    """The values with everything that has no logarithm replaced by NaN."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def site_panels(
    figure: FigureBase, sites: list[str], *, ylabel: str, sharey: bool = True, columns: int = 5
) -> dict[str, Axes]:
    """A grid of at most so many columns, panels titled by site, axis names at the edge."""
    columns = min(columns, len(sites))
    rows = -(-len(sites) // columns)
    grid = figure.subplots(rows, columns, sharex=True, sharey=sharey, squeeze=False).ravel()
    for axes in grid[len(sites) :]:
        axes.set_visible(False)
    panels = dict(zip(sites, grid, strict=False))
    for site, axes in panels.items():
        axes.set_title(site)
    figure.supxlabel("training step", fontsize=8)
    figure.supylabel(ylabel, fontsize=8)
    return panels


def legend(figure: FigureBase, entries: Iterable[tuple[str, dict]], columns: int = 4) -> None:
    """A legend above the panels, from labels and the styles of their lines."""
    handles = [Line2D([], [], label=label, **appearance) for label, appearance in entries]
    columns = 2 if len(handles) == 4 else columns
    figure.legend(handles=handles, loc="outside upper center", ncols=min(columns, len(handles)), handlelength=2.6)


def networks_legend(groups: Iterable[str], names: Mapping[str, str]) -> list[tuple[str, dict]]:
    """Entries of a legend: the networks, by ``names``, with line and mark."""
    return [(names[network], style.line(network, marker=True)) for network in groups]


def log_axis(axes: Axes, curves: Iterable[np.ndarray]) -> None:
    """A logarithmic vertical axis if there is anything to show on it."""
    if any(np.isfinite(positive(np.asarray(curve))).any() for curve in curves):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
        low, high = axes.get_ylim()
        axes.set_ylim(10.0 ** np.floor(np.log10(low)), 10.0 ** np.ceil(np.log10(high)))


def short_log_axis(axes: Axes, curves: Iterable[np.ndarray]) -> None:
    """A logarithmic vertical axis that may span less than a decade; its limits are those of what is drawn."""
    values = np.concatenate([positive(np.asarray(curve, float)).ravel() for curve in curves])
    if not np.isfinite(values).any():
        return
    low, high = np.nanmin(values), np.nanmax(values)
    decades = np.log10(high / low)
    axes.set_yscale("log")
    reach = 10 ** max(0.06 * decades, 0.02)
    axes.set_ylim(low / reach, high * reach)
    if decades > 2:
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
    else:
        few = LogLocator(subs=(1, 2, 5) if decades > 0.7 else (1, 1.5, 2, 3, 4, 6), numticks=20)
        axes.yaxis.set_major_locator(few if decades > 0.3 else MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _tick(value: float) -> str:
    """A number on an axis, with a power of ten where it is large or small."""
    if 1e-3 <= abs(value) < 1e4 or value == 0:
        return f"{value:.4g}"
    exponent = int(np.floor(np.log10(abs(value))))
    factor = f"{value / 10.0**exponent:.4g}"
    return rf"$10^{{{exponent}}}$" if factor == "1" else rf"${factor}\cdot 10^{{{exponent}}}$"
