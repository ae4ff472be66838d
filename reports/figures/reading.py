"""What figures read from the records of a run: sites in the order of the network, quantities of a site, medians."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from bnverify.empirical.runs.records import Run
from bnverify.reports.figures.figure import NotRecorded
from bnverify.theory import QUANTITIES


def site_names(groups: Iterable[xr.Dataset]) -> list[str]:
    """All sites in the order of the network: conv2 before conv10."""
    names = {str(name) for records in groups for name in records["site"].values}
    return sorted(names, key=lambda name: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name)])


def recorded(groups: Mapping[str, xr.Dataset], names: Iterable[str]) -> dict[str, xr.Dataset]:
    """The networks whose records hold all the named quantities; NotRecorded if there is none."""
    names = list(names)
    found = {network: data for network, data in groups.items() if all(name in data for name in names)}
    if not found:
        raise NotRecorded(f"no network recorded all of: {', '.join(names)}")
    return found


def along_training(run: Run, names: Iterable[str]) -> dict[str, xr.Dataset]:
    """The records from the training steps where they hold the quantities, else the float64 ones, which are fewer."""
    names = list(names)
    try:
        return recorded(run.exact | run.inline, names)
    except NotRecorded:
        return recorded(run.exact, names)


def at_site(records: xr.Dataset, site: str, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Named quantities of a site in float64, shape (steps, channels) or (steps, 1)."""
    here = records.sel(site=site)
    width = int(here["channels"].values[0])
    return {
        name: here[name].values.astype(float)[:, None]
        if QUANTITIES[name].shape in ("site", "layer")
        else here[name].values.astype(float)[:, :width]
        for name in names
    }


def median_and_band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """10 %, 50 % and 90 % quantiles over the channels whose value is finite; NaN where there is none."""
    rows = [row[np.isfinite(row)] for row in values]
    quantiles = np.array([np.quantile(r, (0.1, 0.5, 0.9)) if len(r) else (np.nan,) * 3 for r in rows])
    low, middle, high = quantiles.T
    return low, middle, high
