"""Figures of the training's own steps: how far the weights of a layer turn, epsilon's share of it, effective rates."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from bnverify.empirical.experiments.rotation import rotation
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures.chart import Chart, Curve, Panel
from bnverify.reports.figures.figure import NotRecorded
from bnverify.reports.figures.reading import site_names

_CLAIM = "by the claim"


def turning(run: Run) -> Chart:
    """By site 1 - <W, W+>/|W|^2 of the training's own step ("turn"), the same by the claim `step-rotation` ("exact"),
    and as a rule eta lambda/(1 + alpha), what is printed of a stationary state."""
    config = run.config
    printed = config.learning_rate * config.weight_decay / (1 + config.momentum)
    axis = r"$1 - \langle W, W^{+}\rangle/\Vert W\Vert^2$ (no unit)"
    return _compared(run, _recorded(run), ("turn", "exact"), axis, "signed", (printed,))


def effective_rates(run: Run) -> Chart:
    """By site eta/((1 - eta lambda)|W+|^2) after the training's own step ("rate"), and the same by the claim
    `schedule-law` from what was known before it ("exact_rate")."""
    axis = r"$\Phi^{+} = \eta/((1-\eta\lambda)\Vert W^{+}\Vert^2)$ (no unit)"
    return _compared(run, _recorded(run), ("rate", "exact_rate"), axis, "short log", ())


def epsilon_share(run: Run) -> Chart:
    """By site the share of epsilon's part in 1 - <W, W+>/|W|^2 ("share"), of the network with the normalizer."""
    groups = {name: data for name, data in _recorded(run).items() if name == "bn"}
    if not groups:
        raise NotRecorded("the network with the normalizer recorded no steps (the observation dynamics)")
    panels = [
        Panel(site, tuple(
            Curve(n, "share", "both", data["step"].values, data.sel(site=site)["share"].values)
            for n, data in groups.items()
        ), scale="symmetric log")
        for site in site_names(groups.values())
    ]  # fmt: skip
    legend = tuple((naming.labels(run.config)[name], name, "both") for name in groups)
    return Chart(tuple(panels), 5, legend, r"share of $\varepsilon$ in $1 - \cos$ (no unit)")


def _recorded(run: Run) -> dict[str, xr.Dataset]:
    groups = {network: data for network in NETWORKS if (data := rotation(run, network)).data_vars}
    if not groups:
        raise NotRecorded("no network recorded its steps (the observation dynamics)")
    return groups


def _compared(
    run: Run, groups: dict[str, xr.Dataset], names: tuple[str, str], axis: str, scale: str, rules: Sequence[float]
) -> Chart:
    """By site and network what was measured as points and what a claim says as a line."""
    measured, claimed = names
    labels = naming.labels(run.config)
    panels = []
    for site in site_names(groups.values()):
        curves: list[Curve] = []
        for network, data in groups.items():
            here, steps = data.sel(site=site), data["step"].values
            curves.append(Curve(network, claimed, "line", steps, here[claimed].values))
            curves.append(Curve(network, measured, "points", steps, here[measured].values))
        panels.append(Panel(site, tuple(curves), scale=scale, rules=tuple(rules)))
    legend = tuple((f"{labels[n]}, measured", n, "points") for n in groups)
    legend += tuple((f"{labels[n]}, {_CLAIM}", n, "line") for n in groups)
    return Chart(tuple(panels), 5, legend, axis, legend_columns=2)
