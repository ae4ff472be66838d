"""Figure: how often a = <yhat, g> is positive, the assumption the paper calls mild. Observed, not asserted."""

from __future__ import annotations

import numpy as np

from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures.chart import Chart, Curve, Panel
from bnverify.reports.figures.figure import NotRecorded
from bnverify.reports.figures.reading import along_training, at_site, site_names

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


def alignment(run: Run) -> Chart:
    """By site the fraction of channels with a > 0 ("share")."""
    groups = along_training(run, _NAMES)
    names = naming.labels(run.config)
    panels = []
    for site in site_names(groups.values()):
        curves = []
        for network, records in groups.items():
            share = positive_share(**at_site(records, site, _NAMES))
            curves.append(Curve(network, "share", "both", records["step"].values, share))
        panels.append(Panel(site, tuple(curves), limits=(-0.04, 1.04), rules=(0.5,)))
    legend = tuple((names[n], n, "both") for n in groups)
    return Chart(tuple(panels), 5, legend, r"fraction of channels with $a > 0$")
