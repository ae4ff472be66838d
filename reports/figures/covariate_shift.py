"""Figures of the internal covariate shift, Definition 2.1 of Santurkar et al. 2018, one small panel a layer."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from bnverify.empirical.runs.records import Run
from bnverify.reports.document import naming
from bnverify.reports.figures.chart import Chart, Curve, Panel, columns, finite, positive
from bnverify.reports.figures.figure import NotRecorded
from bnverify.reports.figures.reading import recorded


def layers(groups: dict[str, xr.Dataset]) -> list[str]:
    """In the order of the network; the first is left out, as nothing before it is updated."""
    names = dict.fromkeys(str(name) for data in groups.values() for name in data["layer"].values)
    return list(names)[1:]


def _shift(run: Run, name: str, axis: str, logarithmic: bool) -> Chart:
    groups = recorded(run.shift, (name,))
    found = layers(groups)
    if not found:
        raise NotRecorded("no layer but the first, whose shift is 0 by definition")
    clean = positive if logarithmic else finite
    by_layer = {
        layer: tuple(
            Curve(network, name, "small", records["step"].values,
                  clean(records[name].sel(layer=layer).values.astype(float)))
            for network, records in groups.items()
        )
        for layer in found
    }  # fmt: skip
    lowest = float(np.nanmin(np.concatenate([c.values for curves in by_layer.values() for c in curves]), initial=0))
    scale = {"scale": "log"} if logarithmic else {"limits": (min(-0.1, 1.05 * lowest), 1.05), "rules": (0.0,)}
    panels = tuple(Panel(layer, curves, **scale) for layer, curves in by_layer.items())  # type: ignore[arg-type]
    names = naming.labels(run.config)
    axis = axis.format(unit=naming.unit(run.config))
    return Chart(panels, columns(len(panels)), tuple((names[n], n, "both") for n in groups), axis)


size = partial(_shift, name="shift", axis=r"shift $\Vert G - G'\Vert$ ({unit})", logarithmic=True)
relative = partial(
    _shift, name="shift_relative", axis=r"$\Vert G - G'\Vert\,/\,\Vert G\Vert$ (no unit)", logarithmic=True
)
cosine = partial(_shift, name="shift_cosine", axis=r"cosine of $G$ and $G'$ (no unit)", logarithmic=False)
