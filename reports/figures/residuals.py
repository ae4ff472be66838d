"""Figure: the worst and the median residual of every tested claim beside its tolerance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import FigureBase

from bnverify.empirical.judgement.verdict import Verdict, verdicts_of
from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures import style
from bnverify.reports.figures.chart import legend
from bnverify.reports.figures.figure import NotRecorded

FLOOR = 1e-18  # residuals of exactly 0 are drawn here
_OFFSETS = {"bn": -0.17, "plain": 0.17}


@dataclass(frozen=True)
class Mark:
    """A claim on a network: median and worst residual, NaN where it was not tested, and the tolerance."""

    key: str
    dtype: str
    network: str
    median: float
    worst: float
    tolerance: float
    violated: bool


@dataclass(frozen=True)
class Residuals:
    """One mark a claim, network and precision; ``rows`` are claims with their precision, in reading order."""

    marks: tuple[Mark, ...]
    names: dict[str, str]

    @property
    def rows(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys((mark.dtype, mark.key) for mark in self.marks if np.isfinite(mark.worst)))


def residuals(run: Run) -> Residuals:
    """Of all claims that were tested on a network of the run."""
    return of_verdicts(verdicts_of(run), naming.labels(run.config))


def of_verdicts(verdicts: list[Verdict], names: dict[str, str]) -> Residuals:
    """The marks of verdicts; NotRecorded where none had a point."""
    tested = {(v.dtype, v.key) for v in verdicts if v.points}
    if not tested:
        raise NotRecorded("no claim could be tested on this run")
    nothing = float("nan")
    marks = tuple(
        Mark(v.key, v.dtype, v.network, v.quantiles[0] if v.points else nothing, v.worst if v.points else nothing,
             v.tolerance, bool(v.violations))
        for v in verdicts if (v.dtype, v.key) in tested
    )  # fmt: skip
    return Residuals(marks, names)


def height(data: Residuals) -> float:
    """Room for every row, in cm, at most what a page holds besides the caption."""
    return min(20.0, 2.6 + 0.33 * len(data.rows))


def draw(data: Residuals, canvas: FigureBase) -> None:
    """One row for every tested claim and precision; the tolerance as a vertical mark, untested networks named."""
    rows = data.rows
    width, tall = canvas.get_size_inches() * 2.54  # type: ignore[attr-defined]
    axes = canvas.subplots(gridspec_kw={
        "left": 4.1 / width, "right": 1 - 0.2 / width, "bottom": 0.95 / tall, "top": 1 - 0.95 / tall
    })  # fmt: skip
    largest = FLOOR
    for mark in data.marks:
        row = rows.index((mark.dtype, mark.key))
        y = row + _OFFSETS[mark.network]
        axes.plot([mark.tolerance] * 2, [row - 0.42, row + 0.42], color="black", linewidth=1.2)
        if np.isnan(mark.worst):
            axes.text(FLOOR * 1.6, y, "not tested", fontsize=6, color=style.GREY, va="center")
            continue
        median, worst = (max(value, FLOOR) for value in (mark.median, mark.worst))
        axes.plot([median, worst], [y, y], color=style.COLOURS[mark.network], linewidth=0.6)
        axes.plot(median, y, **style.line(mark.network, marker=True, markerfacecolor="white", markersize=3.5))
        axes.plot(worst, y, **style.line(mark.network, marker=True, markersize=6 if mark.violated else 4))
        largest = max(largest, worst, mark.tolerance)
    axes.set_xscale("log")
    axes.set_xlim(FLOOR / 2, 10 * largest)
    axes.set_yticks(np.arange(len(rows)), [key if dtype == "float64" else f"{key} ({dtype})" for dtype, key in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("residual, relative to the terms of the claim (no unit)")
    present = list(dict.fromkeys(mark.network for mark in data.marks))
    entries = [(f"median, {data.names[n]}", style.line(n, marker=True, line=False, markerfacecolor="white"))
               for n in present]  # fmt: skip
    entries += [(f"worst, {data.names[n]}", style.line(n, marker=True, line=False)) for n in present]
    entries.append(("tolerance", {"color": "black", "marker": "|", "linestyle": "none", "markersize": 8}))
    legend(canvas, entries, columns=3)
