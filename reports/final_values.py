"""Figure: where several runs ended, one bar a network; several seeds are a median and a range."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Patch

from bnverify.empirical.experiments.findings import last_loss, score
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.reports import naming, style
from bnverify.reports.comparison import first_run, panel_title
from bnverify.reports.lines import Lines
from bnverify.reports.panels import NotRecorded


def final(run: Run, network: str) -> tuple[float, float | None]:
    """Mean training loss over the last tenth of the steps, infinite where it is not finite; test accuracy or None."""
    return (last_loss(run, network) if network in run.curves else float("nan")), score(run, network)


def draw_final(lines: Lines, figure: FigureBase) -> None:
    """Final training loss and, where outputs are classes, test accuracy: one row a line, one bar a network; a thin line
    from the smallest to the largest value over the seeds."""
    config = first_run(lines).config
    ends = {network: [[final(run, network) for run in line] for line in lines.values()] for network in NETWORKS}
    losses = {network: [np.array([loss for loss, _ in seeds]) for seeds in by] for network, by in ends.items()}
    everything = np.concatenate([values for by in losses.values() for values in by])
    if not np.isfinite(everything).any():
        raise NotRecorded("no finite training loss was recorded")
    panels = figure.subplots(1, 1 if naming.linear(config) else 2, sharey=True, squeeze=False)[0]
    rows = np.arange(len(lines))
    for offset, network in zip((-0.19, 0.19), NETWORKS, strict=True):
        bar = {"height": 0.36, **_bar(network)}
        _bars(panels[0], rows + offset, losses[network], bar, style.COLOURS[network])
        if not naming.linear(config):
            scores = [np.array([np.nan if s is None else s for _, s in seeds]) for seeds in ends[network]]
            panels[1].barh(rows + offset, [np.nan_to_num(np.median(values)) for values in scores], **bar)
            _ranges(panels[1], rows + offset, scores)
    finite = everything[np.isfinite(everything) & (everything > 0)]
    if len(finite) and finite.max() / finite.min() > 30:
        panels[0].set_xscale("log")
        panels[0].set_xlim(10 ** np.floor(np.log10(finite.min()) - 0.1), None)
    panels[0].set_xlabel(f"final training {naming.loss_name(config)}")
    if len(panels) > 1:
        panels[1].set_xlim(left=0)
        panels[1].set_xlabel("test accuracy (fraction correct)")
    panels[0].set_yticks(rows, list(lines))
    panels[0].set_ylim(len(lines) - 0.5, -0.5)
    for axes in panels:
        axes.grid(axis="y", visible=False)
    handles = [Patch(label=panel_title(lines, network).split(":")[0], **_bar(network)) for network in NETWORKS]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)


def _bar(network: str) -> dict[str, Any]:
    """The look of a bar, full or hatched."""
    look: dict[str, Any] = {"facecolor": style.COLOURS[network], "linewidth": 0}
    return look | {"hatch": "////", "edgecolor": "white"} if network == "plain" else look


def _bars(axes: Axes, rows: np.ndarray, values: list[np.ndarray], bar: dict[str, Any], colour: str) -> None:
    """Bars of the medians where all are finite; the others are said in words."""
    good = np.array([bool(np.isfinite(seeds).all()) for seeds in values])
    axes.barh(rows[good], [np.median(seeds) for seeds, well in zip(values, good, strict=True) if well], **bar)
    _ranges(axes, rows[good], [seeds for seeds, well in zip(values, good, strict=True) if well])
    for row, seeds in ((row, seeds) for row, seeds, well in zip(rows, values, good, strict=True) if not well):
        said = "not recorded" if np.isnan(seeds).any() else "not finite"
        axes.annotate(said, (0, row), xycoords=("axes fraction", "data"), xytext=(3, 0), textcoords="offset points",
                      fontsize=6, color=colour, va="center")  # fmt: skip


def _ranges(axes: Axes, rows: np.ndarray, values: list[np.ndarray]) -> None:
    """Lines from the smallest to the largest of several values."""
    for row, seeds in zip(rows, values, strict=True):
        if len(seeds) > 1 and np.isfinite(seeds).all():
            axes.plot([seeds.min(), seeds.max()], [row, row], color="black", linewidth=0.9, marker="|", markersize=4)


def final_height(lines: Lines) -> float:
    """In cm."""
    return 2.2 + 0.75 * len(lines)
