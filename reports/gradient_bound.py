r"""Figures of Theorem 4.1: the bound against the measurement, and how much its two subtracted terms remove."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import FigureBase

from bnverify.empirical.judgement.compile import compile_claim
from bnverify.empirical.runs.records import Run
from bnverify.reports import naming, style
from bnverify.reports.panels import (
    along_training,
    at_site,
    legend,
    log_axis,
    median_and_band,
    networks_legend,
    positive,
    site_names,
    site_panels,
)  # fmt: skip
from bnverify.theory import CLAIMS


def draw_bound(run: Run, figure: FigureBase) -> None:
    """|v|^2 as measured (markers) and the compiled right side of the theorem (line and band), site by site."""
    compiled = compile_claim(CLAIMS["theorem-4.1"])
    groups = along_training(run, compiled.names)
    sites = site_names(groups.values())
    panels = site_panels(figure, sites, ylabel=r"squared gradient norm $\Vert v\Vert^2$")
    shown = []
    for site, axes in panels.items():
        for network, records in groups.items():
            sides = compiled(at_site(records, site, compiled.names))
            low, bound, high = (positive(q) for q in median_and_band(positive(sides.right)))
            measured = positive(median_and_band(positive(sides.left))[1])
            steps = records["step"].values
            axes.fill_between(steps, low, high, color=style.COLOURS[network], alpha=0.18, linewidth=0)
            axes.plot(steps, bound, **style.line(network))
            marks = style.line(network, marker=True, line=False, points=len(steps), markerfacecolor="white")
            axes.plot(steps, measured, **marks)
            shown += [bound, measured]
        style.step_axis(axes, steps)
    log_axis(next(iter(panels.values())), shown)
    names = naming.labels(run.config)
    entries = [(f"bound, {names[n]}", style.line(n)) for n in groups]
    for network in groups:
        marks = style.line(network, marker=True, line=False, markerfacecolor="white")
        entries.append((f"measured, {names[network]}", marks))
    legend(figure, entries)


def shares(quantities: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What the mean part <1,g>^2/m and the alignment part (2 - rho) a^2/m take away, as shares of |g|^2."""
    with np.errstate(all="ignore"):
        whole = quantities["m"] * quantities["g_g"]
        return quantities["one_g"] ** 2 / whole, (2 - quantities["rho"]) * quantities["a"] ** 2 / whole


def draw_gain(run: Run, figure: FigureBase) -> None:
    """Median shares of |g|^2 removed by the mean part (filled) and by the alignment part (open), site by site."""
    names = ("m", "g_g", "one_g", "a", "rho")
    groups = along_training(run, names)
    panels = site_panels(figure, site_names(groups.values()), ylabel=r"share of $\Vert g\Vert^2$ removed")
    shown = []
    for site, axes in panels.items():
        for network, records in groups.items():
            mean, alignment = (median_and_band(part)[1] for part in shares(at_site(records, site, names)))
            steps = records["step"].values
            appearance = style.line(network, marker=True, points=len(steps))
            axes.plot(steps, positive(mean), **appearance)
            axes.plot(steps, positive(alignment), **appearance | {"markerfacecolor": "white"})
            shown += [mean, alignment]
        style.step_axis(axes, steps)
    log_axis(next(iter(panels.values())), shown)
    looks = networks_legend(groups, naming.labels(run.config))
    entries = [(f"mean part, {label}", look) for label, look in looks]
    entries += [(f"alignment part, {label}", look | {"markerfacecolor": "white"}) for label, look in looks]
    legend(figure, entries)
