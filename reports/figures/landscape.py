"""Figures of the loss landscape along a line: ranges over its points, departure from linearity, scale-free versions.

Santurkar et al. 2018, section 3.1 and figure 4; the lines are those of `empirical.trajectory`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import xarray as xr

from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures.chart import Chart, Curve, Panel, finite, positive
from bnverify.reports.figures.figure import NotRecorded
from bnverify.reports.figures.reading import recorded

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


def banded(network: str, records: xr.Dataset, name: str, clean=positive) -> tuple[Curve, Curve]:
    """The largest value over the points, with the area down to the smallest, and the smallest: "NAME, largest" and
    "NAME, smallest"."""
    low, high = (clean(edge) for edge in band(over_points(records, name)))
    steps = records["step"].values
    return (Curve(network, f"{name}, largest", "edge", steps, high, low, high),
            Curve(network, f"{name}, smallest", "edge", steps, low))  # fmt: skip


def _single(network: str, records: xr.Dataset, name: str, clean=positive) -> Curve:
    return Curve(network, name, "both", records["step"].values, clean(records[name].values.astype(float)))


def _legend(run: Run, groups: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
    names = naming.labels(run.config)
    return tuple((names[n], n, "line") for n in groups)


def _ranges(run: Run, line: str) -> Chart:
    groups = lines(run, line, ("line_loss", "predictiveness", "effective_beta"))
    unit = naming.unit(run.config)

    def both(name: str) -> tuple[Curve, ...]:
        return tuple(curve for n, records in groups.items() for curve in banded(n, records, name))

    beta = tuple(_single(n, records, "effective_beta") for n, records in groups.items())
    log = "short log"
    panels = (
        Panel("range of the loss", both("line_loss"), naming.loss_name(run.config), log),
        Panel("gradient predictiveness", both("predictiveness"), rf"$\Vert g - g'\Vert$ ({unit})", log),
        Panel(r"effective $\beta$-smoothness", beta, rf"largest $\Vert g - g'\Vert\,/\,\Vert h\Vert$ ({unit})", log),
    )
    return Chart(panels, 3, _legend(run, groups))


along_gradient = partial(_ranges, line=GRADIENT)
along_random = partial(_ranges, line=RANDOM)


def linearity(run: Run) -> Chart:
    """Departure from the linear model over the distance and over its square; above along the gradient, below along the
    random direction."""
    names = {"nonlinearity": r"\Vert h\Vert", "nonlinearity2": r"\Vert h\Vert^2"}
    unit, panels = naming.unit(run.config), []
    for words, line in (("along the gradient", GRADIENT), ("along a random direction", RANDOM)):
        groups = lines(run, line, names)
        for name, share in names.items():
            curves = tuple(curve for n, records in groups.items() for curve in banded(n, records, name))
            axis = rf"$|\Delta L - \langle g, h\rangle|\,/\,{share}$ ({unit})"
            panels.append(Panel(words, curves, axis, "short log"))
    return Chart(tuple(panels), 2, _legend(run, groups))


def relative(run: Run) -> Chart:
    """Free of the loss's scale: cosine of the gradients, their relative difference, learning rate times curvature."""
    names = ("predictiveness_cosine", "predictiveness_relative")
    groups = lines(run, GRADIENT, (*names, "normalised_curvature"))
    cosine, difference = (
        tuple(curve for n, records in groups.items() for curve in banded(n, records, name, clean))
        for name, clean in zip(names, (finite, positive), strict=True)
    )
    curvature = tuple(_single(n, records, "normalised_curvature", finite) for n, records in groups.items())
    largest = max((float(np.nanmax(c.values, initial=0)) for c in curvature), default=0.0)
    panels = (
        Panel("cosine of the gradients", cosine, r"cosine of $g$ and $g'$ (no unit)"),
        Panel("relative difference", difference, r"$\Vert g - g'\Vert\,/\,\Vert g\Vert$ (no unit)", "short log"),
        Panel("curvature along the gradient", curvature, r"$\eta\, g^\top H g\,/\,\Vert g\Vert^2$ (no unit)", "signed",
              rules=(0.0, 2.0) if largest > 1 else (0.0,)),
    )  # fmt: skip
    return Chart(panels, 3, _legend(run, groups))
