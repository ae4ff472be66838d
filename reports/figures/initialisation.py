"""Figure of Lemma 4.5: distance of the weights from their initial values, and of the initial values from the ray."""

from __future__ import annotations

import numpy as np

from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures.chart import Chart, Curve, Panel, positive
from bnverify.reports.figures.reading import at_site, recorded, site_names

_LAYER = ("layer_W0_W0", "layer_W0_Wstar", "layer_Wstar_Wstar", "layer_distance2")
_FILTERS = "distance2"
_ROLES = {"moved": "squares", "ray": "triangles", "rays": "crosses"}
_WORDS = {
    "moved": r"$\Vert W_0 - W_t\Vert$",
    "ray": r"to the ray $\{kW_t: k>0\}$",
    "rays": "to the rays, one for every filter",
}


def distances(quantities: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """|W0 - Wt| ("moved"), the distance to the ray of the layer ("ray"), and to the rays of its filters ("rays"), one
    number a step."""
    start, inner, end, ray2 = (quantities[name][:, 0] for name in _LAYER)
    squares = {"moved": start - 2 * inner + end, "ray": ray2, "rays": quantities[_FILTERS].sum(axis=1)}
    with np.errstate(invalid="ignore"):
        return {what: np.sqrt(np.maximum(square, 0)) for what, square in squares.items()}


def initialisation(run: Run) -> Chart:
    """Three distances a layer along training, for the networks that recorded them."""
    names = (*_LAYER, _FILTERS)
    groups = recorded(run.exact, names)
    panels = []
    for site in site_names(groups.values()):
        curves = [
            Curve(network, what, _ROLES[what], records["step"].values, positive(values))
            for network, records in groups.items()
            for what, values in distances(at_site(records, site, names)).items()
        ]
        panels.append(Panel(site, tuple(curves), scale="log"))
    called = naming.labels(run.config)
    legend = tuple((called[n], n, "line") for n in groups) + tuple((_WORDS[w], "", r) for w, r in _ROLES.items())
    return Chart(tuple(panels), 5, legend, "Euclidean distance of weights", legend_columns=3)
