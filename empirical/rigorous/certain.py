"""A claim at a channel, decided for certain: both sides in balls, at a precision that is doubled until they decide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from bnverify.empirical.judgement.compile import measured_names
from bnverify.empirical.judgement.verdict import RANGE, in_range
from bnverify.empirical.measurement.probes import Seed
from bnverify.empirical.rigorous.balls import Ball, NoValue, evaluate, flint, magnitude
from bnverify.empirical.rigorous.channel import Channel
from bnverify.errors import InputError
from bnverify.theory import CLAIMS, QUANTITIES, Claim

HOLDS, VIOLATED, UNDECIDED = "holds for certain", "violated for certain", "undecided (the ball straddles)"
APART = "outside the hypotheses"
NO_SPREAD = "variance + epsilon is not positive"
NOTHING = "all terms zero"
BEYOND = f"{RANGE} float64"
PRECISIONS = (128, 256, 512)
RADIUS = 2.0**-64
"""An equality holds for certain where 0 is in the ball of left - right and its radius is at most this, relative to the
sum of the absolute values of all terms. More cannot be said of an equality in balls."""
DISTANCE = 2.0**-40
"""How far v of automatic differentiation may be from the gradient in balls, relative to `Channel.distance`'s size."""
AUTODIFF = "v of automatic differentiation"


@dataclass(frozen=True)
class Certain:
    """A verdict on a claim at a channel. ``margin`` is, relative to the sum of all terms, for a bound the least that
    right - left can be, for an equality the most that |left - right| can be."""

    key: str
    verdict: str
    margin: float = math.nan

    def __bool__(self) -> bool:
        return self.verdict == HOLDS


@cache
def covered(claim: Claim) -> bool:
    """Whether all that a claim speaks of is a function of one channel's y, g, gamma, beta and epsilon, and its sides
    are made of what balls have."""
    small = Channel(np.array([0.0, 1.0]), np.array([1.0, 0.0]), 1.0, 0.0, 0.5).quantities() or {}
    spoken = {QUANTITIES[name].symbol for name in measured_names(claim)}
    if not {"batch", "any"} & set(claim.about) or not spoken <= set(small):
        return False
    if any(hypothesis.name == "matched" for hypothesis in claim.hypotheses):  # gamma and s as real numbers never are
        return False
    try:
        _decided(claim, small)
    except NoValue:
        return False
    return True


def claims() -> tuple[Claim, ...]:
    """The claims of the catalogue that are covered."""
    return tuple(claim for claim in CLAIMS.values() if covered(claim))


def certain(claim: Claim, channel: Channel, seed: Seed = 0) -> Certain:
    """The verdict on a claim at a channel of float64 numbers. UNDECIDED where the last precision does not decide it: a
    bound that is attained, say. InputError unless all numbers are finite float64."""
    return all_certain((claim,), channel, seed)[0]


def all_certain(chosen: Sequence[Claim], channel: Channel, seed: Seed = 0) -> list[Certain]:
    """`certain` for several claims: what they share is computed once. InputError for one that is not covered."""
    if not_covered := [claim.key for claim in chosen if not covered(claim)]:
        raise InputError(
            got=f"{', '.join(not_covered)}, in balls", expected="claims of which `covered` is true",
            advice="measure it in float64: assert_claims does",
        )  # fmt: skip
    found = {claim.key: Certain(claim.key, UNDECIDED) for claim in chosen}
    for bits in PRECISIONS:
        left = [claim for claim in chosen if found[claim.key].verdict == UNDECIDED]
        if left:
            with flint().ctx.workprec(bits):
                values = channel.quantities(seed)
                found |= {
                    claim.key: Certain(claim.key, NO_SPREAD) if values is None else _decided(claim, values)
                    for claim in left
                }
    return list(found.values())


def distance(channel: Channel) -> Certain | None:
    """Whether v of automatic differentiation is within `DISTANCE` of the gradient; ``margin`` is how far it is at most,
    relative to the size. None where it cannot be asked."""
    with flint().ctx.workprec(PRECISIONS[-1]):
        found = channel.distance()
        if found is None:
            return None
        off, size = found
        if not _in_float64(channel):
            return Certain(AUTODIFF, BEYOND)
        if size.is_zero():
            return Certain(AUTODIFF, NOTHING if off.is_zero() else VIOLATED)
        margin = float((off / size).upper()) if size > 0 else math.nan
        verdict = HOLDS if off <= DISTANCE * size else VIOLATED if off > DISTANCE * size else UNDECIDED
    return Certain(AUTODIFF, verdict, margin)


def _in_float64(channel: Channel) -> bool:
    """Whether what v goes through, as 1/s^3, has a value in float64."""
    y, g = np.asarray(channel.y), np.asarray(channel.g)
    with np.errstate(all="ignore"):
        deviation = float(np.std(y))
        numbers: dict[str, float] = {
            "m": len(y), "mu": y.mean(), "deviation": deviation, "gamma": channel.gamma, "g_g": float(g @ g),
            "s": math.hypot(deviation, math.sqrt(channel.epsilon)),
        }  # fmt: skip
    reach, normal = in_range(("v_v",), {name: np.asarray(each) for name, each in numbers.items()}, "float64", DISTANCE)
    return bool(reach) and bool(normal)


def _decided(claim: Claim, values: Mapping[Any, Ball]) -> Certain:
    fulfilled = [_fulfilled(h.condition, values) for h in claim.hypotheses if h.condition is not None]
    if not all(fulfilled):
        return Certain(claim.key, APART if False in fulfilled else UNDECIDED)
    slack = evaluate(claim.right, values) - evaluate(claim.left, values)
    size = magnitude(claim.left, values) + magnitude(claim.right, values)
    size += evaluate(claim.scale, values) if claim.scale is not None else 0
    if size.is_zero():
        return Certain(claim.key, NOTHING)
    if claim.kind != "equality":
        verdict = HOLDS if slack >= 0 else VIOLATED if slack < 0 else UNDECIDED
        return Certain(claim.key, verdict, float((slack / size).lower()) if size > 0 else math.nan)
    small = slack.is_zero() or abs(slack) <= RADIUS * size
    verdict = VIOLATED if not slack.contains(0) else HOLDS if small else UNDECIDED
    return Certain(claim.key, verdict, float((abs(slack) / size).upper()) if size > 0 else math.nan)


def _fulfilled(condition: sp.Basic, values: Mapping[Any, Ball]) -> bool | None:
    """Whether a condition holds, None where the balls do not say."""
    if not isinstance(condition, sp.core.relational.Relational):
        raise NoValue(str(condition))
    gap = evaluate(condition.lhs, values) - evaluate(condition.rhs, values)
    holds, fails = {
        "==": (gap.is_zero(), not gap.contains(0)), "!=": (not gap.contains(0), gap.is_zero()),
        ">": (gap > 0, gap <= 0), ">=": (gap >= 0, gap < 0), "<": (gap < 0, gap >= 0), "<=": (gap <= 0, gap > 0),
    }[condition.rel_op]  # fmt: skip
    return True if holds else False if fails else None
