"""Figures of the loss landscape along a line: ranges over its points, departure from linearity, scale-free versions.

Santurkar et al. 2018, section 3.1 and figure 4; the lines are those of `bnverify.empirical.trajectory.trajectory`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from bnverify.empirical.runs.records import Run
from bnverify.reports import naming, style
from bnverify.reports.panels import NotRecorded, legend, positive, recorded, short_log_axis

GRADIENT, RANDOM = "gradient, paper", "random, paper"


def lines(run: Run, line: str, names: Iterable[str]) -> dict[str, xr.Dataset]:
    """By network the records along a line; NotRecorded where there are none or one of the named is missing."""
    groups = recorded(run.landscape, names)
    found = {name: data.sel(line=line) for name, data in groups.items() if line in data["line"].values}
    if not found:
        raise NotRecorded(f"no landscape along the line {line!r}")
    return found


def over_points(records: xr.Dataset, name: str) -> np.ndarray:
    """A quantity at the points of the line, (steps, points) in float64."""
    return records[name].values.astype(float)[:, : int(records["points"].values.max())]


def band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest over the points of every step; NaN where a point is not finite."""
    values = np.where(np.isfinite(values).all(1, keepdims=True), values, np.nan)
    return values.min(1), values.max(1)


def draw_band(axes: Axes, network: str, steps: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """The area between two curves, its edges in the network's line style."""
    axes.fill_between(steps, low, high, color=style.COLOURS[network], alpha=0.25, linewidth=0)
    for edge in (low, high):
        axes.plot(steps, edge, **style.line(network, linewidth=0.8))


def draw_gradient(run: Run, figure: FigureBase) -> None:
    """Along the gradient: range of the loss, gradient predictiveness, effective beta-smoothness."""
    _ranges(run, figure, GRADIENT)


def draw_random(run: Run, figure: FigureBase) -> None:
    """The same along a random direction of the gradient's length."""
    _ranges(run, figure, RANDOM)


def _ranges(run: Run, figure: FigureBase, line: str) -> None:
    groups = lines(run, line, ("line_loss", "predictiveness", "effective_beta"))
    unit = naming.unit(run.config)
    panels = figure.subplots(1, 3)
    names = ("line_loss", "predictiveness")
    titles = (
        "range of the loss",
        "gradient predictiveness",
        r"effective $\beta$-smoothness",
    )
    axis_names = (
        naming.loss_name(run.config),
        rf"$\Vert g - g'\Vert$ ({unit})",
        rf"largest $\Vert g - g'\Vert\,/\,\Vert h\Vert$ ({unit})",
    )
    shown: list[list[np.ndarray]] = [[], [], []]
    for network, records in groups.items():
        steps = records["step"].values
        for i, name in enumerate(names):
            low, high = (positive(edge) for edge in band(over_points(records, name)))
            draw_band(panels[i], network, steps, low, high)
            shown[i] += [low, high]
        beta = positive(records["effective_beta"].values.astype(float))
        panels[2].plot(steps, beta, **style.line(network, marker=True, points=len(steps)), clip_on=False)
        shown[2].append(beta)
    _finish(run, figure, panels, groups, titles, axis_names)
    for axes, curves in zip(panels, shown, strict=True):
        short_log_axis(axes, curves)


def draw_linearity(run: Run, figure: FigureBase) -> None:
    """Departure from the linear model over the distance and over its square; above along the gradient, below along the
    random direction."""
    unit = naming.unit(run.config)
    directions = (("along the gradient", GRADIENT), ("along a random direction", RANDOM))
    names = ("nonlinearity", "nonlinearity2")
    shares = (r"\Vert h\Vert", r"\Vert h\Vert^2")
    found = [lines(run, line, names) for _, line in directions]
    grid = figure.subplots(2, 2, sharex=True, squeeze=False)
    for row, (title, _), groups in zip(grid, directions, found, strict=True):
        for axes, name, share in zip(row, names, shares, strict=True):
            shown = []
            for network, records in groups.items():
                low, high = (positive(edge) for edge in band(over_points(records, name)))
                draw_band(axes, network, records["step"].values, low, high)
                shown += [low, high]
            short_log_axis(axes, shown)
            axes.set_ylabel(rf"$|\Delta L - \langle g, h\rangle|\,/\,{share}$ ({unit})")
            axes.set_title(title)
    _steps(grid.ravel(), groups)
    for axes in grid[1]:
        axes.set_xlabel("training step")
    legend(figure, [(naming.labels(run.config)[n], style.line(n)) for n in groups])


def draw_relative(run: Run, figure: FigureBase) -> None:
    """Free of the loss's scale: cosine of the gradients, their relative difference, learning rate times curvature."""
    names = ("predictiveness_cosine", "predictiveness_relative")
    groups = lines(run, GRADIENT, (*names, "normalised_curvature"))
    panels = figure.subplots(1, 3)
    titles = ("cosine of the gradients", "relative difference", "curvature along the gradient")
    axis_names = (
        r"cosine of $g$ and $g'$ (no unit)",
        r"$\Vert g - g'\Vert\,/\,\Vert g\Vert$ (no unit)",
        r"$\eta\, g^T\! H g\,/\,\Vert g\Vert^2$ (no unit)",
    )
    relative, curved = [], []
    for network, records in groups.items():
        steps = records["step"].values
        low, high = band(over_points(records, names[0]))
        draw_band(panels[0], network, steps, low, high)
        low, high = (positive(edge) for edge in band(over_points(records, names[1])))
        draw_band(panels[1], network, steps, low, high)
        relative += [low, high]
        curvature = records["normalised_curvature"].values.astype(float)
        curvature = np.where(np.isfinite(curvature), curvature, np.nan)
        panels[2].plot(steps, curvature, **style.line(network, marker=True, points=len(steps)), clip_on=False)
        curved.append(curvature)
    _finish(run, figure, panels, groups, titles, axis_names)
    short_log_axis(panels[1], relative)
    signed_axis(panels[2], curved)
    for height in (0, 2) if np.nanmax(np.concatenate(curved), initial=0) > 1 else (0,):
        panels[2].axhline(height, color=style.GREY, linewidth=0.6, zorder=1)


def signed_axis(axes: Axes, curves: Iterable[np.ndarray]) -> None:
    """A vertical axis for both signs: logarithmic away from 0 where the values span much, linear else."""
    sizes = np.abs(np.concatenate([np.asarray(curve).ravel() for curve in curves]))
    if np.isfinite(sizes).any() and np.nanmax(sizes) > 20:
        axes.set_yscale("symlog", linthresh=1)


def _finish(run: Run, figure: FigureBase, panels, groups, titles, axis_names) -> None:
    """Titles, names of the axes and the legend of three panels in a row."""
    for axes, title, name in zip(panels, titles, axis_names, strict=True):
        axes.set_title(title)
        axes.set_ylabel(name)
        axes.set_xlabel("training step")
    _steps(panels, groups)
    names = naming.labels(run.config)
    legend(figure, [(names[network], style.line(network)) for network in groups])


def _steps(panels, groups: dict[str, xr.Dataset]) -> None:
    steps = np.concatenate([records["step"].values for records in groups.values()])
    for axes in panels:
        style.step_axis(axes, steps)
