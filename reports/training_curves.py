"""Figure: loss and accuracy of both networks on the training batches, and accuracy on test images."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from empirical.records import Run
from reports import style
from reports.panels import NotRecorded, legend


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
    """Loss in one panel, accuracies in the other, both networks in each."""
    if not run.curves:
        raise NotRecorded("no loss curve was recorded")
    left, right = figure.subplots(1, 2)
    _panel(left, run, "loss")
    left.set_ylabel("cross-entropy loss (nats)")
    _panel(right, run, "accuracy")
    entries = [(f"training batch, {style.LABELS[n]}", style.line(n)) for n in run.curves]
    for network, records in run.exact.items():
        if "test_accuracy" in records:
            points = style.line(network, marker=True, line=False, markersize=4, markerfacecolor="white")
            right.plot(records["step"].values, records["test_accuracy"].values, **points, zorder=3, clip_on=False)
            entries.append((f"test images, {style.LABELS[network]}", points))
    right.set_ylabel("fraction correct")
    right.set_ylim(bottom=0)
    legend(figure, entries)
