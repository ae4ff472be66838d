"""Figures of Theorem 4.2 for whole layers: the curvature along the gradient, and what normalising adds to it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FixedLocator

from bnverify.empirical.judgement.compile import compile_claim
from bnverify.empirical.runs.records import Run
from bnverify.reports import naming, style
from bnverify.reports.panels import at_site, legend, networks_legend, recorded, site_names, site_panels
from bnverify.theory import CLAIMS


def _sides(run: Run) -> tuple[list[str], dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]]:
    """Sites, and by network the steps and by site an array (3, steps): left side, right side, u'Hu."""
    compiled = compile_claim(CLAIMS["theorem-4.2-layer-exact"])
    groups = recorded(run.exact, compiled.names)
    sites = site_names(groups.values())
    out = {}
    for network, records in groups.items():
        by_site = {}
        for site in sites:
            quantities = at_site(records, site, compiled.names)
            sides = compiled(quantities)
            by_site[site] = np.stack([sides.left[:, 0], sides.right[:, 0], quantities["layer_u_H_u"][:, 0]])
        out[network] = (records["step"].values, by_site)
    return sites, out


def _symmetric_log(panels: Iterable[Axes], smallest: float, largest: float) -> None:
    """Logarithmic on both sides of 0, with at most three labels on each."""
    low, high = int(np.floor(np.log10(smallest))), int(np.ceil(np.log10(largest)))
    every = max(2, -(-(high - low) // 3))
    powers = 10.0 ** np.arange(high, low, -every)
    for axes in panels:
        axes.set_yscale("symlog", linthresh=10.0**low, linscale=0.5)
        axes.yaxis.set_major_locator(FixedLocator([*-powers, 0.0, *powers[::-1]]))


def draw_curvature(run: Run, figure: FigureBase) -> None:
    """v' Hess(Lhat) v by automatic differentiation (markers) and the exact right side (line), site by site."""
    sites, sides = _sides(run)
    magnitudes = np.abs(np.concatenate([v.ravel() for _, by_site in sides.values() for v in by_site.values()]))
    magnitudes = magnitudes[np.isfinite(magnitudes) & (magnitudes > 0)]
    panels = site_panels(figure, sites, ylabel=r"$\mathbf{v}^\top \hat{H}\,\mathbf{v}$")
    for site, axes in panels.items():
        for network, (steps, by_site) in sides.items():
            left, right, _ = by_site[site]
            axes.plot(steps, right, **style.line(network))
            marks = style.line(network, marker=True, line=False, points=len(steps), markerfacecolor="white")
            axes.plot(steps, left, **marks)
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        style.step_axis(axes, steps)
    if len(magnitudes):
        _symmetric_log(panels.values(), np.quantile(magnitudes, 0.05), magnitudes.max())
    names = naming.labels(run.config)
    entries = [(f"right side, {names[n]}", style.line(n)) for n in sides]
    entries += [
        (f"measured, {names[n]}", style.line(n, marker=True, line=False, markerfacecolor="white")) for n in sides
    ]
    legend(figure, entries)


def draw_terms(run: Run, figure: FigureBase) -> None:
    """The share of the normalisation's own curvature in the right side: (right - u'Hu) / (|u'Hu| + |right - u'Hu|)."""
    sites, sides = _sides(run)
    panels = site_panels(figure, sites, ylabel="share of the normalisation's own term")
    for site, axes in panels.items():
        for network, (steps, by_site) in sides.items():
            _, right, quadratic = by_site[site]
            with np.errstate(all="ignore"):
                own = right - quadratic
                share = own / (np.abs(quadratic) + np.abs(own))
            axes.plot(steps, share, **style.line(network, marker=True, points=len(steps)))
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        axes.set_ylim(-1, 1)
        style.step_axis(axes, steps)
    legend(figure, networks_legend(sides, naming.labels(run.config)))
