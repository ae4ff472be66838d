"""Figure: loss and accuracy of both networks on the training batches, and the test."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from bnverify.empirical.runs.records import Run
from bnverify.reports import naming, style
from bnverify.reports.panels import NotRecorded, legend, short_log_axis


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """The mean of the last ``window`` finite values at every step; NaN once nothing finite is left in the window."""
    out = np.full(len(values), np.nan)
    for i in range(len(values)):
        part = values[max(0, i - window + 1) : i + 1]
        part = part[np.isfinite(part)]
        if len(part) and np.isfinite(values[i]):
            out[i] = part.mean()
    return out


def _panel(axes: Axes, run: Run, name: str) -> None:
    last = 1
    for network, curves in run.curves.items():
        steps, values = curves["step"].values, curves[name].values.astype(float)
        window = max(1, len(steps) // 40)
        if window > 1:
            raw = np.where(np.isfinite(values), values, np.nan)
            axes.plot(steps, raw, color=style.COLOURS[network], alpha=0.25, linewidth=0.5)
        axes.plot(steps, running_mean(values, window), **style.line(network))
        diverged = run.diverged(network)
        if diverged is not None:
            axes.axvline(diverged, color=style.COLOURS[network], linewidth=0.7, linestyle=":")
        last = max(last, int(steps[-1]))
    measured = [int(records["step"].values[-1]) for records in run.exact.values()]
    style.step_axis(axes, [0, max([last, *measured])])
    axes.set_xlabel("training step")


def draw(run: Run, figure: FigureBase) -> None:
    """Loss in one panel, accuracies in the other, both networks in each; without classes the loss alone, with that of
    the test."""
    if not run.curves:
        raise NotRecorded("no loss curve was recorded")
    names = naming.labels(run.config)
    entries = [(f"training batch, {names[n]}", style.line(n)) for n in run.curves]
    test = "test_loss" if naming.linear(run.config) else "test_accuracy"
    if naming.linear(run.config):
        (right,) = panels = figure.subplots(1, 1, squeeze=False).ravel()
    else:
        panels = figure.subplots(1, 2)
        right = panels[1]
        _panel(right, run, "accuracy")
        right.set_ylabel("fraction correct")
    _panel(panels[0], run, "loss")
    panels[0].set_ylabel(naming.loss_name(run.config))
    tested = []
    for network, records in run.exact.items():
        if test in records:
            points = style.line(network, marker=True, line=False, markersize=4, markerfacecolor="white")
            tested.append(records[test].values)
            right.plot(records["step"].values, tested[-1], **points, zorder=3, clip_on=False)
            entries.append((f"test, {names[network]}", points))
    if naming.linear(run.config):
        short_log_axis(right, [*(curves["loss"].values for curves in run.curves.values()), *tested])
    else:
        right.set_ylim(bottom=0)
    legend(figure, entries)
