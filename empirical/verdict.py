"""Claims against records: points, violations, exclusions by name, worst residual and tightness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from empirical.compile import Sides, compile_claim
from empirical.records import FORMAT, Run
from theory import CLAIMS, QUANTITIES
from theory.claim import Claim

# Residuals are relative to the terms of the claim, so one number serves all magnitudes.
TOLERANCES: dict[str, dict[str, float]] = {
    # Rounding 1.1e-16, sums over up to 2^17 values, one derivative after another: 1e-13 is typical, 1e-10 leaves room.
    "float64": {"equality": 1e-10, "upper bound": 1e-10},
    # Rounding 6e-8, sums of float32 terms: 3e-7 is typical at full width, 1e-5 leaves room.
    "float32": {"equality": 1e-5, "upper bound": 1e-5},
}
# Claims about these alone do not depend on any activation, so a constant channel does not matter to them.
_OF_WEIGHTS = frozenset(name for name in QUANTITIES if name.endswith(("W0_W0", "W0_Wstar", "Wstar_Wstar", "distance2")))
_ROUNDING = {"float64": 2.0**-53, "float32": 2.0**-24}


@dataclass(frozen=True)
class Point:
    """Where a claim was evaluated, and both sides there. Site and layer claims have channel None."""

    step: int
    site: str
    channel: int | None
    left: float
    right: float
    residual: float

    def __str__(self) -> str:
        channel = "" if self.channel is None else f", channel {self.channel}"
        return f"step {self.step}, {self.site}{channel}: left {self.left:.9g}, right {self.right:.9g}, " + (
            f"residual {self.residual:.2e}"
        )


@dataclass(frozen=True)
class Verdict:
    """One claim on one network: counts of points, and how close the sides are.

    `excluded` counts points by reason; they are neither passes nor violations. `quantiles` are those of the residual
    at 50, 90 and 99 %; `tightness` is the median of right/left where left is positive beyond rounding, else NaN.
    """

    key: str
    kind: str
    network: str
    dtype: str
    points: int
    violations: int
    tolerance: float
    worst: float
    quantiles: tuple[float, ...]
    tightness: float
    excluded: dict[str, int] = field(default_factory=dict)
    worst_points: tuple[Point, ...] = ()

    @property
    def status(self) -> str:
        """`holds`, `violated` or `not tested` (no point inside the hypotheses)."""
        if self.violations:
            return "violated"
        return "holds" if self.points else "not tested"

    def _repr_latex_(self) -> str:
        sign = {"holds": r"\checkmark", "violated": r"\times", "not tested": "-"}[self.status]
        counts = rf"\text{{{self.points} points, {self.violations} violations, worst residual {self.worst:.1e}}}"
        return (
            rf"$\displaystyle {CLAIMS[self.key].latex} \quad {sign}\ \text{{{self.network}, {self.dtype}: }}{counts}$"
        )

    def row(self) -> dict[str, Any]:
        """The verdict as plain data, for summary.json."""
        return asdict(self) | {"status": self.status}


def residuals(claim: Claim, sides: Sides) -> np.ndarray:
    """|left - right| over the scale for an equality, the positive part of left - right for an upper bound."""
    difference = sides.left - sides.right
    with np.errstate(all="ignore"):
        return (np.abs(difference) if claim.relation == "==" else np.maximum(difference, 0)) / sides.scale


def evaluate(claim: Claim, records: xr.Dataset, *, network: str, dtype: str = "float64") -> Verdict | None:
    """Evaluate a claim at every recorded (step, site, channel); None where its quantities were not measured."""
    compiled = compile_claim(claim)
    if any(name not in records for name in compiled.names):
        return None
    tolerance = TOLERANCES[dtype][claim.kind]
    found: list[tuple[np.ndarray, ...]] = []
    excluded: dict[str, int] = {}
    for site, quantities, sampled in _sites(records, compiled.names):
        sides = compiled(quantities)
        everywhere = np.ones(sides.left.shape, bool)
        candidate = everywhere & sampled if claim.shape == "sample" else everywhere
        for reason, mask in _exclusions(claim, sides, quantities, dtype):
            hit = candidate & mask
            if hit.any():
                excluded[reason] = excluded.get(reason, 0) + int(hit.sum())
            candidate &= ~mask
        step, channel = np.nonzero(candidate)
        values = (sides.left, sides.right, residuals(claim, sides), sides.scale)
        found.append((step, np.full(len(step), site), channel, *(v[candidate] for v in values)))
    columns = (np.concatenate(parts) for parts in zip(*found, strict=True))
    at_step, at_site, at_channel, left, right, residual, scale = columns
    violated = ~(residual <= tolerance)
    order = np.argsort(-residual, kind="stable")[: max(5, min(20, int(violated.sum())))]
    names, steps = records["site"].values, records["step"].values
    worst_points = tuple(
        Point(
            int(steps[at_step[i]]), str(names[at_site[i]]), None if claim.shape == "layer" else int(at_channel[i]),
            float(left[i]), float(right[i]), float(residual[i]),
        )
        for i in order
    )  # fmt: skip
    positive = left > tolerance * scale  # a left side that is zero but for rounding has no ratio
    nothing = float("nan")
    return Verdict(
        claim.key, claim.kind, network, dtype, len(residual), int(violated.sum()), tolerance,
        float(residual.max()) if len(residual) else nothing,
        tuple(float(q) for q in np.quantile(residual, [0.5, 0.9, 0.99])) if len(residual) else (nothing,) * 3,
        float(np.median(right[positive] / left[positive])) if positive.any() else nothing,
        excluded, worst_points,
    )  # fmt: skip


def _sites(records: xr.Dataset, names: tuple[str, ...]) -> Iterator[tuple[int, dict[str, np.ndarray], np.ndarray]]:
    """For every site: its number, the named quantities as (step, C) or (step, 1), and which channels were sampled."""
    wanted = {*names, "m", "epsilon", "mu", "s", "rho"}
    for number, width in enumerate(records["channels"].isel(step=0).values):
        here = records.isel(site=number)
        quantities = {}
        for name in wanted:
            if QUANTITIES[name].shape in ("site", "layer"):
                quantities[name] = here[name].values[:, None].astype(float)
            else:
                quantities[name] = here[name].values[:, : int(width)].astype(float)
        sampled = here["sampled"].values[:, : int(width)].astype(bool) if "sampled" in here else np.zeros((1, 1), bool)
        yield number, quantities, sampled


def _exclusions(claim: Claim, sides: Sides, quantities, dtype: str) -> Iterator[tuple[str, np.ndarray]]:
    """Named reasons, in this order, why a point is not counted; each a mask that broadcasts to the points."""
    shape = sides.left.shape
    if not set(claim.quantities) <= _OF_WEIGHTS:
        # Where the deviation is lost in the rounding of the mean, the channel is constant as far as arithmetic can see.
        deviation = quantities["s"] * np.sqrt(quantities["rho"])
        with np.errstate(all="ignore"):
            constant = ~(deviation > _ROUNDING[dtype] * np.abs(quantities["mu"]) / TOLERANCES[dtype]["equality"])
        constant &= np.isfinite(quantities["mu"])
        if shape[-1] == 1:
            constant = constant.any(axis=-1, keepdims=True)
        yield "constant channel", np.broadcast_to(constant, shape)
    yield "non-finite", ~(np.isfinite(sides.left) & np.isfinite(sides.right) & np.isfinite(sides.scale))
    yield "m = 1", np.broadcast_to(quantities["m"] == 1, shape)
    yield "m = 2", np.broadcast_to(quantities["m"] == 2, shape)
    for name, holds in sides.hypotheses.items():
        yield f"outside the hypothesis {name}", ~holds.astype(bool)
    yield "all terms zero", sides.scale == 0


def summarise(run: Run, verdicts: list[Verdict]) -> dict[str, Any]:
    """The content of summary.json: what is claimed (one row a claim, network and dtype) and what was observed."""
    observed = {}
    for network, curves in run.curves.items():
        exact = run.exact.get(network)
        observed[network] = {
            "steps": int(curves.sizes["step"]),
            "first_loss": float(curves["loss"][0]),
            "last_loss": float(curves["loss"][-20:].mean()),
            "last_training_accuracy": float(curves["accuracy"][-20:].mean()),
            "test_accuracy": None if exact is None else float(exact["test_accuracy"][-1]),
            "diverged_at": run.diverged(network),
        }
    return {
        "format": FORMAT,
        "config": asdict(run.config),
        "data": run.description["data"],
        "environment": run.description["environment"],
        "claims": [verdict.row() for verdict in verdicts],
        "observed": observed,
        "violations": sum(verdict.violations for verdict in verdicts),
    }


def verify(run: Run) -> list[Verdict]:
    """Every claim on every network of a run: float64 records first, then what the float32 training steps recorded."""
    verdicts = []
    for dtype, groups in (("float64", run.exact), ("float32", run.inline)):
        for claim in CLAIMS.values():
            for network, records in groups.items():
                verdict = evaluate(claim, records, network=network, dtype=dtype)
                if verdict is not None:
                    verdicts.append(verdict)
    return verdicts
