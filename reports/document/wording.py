"""Numbers and verdicts in words: marked-up text (see ``bnverify.reports.document.prose``) for tables and sentences."""

from __future__ import annotations

import math

from bnverify.empirical.judgement.verdict import Verdict
from bnverify.reports.document.prose import prose
from bnverify.theory import CLAIMS

DASH = "–"
LOOSE = 10.0


def scientific(value: float, digits: int = 2) -> str:
    """A number as a product with a power of ten; a dash for one that is not finite."""
    if not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    factor = "" if float(mantissa) == 1 else rf"{mantissa}\cdot "
    return f"${factor}10^{{{int(exponent)}}}$"


def whole(number: int) -> str:
    """A whole number with its thousands set apart."""
    return f"{number:,}"


def counted(number: int, singular: str, plural: str = "") -> str:
    """The number with its noun: "1 claim", "no claims", "3 claims"."""
    noun = singular if number == 1 else plural or singular + "s"
    return f"{whole(number) if number else 'no'} {noun}"


def capital(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def tightness(verdict: Verdict) -> str:
    """right/left; a dash where the ratio says nothing: no point, or a right side that is 0 up to rounding."""
    value = verdict.tightness
    if not verdict.points or not math.isfinite(value) or CLAIMS[verdict.key].right == 0 or value == 0:
        return DASH
    excess = value - 1
    if abs(excess) < 1e-11:
        return "1"
    if abs(excess) < 1e-3:
        return f"$1 {'+' if excess > 0 else '-'} {scientific(abs(excess), 1)[1:]}"
    return f"{value:.4g}" if 1e-3 < abs(value) < 1e4 else scientific(value)


def loose(verdict: Verdict) -> bool:
    """Whether a bound is typically more than ``LOOSE`` times what it bounds, so that holding it says little."""
    return verdict.kind != "equality" and math.isfinite(verdict.tightness) and verdict.tightness > LOOSE


def excluded(verdict: Verdict) -> str:
    """Points counted apart, by reason; empty where there are none."""
    return "; ".join(f"{prose(reason)}: {whole(count)}" for reason, count in verdict.excluded.items())


def outcome(verdict: Verdict) -> str:
    """What a claim met on a network: how many points, the worst residual, what was counted apart."""
    note = excluded(verdict)
    if verdict.status == "not tested":
        return f"not tested ({note or 'no point'})"
    where = f"{counted(verdict.points, 'point')}, worst residual {scientific(verdict.worst)}"
    apart = f" (counted apart: {note})" if note else ""
    if verdict.violations:
        return f"violated at {whole(verdict.violations)} of {where}{apart}"
    return f"holds at {where}{apart}"
