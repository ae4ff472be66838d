"""Figures of the internal covariate shift, Definition 2.1 of Santurkar et al. 2018, one small panel a layer."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import FigureBase

from bnverify.empirical.runs.records import Run
from bnverify.reports import naming, style
from bnverify.reports.panels import NotRecorded, legend, log_axis, networks_legend, positive, recorded, site_panels


def draw_size(run: Run, figure: FigureBase) -> None:
    """|G - G'|, in the unit of the gradient."""
    _panels(run, figure, "shift", rf"shift $\Vert G - G'\Vert$ ({naming.unit(run.config)})", logarithmic=True)


def draw_relative(run: Run, figure: FigureBase) -> None:
    """|G - G'| / |G|."""
    _panels(run, figure, "shift_relative", r"$\Vert G - G'\Vert\,/\,\Vert G\Vert$ (no unit)", logarithmic=True)


def draw_cosine(run: Run, figure: FigureBase) -> None:
    """The cosine of G and G'."""
    _panels(run, figure, "shift_cosine", r"cosine of $G$ and $G'$ (no unit)", logarithmic=False)


def height(run: Run) -> float:
    """Room for every row of panels, in cm."""
    groups = run.shift
    count = len(_layers(groups)) if groups else 0
    return grid_height(count)


def columns(count: int) -> int:
    """Of a grid of so many panels: five or nearly five, with few places left over."""
    if count <= 5:
        return max(count, 1)
    return min((5, 4, 6) if count <= 20 else (5, 6), key=lambda columns: -count % columns)


def grid_height(count: int) -> float:
    """Of a grid of so many panels, with legend and names of the axes, in cm."""
    return 2.0 + 2.9 * -(-max(count, 1) // columns(count))


def _layers(groups: dict[str, xr.Dataset]) -> list[str]:
    """In the order of the network; the first is left out, as nothing before it is updated."""
    names = dict.fromkeys(str(name) for data in groups.values() for name in data["layer"].values)
    return list(names)[1:]


def _panels(run: Run, figure: FigureBase, name: str, ylabel: str, *, logarithmic: bool) -> None:
    groups = recorded(run.shift, (name,))
    layers = _layers(groups)
    if not layers:
        raise NotRecorded("no layer but the first, whose shift is 0 by definition")
    panels = site_panels(figure, layers, ylabel=ylabel, columns=columns(len(layers)))
    shown = []
    for layer, axes in panels.items():
        for network, records in groups.items():
            values = records[name].sel(layer=layer).values.astype(float)
            curve = positive(values) if logarithmic else np.where(np.isfinite(values), values, np.nan)
            steps = records["step"].values
            axes.plot(
                steps, curve, **style.line(network, marker=True, points=len(steps), markersize=2.2), clip_on=False
            )
            shown.append(curve)
        if not logarithmic:
            axes.axhline(0, color=style.GREY, linewidth=0.6, zorder=1)
        style.step_axis(axes, steps)
    first = next(iter(panels.values()))
    if logarithmic:
        log_axis(first, shown)
    else:
        first.set_ylim(min(-0.1, 1.05 * float(np.nanmin(shown, initial=0))), 1.05)
    legend(figure, networks_legend(groups, naming.labels(run.config)))
