r"""Figures of Theorem 4.1: the bound against the measurement, and how much its two subtracted terms remove."""

from __future__ import annotations

import numpy as np

from bnverify.empirical.judgement.compile import compile_claim
from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures.chart import Chart, Curve, Panel, positive
from bnverify.reports.figures.reading import along_training, at_site, median_and_band, site_names
from bnverify.theory import CLAIMS

REMOVED = ("m", "g_g", "one_g", "a", "rho")


def bound(run: Run) -> Chart:
    """By site the compiled right side of the theorem ("bound", with a band over channels) and |v|^2 ("measured")."""
    compiled = compile_claim(CLAIMS["theorem-4.1"])
    groups = along_training(run, compiled.names)
    names = naming.labels(run.config)
    panels = []
    for site in site_names(groups.values()):
        curves = []
        for network, records in groups.items():
            sides = compiled(at_site(records, site, compiled.names))
            low, middle, high = (positive(q) for q in median_and_band(positive(sides.right)))
            measured = positive(median_and_band(positive(sides.left))[1])
            steps = records["step"].values
            curves.append(Curve(network, "bound", "line", steps, middle, low, high))
            curves.append(Curve(network, "measured", "marks", steps, measured))
        panels.append(Panel(site, tuple(curves), scale="log"))
    legend = tuple((f"{what}, {names[n]}", n, role) for what, role in (("bound", "line"), ("measured", "marks"))
                   for n in groups)  # fmt: skip
    return Chart(tuple(panels), 5, legend, r"squared gradient norm $\Vert v\Vert^2$")


def shares(quantities: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What the mean part <1,g>^2/m and the alignment part (2 - rho) a^2/m take away, as shares of |g|^2."""
    with np.errstate(all="ignore"):
        whole = quantities["m"] * quantities["g_g"]
        return quantities["one_g"] ** 2 / whole, (2 - quantities["rho"]) * quantities["a"] ** 2 / whole


def gain(run: Run) -> Chart:
    """By site the median shares of |g|^2 removed by the mean part ("mean") and by the alignment part ("alignment")."""
    groups = along_training(run, REMOVED)
    names = naming.labels(run.config)
    panels = []
    for site in site_names(groups.values()):
        curves = []
        for network, records in groups.items():
            steps = records["step"].values
            parts = (median_and_band(part)[1] for part in shares(at_site(records, site, REMOVED)))
            for what, role, part in zip(("mean", "alignment"), ("both", "both open"), parts, strict=True):
                curves.append(Curve(network, what, role, steps, positive(part)))
        panels.append(Panel(site, tuple(curves), scale="log"))
    legend = tuple((f"{what} part, {names[n]}", n, role)
                   for what, role in (("mean", "both"), ("alignment", "both open")) for n in groups)  # fmt: skip
    return Chart(tuple(panels), 5, legend, r"share of $\Vert g\Vert^2$ removed")
