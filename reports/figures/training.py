"""Figure: loss and accuracy of both networks on the training batches, and the test."""

from __future__ import annotations

import numpy as np

from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures.chart import Chart, Curve, Panel, finite
from bnverify.reports.figures.figure import NotRecorded


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """The mean of the last ``window`` finite values at every step; NaN once nothing finite is left in the window."""
    good = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(good, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(good)])
    first = np.maximum(0, np.arange(len(values)) - window + 1)
    last = np.arange(len(values)) + 1
    found = count[last] - count[first]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(good & (found > 0), (total[last] - total[first]) / np.maximum(found, 1), np.nan)


def _curves(run: Run, name: str, tested: str) -> tuple[Curve, ...]:
    """The batches ("batch", where a running mean is drawn), their running mean ("mean") and the test ("test")."""
    out = []
    for network, curves in run.curves.items():
        steps, values = curves["step"].values, curves[name].values.astype(float)
        window = max(1, len(steps) // 40)
        if window > 1:
            out.append(Curve(network, "batch", "faint", steps, finite(values)))
        out.append(Curve(network, "mean", "line", steps, running_mean(values, window)))
    for network, records in run.exact.items():
        if tested in records:
            values = records[tested].values.astype(float)
            out.append(Curve(network, "test", "points", records["step"].values, finite(values), look={"zorder": 3}))
    return tuple(out)


def training(run: Run) -> Chart:
    """Loss in one panel, accuracies in the other, both networks in each; without classes the loss alone, with that of
    the test."""
    if not run.curves:
        raise NotRecorded("no loss curve was recorded")
    marks = tuple((n, step) for n in run.curves if (step := run.diverged(n)) is not None)
    names, unit = naming.labels(run.config), naming.loss_name(run.config)
    if naming.classes(run.config):
        panels: tuple[Panel, ...] = (
            Panel("loss", _curves(run, "loss", ""), unit, limits=(0.0, None), marks=marks),
            Panel("accuracy", _curves(run, "accuracy", "test_accuracy"), "fraction correct", limits=(0.0, None),
                  marks=marks),
        )  # fmt: skip
    else:
        panels = (Panel("loss", _curves(run, "loss", "test_loss"), unit, "short log", marks=marks),)
    told = [(f"training batch, {names[n]}", n, "line") for n in run.curves]
    tested = {c.network for panel in panels for c in panel.curves if c.what == "test"}
    told += [(f"test, {names[n]}", n, "points") for n in run.exact if n in tested]
    return Chart(panels, len(panels), tuple(told))
