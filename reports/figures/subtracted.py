"""Figures: what Theorems 4.1 and 4.2 subtract on a trained network, and how aligned the gradient is, against chance."""

from __future__ import annotations

from bnverify.empirical.experiments.subtracted import CHANCE, shares
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures.chart import Chart, Curve, Panel
from bnverify.reports.figures.figure import NotRecorded
from bnverify.reports.figures.reading import site_names


def _recorded(run: Run, name: str) -> dict:
    found = {network: shares(run, network) for network in NETWORKS}
    held = {network: data for network, data in found.items() if name in data}
    if not held:
        raise NotRecorded(f"no network recorded what {name} is made of")
    return held


def alignment_against_chance(run: Run) -> Chart:
    """By site m cos^2 between g and the normalised output ("alignment"), with the median of a random direction as a
    rule."""
    groups = _recorded(run, "alignment")
    names = naming.labels(run.config)
    panels = []
    for site in site_names(groups.values()):
        curves = tuple(
            Curve(network, "alignment", "both", data["step"].values, data["alignment"].sel(site=site).values)
            for network, data in groups.items()
        )
        panels.append(Panel(site, curves, scale="log", rules=(CHANCE,)))
    legend = tuple((names[network], network, "both") for network in groups)
    return Chart(tuple(panels), 5, legend, r"$m\,\cos^2(g, \hat y)$, median over channels (no unit)")


def subtracted_shares(run: Run) -> Chart:
    """By site the share of |g|^2 that Theorem 4.1 subtracts ("share"), what random directions would lose ("chance"),
    and the share of |u'Hu| that Theorem 4.2 subtracts, where curvature was measured ("curvature")."""
    groups = _recorded(run, "share")
    names = naming.labels(run.config)
    panels = []
    for site in site_names(groups.values()):
        curves: list[Curve] = []
        for network, data in groups.items():
            here = data.sel(site=site)
            curves.append(Curve(network, "share", "both", here["step"].values, here["share"].values))
            if "curvature" in here:
                measured = here["curvature"].dropna("step")
                size = abs(measured.values)
                curves.append(Curve(network, "curvature", "points", measured["step"].values, size))
        first = next(iter(groups.values())).sel(site=site)
        curves.append(Curve("", "chance", "line", first["step"].values, first["chance"].values))
        panels.append(Panel(site, tuple(curves), scale="log"))
    legend = tuple((f"Theorem 4.1, {names[network]}", network, "both") for network in groups)
    legend += tuple((f"Theorem 4.2, {names[n]}", n, "points") for n, data in groups.items() if "curvature" in data)
    return Chart(tuple(panels), 5, legend, "share that is subtracted", legend_columns=2)
