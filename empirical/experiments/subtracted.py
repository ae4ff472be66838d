r"""What the theorems subtract, on trained networks: the finding that the bounds alone do not show.

Theorem 4.1 says |v|^2 = (gamma/s)^2 (|g|^2 - <1,g>^2/m - (2 - rho) a^2/m), a = <g, yhat>. How much smaller than
(gamma/s)^2 |g|^2 is that? Per channel,

    share      = (<1,g>^2 + (2 - rho) a^2) / (m |g|^2)      of |g|^2 that is subtracted,
    alignment  = a^2 / (rho |g|^2) = m cos^2(g, yhat),
    mean       = <1,g>^2 / |g|^2   = m cos^2(g, 1).

For a direction that knows nothing of yhat, m cos^2 is the square of a normal number but for O(1/m): its median is
0.455 whatever m is, its mean 1, one channel in twenty is above 3.84, and ``share`` is then about 2/m. Of Theorem 4.2
the same is asked: the term gamma a |v|^2 / (m s^2), summed over a layer, as a share of |u'Hu|.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import xarray as xr

from bnverify.empirical.experiments.comparable import WHOLE, Phase, phases
from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run

CHANCE = NormalDist().inv_cdf(0.75) ** 2
"""The median of m cos^2 for a random direction, as m grows: 0.455."""
RARE = NormalDist().inv_cdf(0.975) ** 2
"""What m cos^2 of a random direction exceeds at one place in twenty, as m grows: 3.84."""
MEANINGS = {
    "share": "share of |g|^2 in the layer that Theorem 4.1 subtracts",
    "alignment": "median over channels of m cos^2 between g and the normalised output",
    "mean": "median over channels of m cos^2 between g and the constant vector",
    "rare": "share of the channels with m cos^2 above 3.84, which random directions exceed one time in twenty",
    "factor": "median over channels of |gamma|/s",
    "reduction": "|v|^2/|g|^2 in the layer",
    "chance": "what share is for random directions, 2/m",
    "curvature": "subtracted term of Theorem 4.2 over |u'Hu| in the layer",
}


def first_order_shares(records: xr.Dataset) -> xr.Dataset:
    """Shares (step, site) of Theorem 4.1 from its recorded quantities (step, site, channel)."""
    q = {name: records[name].astype(float) for name in ("m", "gamma", "s", "rho", "g_g", "one_g", "a", "v_v")}
    subtracted = (q["one_g"] ** 2 + (2 - q["rho"]) * q["a"] ** 2) / q["m"]
    total = q["g_g"].sum("channel")
    alive = (q["g_g"] > 0) & (q["rho"] > 0)
    alignment = (q["a"] ** 2 / (q["rho"] * q["g_g"])).where(alive)
    columns = {
        "share": subtracted.sum("channel") / total,
        "alignment": alignment.median("channel"),
        "rare": (alignment > RARE).where(alive).mean("channel"),
        "mean": (q["one_g"] ** 2 / q["g_g"]).where(alive).median("channel"),
        "factor": (abs(q["gamma"]) / q["s"]).median("channel"),
        "reduction": q["v_v"].sum("channel") / total,
        "chance": 2 / q["m"],
    }
    return xr.Dataset(_named(columns))


def curvature_shares(records: xr.Dataset) -> xr.Dataset:
    """The share (step, site) of Theorem 4.2's subtracted term, where curvature was measured."""
    if "layer_u_H_u" not in records:
        return xr.Dataset()
    gamma, a, m, s, v_v = (records[name].astype(float) for name in ("gamma", "a", "m", "s", "v_v"))
    term = (gamma * a * v_v / (m * s**2)).sum("channel")
    return xr.Dataset(_named({"curvature": term / abs(records["layer_u_H_u"])}))


def _named(columns: dict[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    return {name: values.assign_attrs(long_name=MEANINGS[name]) for name, values in columns.items()}


def shares(run: Run, network: str) -> xr.Dataset:
    """All of `MEANINGS` for one network: those of Theorem 4.1 at the recorded steps, where the training step recorded
    them, else at the checked ones; the curvature's at the checked steps (NaN at the others)."""
    exact = run.exact.get(network, xr.Dataset())
    first = run.inline.get(network, exact)
    parts = [
        part
        for part in (
            first_order_shares(first) if "g_g" in first and "rho" in first else xr.Dataset(),
            curvature_shares(exact),
        )
        if part.data_vars
    ]
    return xr.merge(parts, join="outer", compat="no_conflicts") if parts else xr.Dataset()


@dataclass(frozen=True)
class Row:
    """Medians over the steps of a phase at one layer of one network."""

    network: str
    phase: Phase
    site: str
    values: dict[str, float]


def table(run: Run) -> tuple[Row, ...]:
    """Per network, phase and layer: the median of every quantity of `MEANINGS`."""
    rows = []
    for network in NETWORKS:
        data = shares(run, network)
        if not data.data_vars:
            continue
        for phase in phases(run):
            here = data.isel(step=np.flatnonzero(phase.of(data["step"].values)))
            if not here.sizes["step"]:
                continue
            for site in map(str, data["site"].values):
                at = here.sel(site=site)
                values = {str(name): _median(at[name].values) for name in at.data_vars}
                rows.append(Row(network, phase, site, values))
    return tuple(rows)


def _median(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


def medians(run: Run, phase: str = WHOLE) -> dict[str, dict[str, float]]:
    """By network over the layers of one phase, the median of every quantity of `MEANINGS`; "at chance", that of the
    share over what it is for random directions; "by scale", how much of the change of |g|^2 is the factor."""
    return medians_of(table(run), phase)


def medians_of(rows: Sequence[Row], phase: str = WHOLE) -> dict[str, dict[str, float]]:
    """`medians` of a `table`."""
    out = {}
    for network in NETWORKS:
        here = [row.values for row in rows if row.network == network and row.phase.name == phase]
        if here:
            found = {name: _median(np.array([row.get(name, np.nan) for row in here])) for name in MEANINGS}
            found["at chance"] = _median(np.array([row["share"] / row["chance"] for row in here if "share" in row]))
            found["by scale"] = _by_scale(found["share"], found["reduction"])
            out[network] = found
    return out


def _by_scale(share: float, reduction: float) -> float:
    """How much of the change log(|v|^2/|g|^2) is the factor (gamma/s)^2 and how much the subtraction: the part of the
    first in the sum of the sizes of both."""
    if not (0 <= share < 1 and reduction > 0):
        return float("nan")
    gain = -np.log1p(-share)
    factor = abs(np.log(reduction) + gain)
    return float(factor / (factor + gain)) if factor + gain > 0 else float("nan")
