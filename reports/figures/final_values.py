"""Figure: where several runs ended, one bar a network; several seeds are a median and a range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Patch

from bnverify.empirical.experiments.findings import last_loss, score
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures import style
from bnverify.reports.figures.comparison import first_run, panel_title
from bnverify.reports.figures.figure import NotRecorded
from bnverify.reports.figures.lines import Lines


@dataclass(frozen=True)
class Ends:
    """By network and line the final training losses of the seeds, and the test accuracies where outputs are classes."""

    labels: tuple[str, ...]
    losses: dict[str, list[np.ndarray]]
    scores: dict[str, list[np.ndarray]] | None
    titles: dict[str, str]
    axis: str


def final(run: Run, network: str) -> tuple[float, float | None]:
    """Mean training loss over the last tenth of the steps, infinite where it is not finite; test accuracy or None."""
    return (last_loss(run, network) if network in run.curves else float("nan")), score(run, network)


def ends(lines: Lines) -> Ends:
    """Where the runs of all lines ended; NotRecorded where no loss is finite."""
    config = first_run(lines).config
    found = {network: [[final(run, network) for run in line] for line in lines.values()] for network in NETWORKS}
    losses = {network: [np.array([loss for loss, _ in seeds]) for seeds in by] for network, by in found.items()}
    if not np.isfinite(np.concatenate([values for by in losses.values() for values in by])).any():
        raise NotRecorded("no finite training loss was recorded")
    scores = {
        network: [np.array([np.nan if s is None else s for _, s in seeds]) for seeds in by]
        for network, by in found.items()
    }
    titles = {network: panel_title(lines, network).split(":")[0] for network in NETWORKS}
    return Ends(tuple(lines), losses, scores if naming.classes(config) else None, titles,
                f"final training {naming.loss_name(config)}")  # fmt: skip


def draw(data: Ends, canvas: FigureBase) -> None:
    """One row a line, one bar a network; a thin line from the smallest to the largest value over the seeds."""
    width, height = canvas.get_size_inches() * 2.54  # type: ignore[attr-defined]
    left = min(5.0, 0.6 + 0.13 * max(map(len, data.labels)))
    panels = canvas.subplots(1, 1 if data.scores is None else 2, sharey=True, squeeze=False, gridspec_kw={
        "left": left / width, "right": 1 - 0.3 / width, "bottom": 0.95 / height, "top": 1 - 0.6 / height,
        "wspace": 0.08,
    })[0]  # fmt: skip
    rows = np.arange(len(data.labels))
    for offset, network in zip((-0.19, 0.19), data.losses, strict=True):
        bar = {"height": 0.36, **_bar(network)}
        _bars(panels[0], rows + offset, data.losses[network], bar, style.COLOURS[network])
        if data.scores is not None:
            scores = data.scores[network]
            panels[1].barh(rows + offset, [np.nan_to_num(np.median(values)) for values in scores], **bar)
            _ranges(panels[1], rows + offset, scores)
    everything = np.concatenate([values for by in data.losses.values() for values in by])
    finite = everything[np.isfinite(everything) & (everything > 0)]
    if len(finite) and finite.max() / finite.min() > 30:
        panels[0].set_xscale("log")
        panels[0].set_xlim(10 ** np.floor(np.log10(finite.min()) - 0.1), None)
    panels[0].set_xlabel(data.axis)
    if len(panels) > 1:
        panels[1].set_xlim(left=0)
        panels[1].set_xlabel("test accuracy (fraction correct)")
    panels[0].set_yticks(rows, [naming.shown(label) for label in data.labels])
    panels[0].set_ylim(len(data.labels) - 0.5, -0.5)
    for axes in panels:
        axes.grid(axis="y", visible=False)
    handles = [Patch(label=title, **_bar(network)) for network, title in data.titles.items()]
    canvas.legend(handles=handles, loc="upper center", ncols=2, borderaxespad=0.1)  # type: ignore[attr-defined]


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


def height(data: Ends) -> float:
    """In cm."""
    return 1.8 + 0.75 * len(data.labels)
