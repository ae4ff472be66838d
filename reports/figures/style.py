"""One look for all figures: STIX letters, 16 cm wide, two colours that differ in grey, vectors with fixed bytes.

Nothing here touches pyplot: figures are ``matplotlib.figure.Figure`` objects, drawn within ``look()``, which takes
nothing over from a user's own settings.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any, cast

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {"bn": "#17457f", "plain": "#dd8a1c"}
LINES: dict[str, Any] = {"bn": "-", "plain": (0, (4, 1.5))}
MARKERS = {"bn": "o", "plain": "s"}
GREY = "#555555"
TEXT_WIDTH = 16.0  # cm

_LOOK: dict[str, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "axes.formatter.use_mathtext": True,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.1,
    "lines.markersize": 2.8,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.titlepad": 3.0,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.4,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "axes.axisbelow": True,
}
# These say where figures go, not how they look; a context may not change them.
_KEPT = (
    "backend",
    "interactive",
    "toolbar",
    "timezone",
    "date.epoch",
    "webagg",
    "savefig.directory",
    "tk.",
    "figure.hook",
)
# No dates and no version of the plotting library: the same data give the same bytes.
SALT = "bnverify"
METADATA: dict[str, Any] = {"CreationDate": None, "ModDate": None, "Creator": "bnverify", "Producer": None}


@contextlib.contextmanager
def look(**changes: Any) -> Iterator[None]:
    """The context in which figures are made and saved: matplotlib's own defaults and this look, whatever a user's
    matplotlibrc says; settings outside it stay as they are."""
    defaults = {k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith(_KEPT)}
    with matplotlib.rc_context(cast(Any, defaults | _LOOK | changes)):
        yield


def new_figure(height: float) -> Figure:
    """An empty figure of the text width, ``height`` in cm."""
    return Figure(figsize=(TEXT_WIDTH / 2.54, height / 2.54))


def pdf_bytes(figure: Figure) -> bytes:
    """The figure as a vector PDF."""
    buffer = io.BytesIO()
    with look():
        figure.savefig(buffer, format="pdf", metadata=METADATA)
    return buffer.getvalue()


def svg_text(figure: Figure) -> str:
    """The figure as SVG, letters as outlines: no fonts are needed to see it."""
    buffer = io.StringIO()
    with look(**{"svg.fonttype": "path", "svg.hashsalt": SALT}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return buffer.getvalue()


def line(network: str, *, marker: bool = False, line: bool = True, points: int = 0, **changes) -> dict[str, Any]:
    """Keyword arguments of ``Axes.plot`` for a network: colour, line style and marker, each telling it apart.

    Of many ``points`` only about eight are marked.
    """
    style: dict[str, Any] = {"color": COLOURS[network], "linestyle": LINES[network] if line else "none"}
    if marker:
        style |= {"marker": MARKERS[network], "markeredgewidth": 0.7, "markevery": max(1, points // 8)}
    return style | changes


def step_axis(axes: Axes, steps) -> None:
    """Whole training steps on the horizontal axis, few ticks."""
    axes.set_xlim(min(steps), max(max(steps), min(steps) + 1))
    axes.locator_params(axis="x", nbins=4, integer=True)
