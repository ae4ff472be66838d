"""Figure: how often a = <yhat, g> is positive, the assumption the paper calls mild. Observed, not asserted."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import FigureBase

from bnverify.empirical.runs.records import Run
from bnverify.reports import naming, style
from bnverify.reports.panels import (
    NotRecorded,
    along_training,
    at_site,
    legend,
    networks_legend,
    site_names,
    site_panels,
)

_NAMES = ("a", "g_g")


def positive_share(a: np.ndarray, g_g: np.ndarray) -> np.ndarray:
    """For every step the fraction of live channels (g finite and not 0) with a > 0; NaN where none lives."""
    live = np.isfinite(a) & np.isfinite(g_g) & (g_g > 0)
    count = live.sum(axis=1)
    return np.where(count > 0, (live & (a > 0)).sum(axis=1) / np.maximum(count, 1), np.nan)


def overall_share(run: Run, network: str) -> tuple[int, int]:
    """Points with a > 0, and all live points, over all recorded steps, sites and channels of a network."""
    try:
        records = along_training(run, _NAMES).get(network)
    except NotRecorded:
        return 0, 0
    if records is None:
        return 0, 0
    a, g_g = records["a"].values, records["g_g"].values
    live = np.isfinite(a) & np.isfinite(g_g) & (g_g > 0)
    return int((live & (a > 0)).sum()), int(live.sum())


def draw(run: Run, figure: FigureBase) -> None:
    """The fraction of channels with a > 0, site by site."""
    groups = along_training(run, _NAMES)
    panels = site_panels(figure, site_names(groups.values()), ylabel=r"fraction of channels with $a > 0$")
    for site, axes in panels.items():
        for network, records in groups.items():
            quantities = at_site(records, site, _NAMES)
            share = positive_share(quantities["a"], quantities["g_g"])
            axes.plot(records["step"].values, share, **style.line(network, marker=True, points=len(share)))
        axes.axhline(0.5, color=style.GREY, linewidth=0.6)
        axes.set_ylim(-0.04, 1.04)
        style.step_axis(axes, records["step"].values)
    legend(figure, networks_legend(groups, naming.labels(run.config)))
