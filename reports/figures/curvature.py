"""Figures of Theorem 4.2 for whole layers: the curvature along the gradient, and what normalising adds to it."""

from __future__ import annotations

import numpy as np

from bnverify.empirical.judgement.compile import compile_claim
from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures.chart import Chart, Curve, Panel
from bnverify.reports.figures.reading import at_site, recorded, site_names
from bnverify.theory import CLAIMS

KEY = "theorem-4.2-layer-exact"
Sides = tuple[np.ndarray, np.ndarray, np.ndarray]


def sides(run: Run) -> dict[str, dict[str, tuple[np.ndarray, Sides]]]:
    """By site and network the steps, and v'Hess(Lhat)v, the exact right side and u'Hu at them."""
    compiled = compile_claim(CLAIMS[KEY])
    names = (*compiled.names, *{"layer_u_H_u"} - set(compiled.names))
    groups = recorded(run.exact, names)
    out: dict[str, dict[str, tuple[np.ndarray, Sides]]] = {}
    for site in site_names(groups.values()):
        for network, records in groups.items():
            quantities = at_site(records, site, names)
            both = compiled(quantities)
            found = (both.left[:, 0], both.right[:, 0], quantities["layer_u_H_u"][:, 0])
            out.setdefault(site, {})[network] = records["step"].values, found
    return out


def curvature(run: Run) -> Chart:
    """By site the curvature by automatic differentiation ("measured") and the exact right side ("right side")."""
    names, panels = naming.labels(run.config), []
    networks: dict[str, None] = {}
    for site, by_network in sides(run).items():
        curves = []
        for network, (steps, (left, right, _)) in by_network.items():
            networks[network] = None
            curves.append(Curve(network, "right side", "line", steps, right))
            curves.append(Curve(network, "measured", "marks", steps, left))
        panels.append(Panel(site, tuple(curves), scale="symmetric log", rules=(0.0,)))
    legend = tuple((f"{what}, {names[n]}", n, role)
                   for what, role in (("right side", "line"), ("measured", "marks")) for n in networks)  # fmt: skip
    return Chart(tuple(panels), 5, legend, r"$\mathbf{v}^\top \hat{H}\,\mathbf{v}$")


def own_share(right: np.ndarray, quadratic: np.ndarray) -> np.ndarray:
    """(right - u'Hu) / (|u'Hu| + |right - u'Hu|): the share, with its sign, that normalising adds."""
    with np.errstate(all="ignore"):
        own = right - quadratic
        return own / (np.abs(quadratic) + np.abs(own))


def terms(run: Run) -> Chart:
    """By site the share of the normalisation's own curvature in the right side ("share")."""
    names, panels = naming.labels(run.config), []
    networks: dict[str, None] = {}
    for site, by_network in sides(run).items():
        curves = []
        for network, (steps, (_, right, quadratic)) in by_network.items():
            networks[network] = None
            curves.append(Curve(network, "share", "both", steps, own_share(right, quadratic)))
        panels.append(Panel(site, tuple(curves), limits=(-1.0, 1.0), rules=(0.0,)))
    legend = tuple((names[n], n, "both") for n in networks)
    return Chart(tuple(panels), 5, legend, "share of the normalisation's own term")
