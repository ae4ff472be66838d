"""Figure of Lemma 4.5: distance of the weights from their initial values, and of the initial values from the ray."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import FigureBase

from bnverify.empirical.runs.records import Run
from bnverify.reports import naming, style
from bnverify.reports.panels import at_site, legend, log_axis, positive, recorded, site_names, site_panels

_LAYER = ("layer_W0_W0", "layer_W0_Wstar", "layer_Wstar_Wstar", "layer_distance2")
_FILTERS = "distance2"
_LOOKS: dict[str, dict[str, Any]] = {
    r"$\Vert W_0 - W_t\Vert$": {"marker": "s", "linestyle": "-", "markersize": 4.5, "markerfacecolor": "white"},
    r"to the ray $\{kW_t: k>0\}$": {"marker": "^", "linestyle": "--", "markersize": 2.5},
    "to the rays, one for every filter": {"marker": "x", "linestyle": ":", "markersize": 3.5},
}


def distances(quantities: dict[str, np.ndarray]) -> list[np.ndarray]:
    """|W0 - Wt|, the distance to the ray of the layer, and to the rays of its filters, one number a step."""
    start, inner, end, ray2 = (quantities[name][:, 0] for name in _LAYER)
    squares = (start - 2 * inner + end, ray2, quantities[_FILTERS].sum(axis=1))
    with np.errstate(invalid="ignore"):
        return [np.sqrt(np.maximum(square, 0)) for square in squares]


def draw(run: Run, figure: FigureBase) -> None:
    """Three distances a layer along training, for the networks that recorded them."""
    groups = recorded(run.exact, (*_LAYER, _FILTERS))
    panels = site_panels(figure, site_names(groups.values()), ylabel="Euclidean distance of weights")
    shown = []
    for site, axes in panels.items():
        for network, records in groups.items():
            steps = records["step"].values
            found = distances(at_site(records, site, (*_LAYER, _FILTERS)))
            for values, look in zip(found, _LOOKS.values(), strict=True):
                appearance = look | {"color": style.COLOURS[network], "markevery": max(1, len(steps) // 8)}
                axes.plot(steps, positive(values), **appearance)
                shown.append(values)
        style.step_axis(axes, steps)
    log_axis(next(iter(panels.values())), shown)
    names = naming.labels(run.config)
    entries = [(names[network], {"color": style.COLOURS[network]}) for network in groups]
    legend(figure, entries + [(label, {"color": style.GREY, **look}) for label, look in _LOOKS.items()], columns=3)
