"""A run whose float64 and float32 quantities are invented: figures of them are compared with numbers worked out "
"here."""

from __future__ import annotations

import dataclasses
import zlib
from functools import partial

import numpy as np
import xarray as xr

from bnverify.empirical.runs.config import NETWORKS
from bnverify.empirical.runs.records import Run
from bnverify.theory import QUANTITIES

SITES = {"conv1": 3, "conv2": 5, "conv10": 4}
STEPS = np.array([0, 10, 20, 30], np.int32)
CHANNELS = max(SITES.values())


def quantities(run: Run, *, networks=NETWORKS) -> Run:
    """The run with invented quantities at three sites, another set for each network, all of them positive but the inner
    products, of which those of layers change their sign from step to step; float64 only, so that figures read no
    others."""
    out = dataclasses.replace(run)
    out.__dict__["exact"] = {name: _records(number) for number, name in enumerate(networks)}
    out.__dict__["inline"] = {}
    return out


def steps(run: Run) -> Run:
    """The run with invented records of the training's own steps: the quantities, and those of the run itself."""
    out = quantities(run)
    made = {}
    for network, records in out.exact.items():
        own = {f"{name}_run": 0.9 * records[name] for name in ("W_stepped", "stepped_stepped")}
        made[network] = records.assign(own)
    out.__dict__["observed"] = partial(_only, "dynamics", made)
    return out


def _only(kept: str, records: dict[str, xr.Dataset], name: str) -> dict[str, xr.Dataset]:
    return records if name == kept else {}


def _records(number: int) -> xr.Dataset:
    shape = (len(STEPS), len(SITES), CHANNELS)
    padding = np.arange(CHANNELS) >= np.array(list(SITES.values()))[:, None]
    columns = {"channels": (("step", "site"), np.tile(np.array(list(SITES.values()), np.int32), (len(STEPS), 1)))}
    for name, quantity in QUANTITIES.items():
        rng = np.random.default_rng([7, number, zlib.crc32(name.encode())])  # whatever other quantities there are
        signed = name in ("a", "one_g", "layer_u_H_u", "layer_v_Hhat_v", "g_v", "layer_W0_Wstar")
        values = rng.standard_normal(shape) if signed else rng.uniform(0.1, 2.0, shape)
        if quantity.shape in ("site", "layer"):
            if signed:
                values = np.abs(values) * np.resize([1.0, -1.0], len(STEPS))[:, None, None]
            columns[name] = (("step", "site"), values[..., 0])
        else:
            columns[name] = (("step", "site", "channel"), np.where(padding, np.nan, values))
    columns["rho"] = (columns["rho"][0], columns["rho"][1] / 2)
    columns["m"] = (("step", "site"), np.full(shape[:2], 64.0))
    return xr.Dataset(columns, {"step": STEPS, "site": list(SITES), "channel": np.arange(CHANNELS)})


def at(run: Run, network: str, site: str) -> dict[str, np.ndarray]:
    """All quantities of a site as (steps, channels) or (steps, 1)."""
    here = run.exact[network].sel(site=site)
    return {
        str(name): here[name].values[:, None] if here[name].ndim == 1 else here[name].values[:, : SITES[site]]
        for name in here.data_vars
    }
