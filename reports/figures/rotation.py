"""Figure: how far the weights of a layer turn in one step of the training, and what the theory says."""

from __future__ import annotations

from bnverify.empirical.experiments.rotation import rotation
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures.chart import Chart, Curve, Panel
from bnverify.reports.figures.figure import NotRecorded
from bnverify.reports.figures.reading import site_names


def turning(run: Run) -> Chart:
    """By site 1 - <W, W+>/|W|^2 of the training's own step ("turn"), the same by the claim `step-rotation` ("exact"),
    and as a rule eta lambda/(1 + alpha), what is printed of a stationary state."""
    found = {network: rotation(run, network) for network in NETWORKS}
    groups = {network: data for network, data in found.items() if data.data_vars}
    if not groups:
        raise NotRecorded("no network recorded its steps (the observation dynamics)")
    names = naming.labels(run.config)
    config = run.config
    printed = config.learning_rate * config.weight_decay / (1 + config.momentum)
    panels = []
    for site in site_names(groups.values()):
        curves: list[Curve] = []
        for network, data in groups.items():
            here, steps = data.sel(site=site), data["step"].values
            curves.append(Curve(network, "exact", "line", steps, here["exact"].values))
            curves.append(Curve(network, "turn", "points", steps, here["turn"].values))
        panels.append(Panel(site, tuple(curves), scale="signed", rules=(printed,)))
    legend = tuple((f"{names[n]}, measured", n, "points") for n in groups)
    legend += tuple((f"{names[n]}, by the claim", n, "line") for n in groups)
    return Chart(tuple(panels), 5, legend, r"$1 - \langle W, W^{+}\rangle/\Vert W\Vert^2$ (no unit)", legend_columns=2)
