"""Figure: the worst and the median residual of every tested claim beside its tolerance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import FigureBase

from bnverify.empirical.judgement.verdict import Verdict
from bnverify.empirical.runs.records import Run
from bnverify.reports import naming, style
from bnverify.reports.panels import NotRecorded, legend
from bnverify.reports.verdicts import verdicts_of

FLOOR = 1e-18  # residuals of exactly 0 are drawn here
_OFFSETS = {"bn": -0.17, "plain": 0.17}


def draw(run: Run, figure: FigureBase) -> None:
    """One row for every tested claim and precision; the tolerance as a vertical mark, untested networks named."""
    draw_verdicts(verdicts_of(run), figure, naming.labels(run.config))


def height(run: Run) -> float:
    """Room for every row, in cm, at most what a page holds besides the caption."""
    return min(20.0, 3.0 + 0.33 * len(_rows(verdicts_of(run))))


def _rows(verdicts: list[Verdict]) -> list[tuple[str, str]]:
    """Precision and key of every claim that was tested on a network."""
    return list(dict.fromkeys((verdict.dtype, verdict.key) for verdict in verdicts if verdict.points))


def draw_verdicts(verdicts: list[Verdict], figure: FigureBase, names: Mapping[str, str]) -> None:
    """Quantiles and the worst of the residuals of every claim that was tested, by network and precision."""
    rows = _rows(verdicts)
    if not rows:
        raise NotRecorded("no claim could be tested on this run")
    axes = figure.subplots()
    largest = FLOOR
    for verdict in (verdict for verdict in verdicts if (verdict.dtype, verdict.key) in rows):
        row = rows.index((verdict.dtype, verdict.key))
        y = row + _OFFSETS[verdict.network]
        axes.plot([verdict.tolerance] * 2, [row - 0.42, row + 0.42], color="black", linewidth=1.2)
        if not verdict.points:
            axes.text(FLOOR * 1.6, y, "not tested", fontsize=6, color=style.GREY, va="center")
            continue
        median, worst = (max(value, FLOOR) for value in (verdict.quantiles[0], verdict.worst))
        axes.plot([median, worst], [y, y], color=style.COLOURS[verdict.network], linewidth=0.6)
        axes.plot(median, y, **style.line(verdict.network, marker=True, markerfacecolor="white", markersize=3.5))
        axes.plot(worst, y, **style.line(verdict.network, marker=True, markersize=4 if verdict.violations == 0 else 6))
        largest = max(largest, worst, verdict.tolerance)
    axes.set_xscale("log")
    axes.set_xlim(FLOOR / 2, 10 * largest)
    axes.set_yticks(np.arange(len(rows)), [key if dtype == "float64" else f"{key} ({dtype})" for dtype, key in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("residual, relative to the terms of the claim (no unit)")
    present = list(dict.fromkeys(verdict.network for verdict in verdicts))
    entries = [(f"median, {names[n]}", style.line(n, marker=True, line=False, markerfacecolor="white"))
               for n in present]  # fmt: skip
    entries += [(f"worst, {names[n]}", style.line(n, marker=True, line=False)) for n in present]
    entries.append(("tolerance", {"color": "black", "marker": "|", "linestyle": "none", "markersize": 8}))
    legend(figure, entries, columns=3)
