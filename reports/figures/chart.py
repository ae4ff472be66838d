"""Charts: panels of curves along training, as numbers, and the one way in which they are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
    ScalarFormatter,
)

from bnverify.reports.figures import style

Looks = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Curve:
    """Values along training of a network or another series. ``what`` names the quantity, ``role`` how it is drawn (a
    key of ``ROLES``); ``low`` and ``high`` are the edges of a band around it. ``look`` is what a role does not say."""

    network: str
    what: str
    role: str
    steps: np.ndarray
    values: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    look: dict[str, Any] | None = None


@dataclass(frozen=True)
class Panel:
    """Curves over one pair of axes. ``scale`` is "linear", "log", "short log" (may span less than a decade),
    "symmetric log" or "signed"; ``rules`` are heights of grey lines, ``marks`` steps with a dotted line, by network."""

    title: str
    curves: tuple[Curve, ...]
    axis: str = ""
    scale: str = "linear"
    limits: tuple[float | None, float | None] = (None, None)
    rules: tuple[float, ...] = ()
    marks: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Chart:
    """Panels in a grid of so many columns. With ``axis`` they share a vertical axis of that name. ``legend`` are labels
    with the series (a network, unless ``looks`` says how others look) and the role whose look they explain."""

    panels: tuple[Panel, ...]
    columns: int
    legend: tuple[tuple[str, str, str], ...]
    axis: str = ""
    legend_columns: int = 4
    looks: Looks | None = None

    def curve(self, panel: str, network: str, what: str) -> Curve:
        """A curve by the title of its panel, its network and its quantity."""
        found = [c for p in self.panels if p.title == panel for c in p.curves if (c.network, c.what) == (network, what)]
        if len(found) != 1:
            raise KeyError(f"got {panel!r}, {network!r}, {what!r}: {len(found)} curves; expected one")
        return found[0]


_FACE = {"markerfacecolor": "white"}
_THIN = {"linewidth": 0.8}
# How a curve of each role differs from the line of its network.
ROLES: dict[str, dict[str, Any]] = {
    "line": {},
    "edge": _THIN,
    "faint": {"alpha": 0.25, "linewidth": 0.5, "linestyle": "-"},
    "both": {"marker": True},
    "both open": {"marker": True, **_FACE},
    "small": {"marker": True, "markersize": 2.2},
    "marks": {"marker": True, "line": False, **_FACE},
    "points": {"marker": True, "line": False, "markersize": 4, **_FACE},
    "squares": {"marker": "s", "linestyle": "-", "markersize": 4.5, **_FACE},
    "triangles": {"marker": "^", "linestyle": "--"},
    "crosses": {"marker": "x", "linestyle": ":", "markersize": 3.5},
}


def look(series: str, role: str, points: int = 0, looks: Looks | None = None) -> dict[str, Any]:
    """Keyword arguments of ``Axes.plot``: of a network, of a series with a look of its own, or grey."""
    told = dict(ROLES[role])
    every = {"markevery": max(1, points // 8), "markeredgewidth": 0.7}
    if looks and series in looks:
        own = dict(looks[series])
        mark = own.pop("marker")
        if told.pop("line", True) is False:
            own["linestyle"] = "none"
        return own | told | ({"marker": mark} | every if told.pop("marker", False) else {"marker": None})
    if series not in style.COLOURS:
        return {"color": style.GREY} | told | every
    if isinstance(told.get("marker"), str):
        return style.line(series) | told | every
    return style.line(series, points=points, **told)


def draw(chart: Chart, canvas: FigureBase) -> None:
    """All panels, with the legend above them."""
    columns = min(chart.columns, len(chart.panels))
    rows = -(-len(chart.panels) // columns)
    shared = bool(chart.axis)
    room = _room(chart, rows, canvas)
    grid = canvas.subplots(rows, columns, sharex=True, sharey=shared, squeeze=False, gridspec_kw=room).ravel()
    for axes in grid[len(chart.panels) :]:
        axes.set_visible(False)
    for axes, panel in zip(grid, chart.panels, strict=False):
        _panel(axes, panel, chart.looks)
    if shared:
        _scale(list(grid[: len(chart.panels)]), chart.panels)
        canvas.supylabel(chart.axis, fontsize=8, x=0.004)
        canvas.supxlabel("training step", fontsize=8, y=0.012)
    else:
        for number, (axes, panel) in enumerate(zip(grid, chart.panels, strict=False)):
            _scale([axes], [panel])
            axes.set_ylabel(panel.axis)
            if number + columns >= len(chart.panels):
                axes.set_xlabel("training step")
    for axes, panel in zip(grid, chart.panels, strict=False):
        axes.set_title(panel.title, y=1.0, pad=3.0)  # where it stands is not searched for: half of the time
    _place_nothing(list(grid))
    entries = [(label, look(series, role, looks=chart.looks)) for label, series, role in chart.legend]
    legend(canvas, entries, chart.legend_columns)


def _place_nothing(grid: Sequence[Axes]) -> None:
    """Axes without a name of their own: the place of a name is not searched for among the numbers of its neighbours,
    which takes as long as drawing them."""
    for axes in grid:
        for axis in (axes.xaxis, axes.yaxis):
            if not axis.get_label_text():
                axis.set_label_coords(0.5, 0.5)


def _room(chart: Chart, rows: int, canvas: FigureBase) -> dict[str, float]:
    """Margins of the grid as shares of the canvas: below the legend, beside the names of the axes."""
    width, height = canvas.get_size_inches() * 2.54  # type: ignore[attr-defined]
    lines = -(-len(chart.legend) // (2 if len(chart.legend) == 4 else chart.legend_columns))
    cell = (height - 0.95 - 0.75 - 0.36 * lines) / rows
    return {
        "left": (1.45 if chart.axis else 1.25) / width, "right": 1 - 0.4 / width, "bottom": 0.95 / height,
        "top": 1 - (0.75 + 0.36 * lines) / height, "hspace": 0.62 / max(cell - 0.62, 1.0),
        "wspace": 0.12 if chart.axis else 0.42,
    }  # fmt: skip


def _panel(axes: Axes, panel: Panel, looks: Looks | None) -> None:
    for curve in panel.curves:
        told = look(curve.network, curve.role, len(curve.steps), looks) | (curve.look or {})
        if curve.low is not None and curve.high is not None:
            axes.fill_between(curve.steps, curve.low, curve.high, color=told["color"], alpha=0.2, linewidth=0)
        axes.plot(curve.steps, curve.values, **told, clip_on="marker" not in told)
    for height in panel.rules:
        axes.axhline(height, color=style.GREY, linewidth=0.6, zorder=1)
    for network, step in panel.marks:
        colour = look(network, "line", looks=looks)["color"]
        axes.axvline(step, color=colour, linewidth=0.7, linestyle=":")
    steps = [step for curve in panel.curves for step in (curve.steps.min(), curve.steps.max())]
    style.step_axis(axes, steps or [0])


def _scale(axes: Sequence[Axes], panels: Sequence[Panel]) -> None:
    """The vertical axis that these panels have, one or in common."""
    scale = panels[0].scale
    parts = ("values", "low", "high")
    values = [
        getattr(curve, part)
        for panel in panels for curve in panel.curves for part in parts if getattr(curve, part) is not None
    ]  # fmt: skip
    if scale == "log":
        log_axis(axes[0], [curve.values for panel in panels for curve in panel.curves])
    elif scale == "short log":
        short_log_axis(axes[0], values)
    elif scale == "symmetric log":
        symmetric_log(axes, values)
    elif scale == "signed":
        sizes = np.abs(np.concatenate([np.ravel(v) for v in values]))
        if np.isfinite(sizes).any() and np.nanmax(sizes) > 20:
            axes[0].set_yscale("symlog", linthresh=1)
    if isinstance(formatter := axes[0].yaxis.get_major_formatter(), ScalarFormatter):
        formatter.set_powerlimits((-3, 4))  # a loss of 120000 leaves no room for the axis' name
    low, high = panels[0].limits
    if low is not None or high is not None:
        axes[0].set_ylim(low, high)


def legend(canvas: FigureBase, entries: Iterable[tuple[str, dict]], columns: int = 4) -> None:
    """A legend above the panels, from labels and the styles of their lines."""
    handles = [Line2D([], [], label=label, **appearance) for label, appearance in entries]
    columns = 2 if len(handles) == 4 else columns
    canvas.legend(  # type: ignore[attr-defined]
        handles=handles, loc="upper center", ncols=min(columns, len(handles)), handlelength=2.6, borderaxespad=0.1,
        labelspacing=0.3,
    )  # fmt: skip


def positive(values: np.ndarray) -> np.ndarray:
    """The values with everything that has no logarithm replaced by NaN."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def finite(values: np.ndarray) -> np.ndarray:
    """The values with NaN for what is not finite."""
    return np.where(np.isfinite(values), values, np.nan)


def log_axis(axes: Axes, curves: Iterable[np.ndarray]) -> None:
    """A logarithmic vertical axis if there is anything to show on it."""
    if any(np.isfinite(positive(np.asarray(curve))).any() for curve in curves):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
        axes.yaxis.set_minor_locator(NullLocator())
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


def symmetric_log(panels: Sequence[Axes], values: Iterable[np.ndarray]) -> None:
    """Logarithmic on both sides of 0, with at most three labels on each."""
    sizes = np.abs(np.concatenate([np.ravel(v) for v in values]))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if not len(sizes):
        return
    low, high = int(np.floor(np.log10(np.quantile(sizes, 0.05)))), int(np.ceil(np.log10(sizes.max())))
    every = max(2, -(-(high - low) // 3))
    powers = 10.0 ** np.arange(high, low, -every)
    for axes in panels:
        axes.set_yscale("symlog", linthresh=10.0**low, linscale=0.5)
        axes.yaxis.set_major_locator(FixedLocator([*-powers, 0.0, *powers[::-1]]))
        axes.yaxis.set_minor_locator(NullLocator())


def _tick(value: float) -> str:
    """A number on an axis, with a power of ten where it is large or small."""
    if 1e-3 <= abs(value) < 1e4 or value == 0:
        return f"{value:.4g}"
    exponent = int(np.floor(np.log10(abs(value))))
    factor = f"{value / 10.0**exponent:.4g}"
    return rf"$10^{{{exponent}}}$" if factor == "1" else rf"${factor}\cdot 10^{{{exponent}}}$"


def columns(count: int) -> int:
    """Of a grid of so many panels: five or nearly five, with few places left over."""
    if count <= 5:
        return max(count, 1)
    return min((5, 4, 6) if count <= 20 else (5, 6), key=lambda columns: -count % columns)


def grid_height(chart: Chart, row: float = 2.9) -> float:
    """Room for every row of panels with legend and names of the axes, in cm."""
    return 2.0 + row * -(-len(chart.panels) // min(chart.columns, max(len(chart.panels), 1)))
