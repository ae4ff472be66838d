"""How fast weights before a normaliser turn and grow, measured on the training's own steps and predicted.

Per layer, cos = <W, W+>/|W|^2 of the float32 training. Exactly, at every step,

    1 - cos = eta (lambda + alpha <W, B>/|W|^2 + p),    p = sum of gamma (1 - rho) a over |W|^2,

where p is epsilon's part. With Phi = eta/((1 - eta lambda)|W|^2), the effective rate, the next one is, exactly,

    Phi+ = Phi/((1 - eta lambda)^2 (1 - 2 Phi <W, D> + Phi^2 |W|^2 |D|^2)),   D = alpha B + grad.

On average in a stationary state 1 - cos = eta (lambda + p)/(1 + alpha): what is printed has
no p.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from bnverify.empirical.experiments.comparable import LAST, phases
from bnverify.empirical.runs.records import Run
from bnverify.theory.results.dynamics.schedules import larger_root

MEANINGS = {
    "turn": "1 - <W, W+>/|W|^2 of the training's own step",
    "exact": "the same by the claim step-rotation, without any gradient but its radial part",
    "epsilon": "eta p, epsilon's part of it",
    "growth": "|W+|^2/|W|^2 - 1 of the training's own step",
    "norm2": "|W|^2",
    "radial": "sum over the layer of gamma (1 - rho) a",
    "exact_growth": "|W+|^2/|W|^2 - 1 by the claim step-growth",
    "rounding": "how far 1 - cos of the training's own float32 step may be from the exact one",
    "growth_rounding": "how far its growth may be from the exact one",
    "share": "epsilon's part over the whole of 1 - cos, both by the claim",
    "rate": "Phi after the training's own step",
    "exact_rate": "the same by the claim schedule-law",
}


def rotation(run: Run, network: str) -> xr.Dataset:
    """`MEANINGS` (step, site), from the observation "dynamics"; an empty data set without it."""
    records = run.observed("dynamics").get(network)
    if records is None:
        return xr.Dataset()
    q = {name: records[name].astype(float).sum("channel") for name in (
        "W_W", "W_stepped_run", "stepped_stepped_run", "W_buffer")}  # fmt: skip
    moved = records["direction_direction"].sum("channel") if "direction_direction" in records else np.nan
    pushed = records["buffer_next_buffer_next"].sum("channel") if "buffer_next_buffer_next" in records else np.nan
    eta, alpha, decay = (records[name] for name in ("learning_rate", "momentum", "weight_decay"))
    radial = (records["gamma"] * (1 - records["rho"]) * records["a"]).sum("channel")
    stored = records["step_rounding"] if "step_rounding" in records else xr.zeros_like(records["W_W"])
    apart = (stored.astype(float) ** 2).sum("channel") ** 0.5
    lengths = q["W_W"] ** 0.5, q["stepped_stepped_run"] ** 0.5
    left, along = 1 - eta * decay, alpha * q["W_buffer"] + radial
    turned = decay + along / q["W_W"]
    phi = eta / (left * q["W_W"])
    columns: dict[str, xr.DataArray] = {
        "turn": 1 - q["W_stepped_run"] / q["W_W"],
        "exact": eta * turned,
        "epsilon": eta * radial / q["W_W"],
        "growth": q["stepped_stepped_run"] / q["W_W"] - 1,
        "norm2": q["W_W"],
        "radial": radial,
        "exact_growth": -2 * eta * turned + eta**2 * pushed / q["W_W"],
        "rounding": apart / lengths[0],
        "growth_rounding": apart * (2 * lengths[1] + apart) / q["W_W"],
        "share": radial / q["W_W"] / turned,
        "rate": eta / (left * q["stepped_stepped_run"]),
        "exact_rate": phi / (left**2 * (1 - 2 * phi * along + phi**2 * q["W_W"] * moved)),
    }
    whole = {name: each + xr.zeros_like(q["W_W"]) for name, each in columns.items()}
    return xr.Dataset({name: each.assign_attrs(long_name=MEANINGS[name]) for name, each in whole.items()})


def beyond_rounding(data: xr.Dataset, epsilon: bool = True) -> tuple[float, float]:
    """The largest distance of the training's own float32 steps from the exact rotation and from the exact growth, over
    what rounding may make of them: at most 1 each where the claims hold. Without ``epsilon`` its part is left out."""
    less = 0.0 if epsilon else data["epsilon"]
    turned = abs(data["turn"] - data["exact"] + less) / data["rounding"]
    grown = abs(data["growth"] - data["exact_growth"] - 2 * less) / data["growth_rounding"]
    return float(turned.max()), float(grown.max())


def stationary(run: Run, network: str) -> xr.Dataset:
    """Over the last fifth of the training, by site: the measured 1 - E<W, W+>/E|W|^2 ("turn"), the law with epsilon's
    part ("law") and as it is printed ("printed"), by how much |W|^2 changes a step ("drift"), which is 0 in a
    stationary state, epsilon's share of the exact rotation ("share"), and the effective rate ("rate")."""
    data = rotation(run, network)
    if not data.data_vars:
        return data
    (last,) = [phase for phase in phases(run) if phase.name == LAST]
    here = data.isel(step=np.flatnonzero(last.of(data["step"].values)))
    config = run.config
    weight = here["norm2"].sum("step")
    factor = config.learning_rate / (1 + config.momentum)
    turn = (here["turn"] * here["norm2"]).sum("step") / weight
    return xr.Dataset({
        "turn": turn,
        "law": factor * (config.weight_decay + here["radial"].sum("step") / weight),
        "printed": xr.full_like(turn, factor * config.weight_decay),
        "drift": (here["growth"] * here["norm2"]).sum("step") / weight,
        "share": (here["epsilon"] * here["norm2"]).sum("step") / (here["exact"] * here["norm2"]).sum("step"),
        "rate": here["rate"].mean("step"),
    })  # fmt: skip


def summary(run: Run) -> dict[str, float]:
    """Of the network with the normalizer: `stationary` in the median layer; how far the schedule law is from the
    effective rates, relative ("rate_apart"); `beyond_rounding` of the rotation and the growth ("turn_rounding",
    "growth_rounding"), where it was recorded; and `growing_rate`. Empty where no steps were recorded."""
    found = stationary(run, "bn")
    if not found.data_vars or not found.sizes["site"]:
        return {}
    whole = rotation(run, "bn")
    out = {str(name): float(column.median()) for name, column in found.data_vars.items()}
    out["rate_apart"] = float(abs(whole["exact_rate"] / whole["rate"] - 1).max())
    if (whole["rounding"] > 0).all():
        out["turn_rounding"], out["growth_rounding"] = beyond_rounding(whole)
    return out | {"growing_rate": growing_rate(run)}


def growing_rate(run: Run) -> float:
    """The factor a step by which the learning rate grows that does without weight decay; NaN where there is none."""
    config = run.config
    return larger_root(config.learning_rate, config.momentum, config.weight_decay) ** -2
