"""Claims against records: points, violations, exclusions by name, worst residual and tightness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import xarray as xr

from bnverify.empirical.judgement.compile import TOLERANCES, Sides, compile_claim
from bnverify.empirical.judgement.quantities import Quantities
from bnverify.empirical.measurement.measured import LAYER, order, producer
from bnverify.empirical.runs.records import FLAGS, FORMAT, SIZES, Run
from bnverify.theory import CLAIMS, QUANTITIES, claims_for
from bnverify.theory.proof.claim import Claim
from bnverify.theory.proof.quantities import names_of
from bnverify.theory.results.catalogue import claims_of_steps

# Claims about these alone do not depend on any activation, so a constant channel does not matter to them.
_OF_WEIGHTS = frozenset(name for name in QUANTITIES if name.endswith(("W0_W0", "W0_Wstar", "Wstar_Wstar", "distance2")))
ROUNDING = "below rounding"
RANGE = "beyond the range of"  # a type
# Beyond the tolerance, but no more than a variance by E[y^2] - E[y]^2 loses at this mean: not passed, not violated.
INACCURATE = "inaccurate"
# Hypotheses that claims state in words, and the flag of the records that says where they hold.
_FLAGGED = {
    "differentiable scale": "smooth", "unclipped": "unclipped", "zero-mean inputs": "zero_mean", "matched": "matched",
    "biased running variance": "running_biased", "unbiased running variance": "running_unbiased",
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """Where a claim was evaluated, and both sides there. Site and layer claims have channel None; where a normaliser's
    vectors are no channels, it is the number of the vector."""

    step: int
    site: str
    channel: int | None
    left: float
    right: float
    residual: float
    noun: str = "channel"

    def __str__(self) -> str:
        channel = "" if self.channel is None else f", {self.noun} {self.channel}"
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
        statement = CLAIMS[self.key].latex if self.key in CLAIMS else rf"\text{{{self.key}}}"  # one of a user's own
        return rf"$\displaystyle {statement} \quad {sign}\ \text{{{self.network}, {self.dtype}: }}{counts}$"

    def row(self) -> dict[str, Any]:
        """The verdict as plain data, for summary.json."""
        return asdict(self) | {"status": self.status}


def residuals(claim: Claim, sides: Sides) -> np.ndarray:
    """|left - right| over the scale for an equality, the positive part of left - right for an upper bound; the scale is
    what a rounding of one would leave (`judgement.sizes`)."""
    with np.errstate(all="ignore"):
        difference = sides.left - sides.right
        return (np.abs(difference) if claim.relation == "==" else np.maximum(difference, 0)) / sides.scale


@dataclass(frozen=True)
class Places:
    """Records to be judged: at every site the quantities as arrays (step, C) or (step, 1), with the flags as booleans
    and ``vector``, the number of each normalised vector. ``noun`` is what such a vector is called. ``steps`` are those
    of all sites, or by site."""

    steps: Sequence[int] | np.ndarray | Mapping[str, np.ndarray]
    sites: Mapping[str, Mapping[str, np.ndarray]]
    noun: str = "channel"

    def have(self, names: Iterable[str]) -> bool:
        """Whether all of these were measured."""
        return all(name in quantities for quantities in self.sites.values() for name in names)


def precisions(records: xr.Dataset) -> set[str]:
    """The types of numbers that the layers of stored records compute in: float64 where they do not say."""
    return set(records["precision"].values.ravel()) if "precision" in records else {"float64"}


def places(records: xr.Dataset, precision: str | None = None) -> Places:
    """Stored records as they are judged; with ``precision`` those of layers that compute in it. A site may not be there
    at every step, nor have as many vectors: the steps of each number are a place of their own."""
    known = set(map(str, records.data_vars)) - {"channels", "vector", *FLAGS}
    known &= {*QUANTITIES, *SIZES, "deviation"}
    noun = "vector" if "vector" in records else "channel"
    steps, sites = {}, {}
    for number, name in enumerate(map(str, records["site"].values)):
        here = records.isel(site=number)
        widths = np.nan_to_num(here["channels"].values).astype(int)
        if precision is not None and "precision" in records:
            widths = np.where(here["precision"].values == precision, widths, 0)
        for width in sorted(set(widths.tolist()) - {0}, reverse=True):
            rows = widths == width
            place = name if width == widths.max() else f"{name} ({width} {noun}s)"

            def read(quantity: str, here=here, rows=rows, width=width) -> np.ndarray:
                values = here[quantity].values[rows]
                return values[:, None] if values.ndim == 1 else values[:, :width]

            quantities = {each: read(each).astype(float) for each in known}
            flags = {each: np.nan_to_num(read(each)).astype(bool) for each in FLAGS if each in records}
            numbers = read("vector").astype(int) if "vector" in records else None
            steps[place], sites[place] = records["step"].values[rows], completed(quantities, flags, numbers)
    return Places(steps, sites, noun)


def completed(
    quantities: dict[str, np.ndarray], flags: Mapping[str, np.ndarray], numbers: np.ndarray | None = None
) -> Quantities:
    """Quantities (step, C) or (step, 1) with ``deviation``, the spread of what is normalised, flags and numbers."""
    every = np.ones_like(quantities["s"], bool)
    if "deviation" not in quantities:
        with np.errstate(all="ignore"):
            quantities = quantities | {"deviation": quantities["s"] * np.sqrt(quantities["rho"])}
    vector = np.arange(every.shape[-1]) * every if numbers is None else numbers
    return Quantities({"sampled": ~every} | quantities | dict(flags) | {"vector": vector})


def evaluate(claim: Claim, records: xr.Dataset | Places, *, network: str, dtype: str = "float64") -> Verdict | None:
    """Evaluate a claim at every recorded (step, site, channel); None where its quantities were not measured."""
    compiled = compile_claim(claim)
    at = records if isinstance(records, Places) else places(records)
    if not at.have(compiled.names):
        return None
    tolerance = TOLERANCES[dtype][claim.kind]
    found: list[tuple[np.ndarray, ...]] = []
    excluded: dict[str, int] = {}
    for site, (_, quantities) in enumerate(at.sites.items()):
        sides = compiled(quantities, dtype)
        broken = _broken(compiled.names, quantities, sides.left.shape)
        everywhere = np.ones(sides.left.shape, bool)
        candidate = everywhere & quantities["sampled"] if claim.shape == "sample" else everywhere
        reach, normal = (
            np.broadcast_to(each.all(-1, keepdims=True) if broken.shape[-1] == 1 else each, broken.shape)
            for each in in_range(compiled.names, quantities, dtype, tolerance)
        )
        beyond, broken = broken & ~reach | ~normal, broken & reach
        residual = np.where(broken, np.inf, residuals(claim, sides))
        exclusions = (
            (f"{RANGE} {dtype}", beyond),
            *_exclusions(claim, sides, quantities, broken),
            (INACCURATE, _inaccurate(claim, sides, residual, tolerance)),
        )
        for reason, mask in exclusions:
            hit = candidate & mask
            if hit.any():
                excluded[reason] = excluded.get(reason, 0) + int(hit.sum())
            candidate &= ~mask
        step, position = np.nonzero(candidate)
        channel = quantities["vector"][step, position] if claim.shape != "layer" else position
        values = (sides.left, sides.right, residual, sides.scale)
        found.append((step, np.full(len(step), site), channel, *(v[candidate] for v in values)))
    columns = (np.concatenate(parts) for parts in zip(*found, strict=True))
    at_step, at_site, at_channel, left, right, residual, scale = columns
    violated = ~(residual <= tolerance)
    order = np.argsort(-residual, kind="stable")[: max(5, min(20, int(violated.sum())))]
    names = list(at.sites)
    steps = [at.steps[name] if isinstance(at.steps, Mapping) else at.steps for name in names]
    worst_points = tuple(
        Point(
            int(steps[at_site[i]][at_step[i]]), names[at_site[i]],
            None if claim.shape == "layer" else int(at_channel[i]),
            float(left[i]), float(right[i]), float(residual[i]), at.noun,
        )
        for i in order
    )  # fmt: skip
    positive = left > tolerance * scale  # a left side that is zero but for rounding has no ratio
    nothing = float("nan")
    return Verdict(
        claim.key, claim.kind, network, dtype, len(residual), int(violated.sum()), tolerance,
        float(residual.max()) if len(residual) else nothing,
        _quantiles(residual) if len(residual) else (nothing,) * 3,
        float(np.median(right[positive] / left[positive])) if positive.any() else nothing,
        excluded, worst_points,
    )  # fmt: skip


def _inaccurate(claim: Claim, sides: Sides, residual: np.ndarray, tolerance: float) -> np.ndarray:
    """Where the residual is one of a variance by differences of squares."""
    high = residual > tolerance
    return high & (residuals(claim, sides._replace(scale=sides.rough())) <= tolerance) if high.any() else high


def in_range(
    names: Iterable[str], quantities: Mapping[str, np.ndarray], dtype: str, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where the numbers that a claim's derivatives go through are not too large for the type, and where they are not
    too small for it. The k-th derivative of 1/s goes through s^-(2k+1), a mean through 1/m of it, and each is
    multiplied by gamma g: with a deviation of 1e-12 and no epsilon, the second one goes through 1e60, with one of 1e12
    through 1e-60. The squares of a deviation are numbers, each up to the smallest one."""
    holds, k, m = np.finfo(dtype), order(names), np.maximum(1.0, quantities.get("m", 1.0))
    with np.errstate(all="ignore"):
        level, s = np.abs(quantities.get("mu", 0.0)) + quantities["deviation"], quantities["s"]
        strength = np.abs(quantities.get("gamma", 1.0)) * np.sqrt(quantities.get("g_g", 1.0) / m)
        strength = np.where(strength > 0, strength, 1.0)
        largest = np.maximum(1, 1 / s) ** (2 * k + 1) * np.maximum(1, level) ** 2 * np.maximum(1, strength) ** (k + 1)
        least = np.minimum(1, 1 / s) ** (2 * k + 1) * np.minimum(1, strength) ** k
        small = (least < float(holds.tiny) * m) | (unit * s**2 < float(holds.tiny))
        return largest < float(holds.max) / m, ~small | (s == 0)


def _quantiles(residual: np.ndarray) -> tuple[float, ...]:
    method: Literal["linear", "higher"] = (
        "linear" if np.isfinite(residual).all() else "higher"
    )  # nothing lies between a number and infinity
    return tuple(float(q) for q in np.quantile(residual, [0.5, 0.9, 0.99], method=method))


def _broken(names: tuple[str, ...], quantities: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Where the layer made something that is no number out of numbers."""
    finite = {True: np.ones(shape, bool), False: np.ones(shape, bool)}
    for name in names:
        own = producer(name) == LAYER
        here = np.isfinite(quantities[name])
        finite[own] = finite[own] & (here.all(-1, keepdims=True) if shape[-1] == 1 else here)
    return finite[False] & ~finite[True]


def _exclusions(claim: Claim, sides: Sides, quantities, broken: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Named reasons, in this order, why a point is not counted; each a mask that broadcasts to the points.

    A hypothesis is decided before its claim's sides are looked at, where what it speaks of is finite: what would be
    needed only inside a hypothesis is not measured outside it."""
    shape = sides.left.shape
    conditions = {h.name: h.condition for h in claim.hypotheses if h.condition is not None}
    spoken_of = {name: names_of(condition) for name, condition in conditions.items()}
    if not set(claim.quantities) <= _OF_WEIGHTS:
        constant = quantities["s"] == 0
        yield (
            "constant channel",
            np.broadcast_to(constant.any(-1, keepdims=True) if shape[-1] == 1 else constant, shape),
        )
    undecided = np.zeros(shape, bool)
    for name, holds in sides.hypotheses.items():
        finite = np.logical_and.reduce([np.isfinite(quantities[each]) for each in spoken_of[name]])
        undecided |= ~finite
        yield f"outside the hypothesis {name}", ~holds.astype(bool) & finite
    for hypothesis in claim.hypotheses:
        flag = hypothesis.flag or _FLAGGED.get(hypothesis.name)
        if flag in quantities:
            yield f"outside the hypothesis {hypothesis.name}", np.broadcast_to(~quantities[flag], shape)
    finite = np.isfinite(sides.left) & np.isfinite(sides.right) & np.isfinite(sides.scale)
    yield "non-finite", ~broken & (~finite | undecided)
    yield "all terms zero", ~broken & sides.zero
    yield ROUNDING, ~broken & sides.lost


def summarise(run: Run, verdicts: list[Verdict]) -> dict[str, Any]:
    """The content of summary.json: what is claimed (one row a claim, network and dtype) and what was observed."""
    observed: dict[str, dict[str, Any]] = {}
    for network, curves in run.curves.items():
        exact = run.exact.get(network)
        observed[network] = {
            "steps": int(curves.sizes["step"]),
            "first_loss": float(curves["loss"][0]),
            "last_loss": float(curves["loss"][-20:].mean()),
            "last_training_accuracy": float(curves["accuracy"][-20:].mean()),
            "test_accuracy": _last(exact, "test_accuracy"),
            "diverged_at": run.diverged(network),
        } | ({"test_loss": _last(exact, "test_loss")} if exact is not None and "test_loss" in exact else {})
        if network in run.ray:
            observed[network]["ray_of_optima"] = _ray(run.ray[network])
    return {
        "format": FORMAT,
        "config": run.config.to_json(),
        "data": run.description["data"],
        "environment": run.description["environment"],
        "claims": [verdict.row() for verdict in verdicts],
        "observed": observed,
        "violations": sum(verdict.violations for verdict in verdicts),
        "missing": [str(record) for record in run.missing()],
    }


def _ray(records: xr.Dataset) -> dict[str, float]:
    """Lemma 4.5 on the trained network: losses at W*, there with batch norm inserted, and at kW*; the worst gaps."""
    here = records.isel(step=-1)
    counts = {name: int(here[name].sum()) for name in ("filters", "acute")}
    gaps = {f"worst_{name}": float(here[name].max(skipna=False)) for name in ("gradient_gap", "other_gap")}
    return counts | gaps | {name: float(here[name]) for name in ("plain_loss", "matched_loss", "ray_loss", "rest_gap")}


def _last(records: xr.Dataset | None, name: str) -> float | None:
    return None if records is None or name not in records else float(records[name][-1])


def verify(run: Run) -> list[Verdict]:
    """Every claim that speaks of a network's normaliser, on every network of a run: float64 records first, then what
    the float32 training steps recorded, then the steps themselves, where they were observed. In the plain network batch
    norm is inserted."""
    spoken_of = {"bn": claims_for(run.config.normalizer), "plain": claims_for("batch")}
    verdicts = []
    for dtype, judged in _judged(run):
        for claim in CLAIMS.values():
            for network, records in judged.items():
                if claim not in spoken_of[network]:
                    continue
                verdict = evaluate(claim, records, network=network, dtype=dtype)
                if verdict is not None:
                    verdicts.append(verdict)
    return verdicts + _of_steps(run)


def _judged(run: Run) -> Iterator[tuple[str, dict[str, Places]]]:
    """Records by network, and the type of numbers by which they are judged: that of the layers for what was measured in
    float64, then that of the training steps."""
    exact, inline = (
        {k: each for k, each in all_of.items() if "site" in each.coords} for all_of in (run.exact, run.inline)
    )
    for dtype in ("float64", "float32"):
        yield dtype, {k: places(each, precision=dtype) for k, each in exact.items() if dtype in precisions(each)}
    yield "float32", {network: places(records) for network, records in inline.items()}


def verdicts_of(run: Run) -> list[Verdict]:
    """The same, found once and kept with the records that the run has loaded."""
    kept = run.__dict__
    if "verdicts" not in kept:
        kept["verdicts"] = verify(run)
    return kept["verdicts"]


def _of_steps(run: Run) -> list[Verdict]:
    """The claims about two consecutive states, of filters before the run's own batch norms."""
    records = run.observed("dynamics").get("bn") if run.config.normalizer == "batch" else None
    if records is None:
        return []
    judged = places(records)
    found = (evaluate(claim, judged, network="bn") for claim in claims_of_steps())
    return [verdict for verdict in found if verdict is not None]
