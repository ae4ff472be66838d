"""Figures of the distributions of activations: histograms at three steps, mean and deviation along training."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures import style
from bnverify.reports.figures.chart import Chart, Curve, Panel, columns, finite, legend
from bnverify.reports.figures.reading import recorded, site_names

_SHOWN_SITES = 4
_REACH = 3.5  # standard deviations shown on each side


@dataclass(frozen=True)
class Histogram:
    """Densities and the edges of the bins, in units of the activation."""

    density: np.ndarray
    edges: np.ndarray


@dataclass(frozen=True)
class Histograms:
    """By (network, step, site) a histogram, None where values have no place in one; all recorded steps, and those that
    paper shows. ``limits`` are those of a site's axis."""

    found: dict[tuple[str, int, str], Histogram | None]
    networks: dict[str, str]
    sites: tuple[str, ...]
    steps: tuple[int, ...]
    limits: dict[str, tuple[float, float]]

    @property
    def shown(self) -> list[int]:
        """The first, the middle and the last step."""
        return spread(self.steps, 3)


def density(record: xr.Dataset) -> Histogram | None:
    """The histogram of a record; None where values have no place in it."""
    low, high = float(record["low"]), float(record["high"])
    counts = record["counts"].values.astype(float)
    total = counts.sum() + float(record["below"]) + float(record["above"]) + float(record["unplaced"])
    if not np.isfinite([low, high]).all() or not low < high or total == 0 or not counts.any():
        return None
    edges = np.linspace(low, high, len(counts) + 1)
    return Histogram(counts / total / (edges[1] - edges[0]), edges)


def histograms(run: Run) -> Histograms:
    """Of a few sites at all steps that both networks recorded."""
    groups = recorded(run.activations, ("counts", "low", "high", "mean", "deviation"))
    sites = spread(site_names(groups.values()), _SHOWN_SITES)
    steps = sorted(set.intersection(*(set(data["step"].values.tolist()) for data in groups.values())))
    found = {
        (network, step, site): density(data.sel(step=step, site=site))
        for network, data in groups.items() for step in steps for site in sites
    }  # fmt: skip
    limits = {site: _limits([data.sel(step=spread(steps, 3), site=site) for data in groups.values()]) for site in sites}
    names = naming.labels(run.config)
    return Histograms(found, {n: names[n] for n in groups}, tuple(sites), tuple(steps), limits)


def spread(names: Sequence, count: int) -> list:
    """So many entries at equal distances, the first and the last among them."""
    chosen = np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int)
    return [names[i] for i in dict.fromkeys(chosen.tolist())]


def _limits(records: list[xr.Dataset]) -> tuple[float, float]:
    """Limits that hold nearly all values of these steps and of both networks."""
    mean = np.concatenate([r["mean"].values.astype(float).ravel() for r in records])
    reach = _REACH * np.concatenate([r["deviation"].values.astype(float).ravel() for r in records])
    good = np.isfinite(mean) & np.isfinite(reach)
    if good.any() and (reach[good] > 0).any():
        return float((mean - reach)[good].min()), float((mean + reach)[good].max())
    return 0.0, 1.0


def draw(data: Histograms, canvas: FigureBase) -> None:
    """Sites are columns, three steps are rows; every histogram is drawn to the same height."""
    width, height = canvas.get_size_inches() * 2.54  # type: ignore[attr-defined]
    room = {"left": 1.6 / width, "right": 1 - 0.15 / width, "bottom": 0.95 / height, "top": 1 - 1.0 / height}
    grid = canvas.subplots(len(data.shown), len(data.sites), sharex="col", sharey=True, squeeze=False,
                           gridspec_kw=room | {"wspace": 0.1, "hspace": 0.12})  # fmt: skip
    for row, step in zip(grid, data.shown, strict=True):
        for axes, site in zip(row, data.sites, strict=True):
            for network in data.networks:
                _draw(axes, network, data.found[network, step, site])
            axes.set_ylim(0, 1.1)
            axes.set_yticks([0, 0.5, 1])
            axes.locator_params(axis="x", nbins=4)
        row[0].set_ylabel(f"step {step}")
    for axes, site in zip(grid[0], data.sites, strict=True):
        axes.set_title(site, y=1.0, pad=3.0)
        axes.set_xlim(*data.limits[site])
    canvas.supxlabel("activation (no unit)", fontsize=8, y=0.012)
    canvas.supylabel("density over its largest value, at the training step", fontsize=8, x=0.004)
    looks = {n: {"color": style.COLOURS[n], "linestyle": style.LINES[n]} for n in data.networks}
    legend(canvas, [(label, looks[network]) for network, label in data.networks.items()])


def _draw(axes: Axes, network: str, found: Histogram | None) -> None:
    if found is None:
        side = {"bn": 0.9, "plain": 0.75}[network]
        axes.text(0.97, side, "not finite", transform=axes.transAxes, fontsize=6, color=style.COLOURS[network],
                  ha="right", va="top")  # fmt: skip
        return
    shape = found.density / found.density.max()
    axes.stairs(shape, found.edges, fill=True, color=style.COLOURS[network], alpha=0.25, linewidth=0)
    axes.stairs(shape, found.edges, color=style.COLOURS[network], linestyle=style.LINES[network], linewidth=0.9)


def film(data: Histograms) -> str:
    """All recorded steps as frames for a screen, as JSON."""

    def frame(network: str, step: int, site: str) -> dict[str, Any] | None:
        found = data.found[network, step, site]
        if found is None:
            return None
        coarse = found.density.reshape(-1, 2).mean(1) if len(found.density) % 2 == 0 else found.density
        low, high = float(found.edges[0]), float(found.edges[-1])
        return {"low": low, "high": high, "density": [float(f"{value:.3g}") for value in coarse]}

    dashes = {"bn": "", "plain": "4 1.5"}
    return json.dumps({
        "words": "Histograms of activations, step by step", "steps": data.steps,
        "sites": [{"name": s, "low": data.limits[s][0], "high": data.limits[s][1]} for s in data.sites],
        "series": [
            {"colour": style.COLOURS[n], "dash": dashes[n], "name": label,
             "frames": [[frame(n, step, site) for site in data.sites] for step in data.steps]}
            for n, label in data.networks.items()
        ],
    }, separators=(",", ":"))  # fmt: skip


def _moment(run: Run, read: Callable[[xr.Dataset], xr.DataArray], what: str, axis: str) -> tuple[Panel, ...]:
    groups = recorded(run.activations, ("mean", "deviation"))
    return tuple(
        Panel(site, tuple(
            Curve(network, what, "small", data["step"].values, finite(read(data.sel(site=site)).values.astype(float)))
            for network, data in groups.items()
        ), axis)
        for site in site_names(groups.values())
    )  # fmt: skip


def _chart(run: Run, panels: tuple[Panel, ...], axis: str) -> Chart:
    names = naming.labels(run.config)
    present = dict.fromkeys(curve.network for panel in panels for curve in panel.curves)
    return Chart(panels, columns(len(panels)), tuple((names[n], n, "both") for n in present), axis)


def mean(run: Run) -> Chart:
    """By site the mean over the standard deviation along training ("mean")."""
    panels = _moment(run, lambda data: data["mean"] / data["deviation"], "mean", "")
    values = np.concatenate([c.values for p in panels for c in p.curves])
    reach = 1.1 * float(np.nanmax(np.abs(values), initial=0.1))
    limited = tuple(Panel(p.title, p.curves, limits=(-reach, reach), rules=(0.0,)) for p in panels)
    return _chart(run, limited, "mean / deviation (no unit)")


def deviation(run: Run) -> Chart:
    """By site the standard deviation along training ("deviation")."""
    panels = _moment(run, lambda data: data["deviation"].where(data["deviation"] > 0), "deviation", "")
    scaled = tuple(Panel(p.title, p.curves, scale="short log") for p in panels)
    return _chart(run, scaled, "standard deviation (no unit)")
