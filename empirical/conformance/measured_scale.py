"""The scale of a layer whose vectors are known, from its values: divisor, place and size of epsilon."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, tolerance
from bnverify.empirical.conformance.exact import Scale
from bnverify.empirical.conformance.reading import Reading

# y is made smaller by these where the scale is told from its epsilon.
SMALL = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-14)
# and by these where the type has their squares, so that an epsilon is measured where it dominates
SMALLER = {"float64": (1e-30, 1e-60, 1e-120), "float32": (1e-17,), "bfloat16": (1e-17,), "float16": (1e-3, 2e-4)}


_FEW, _SPREADS = 3, 4  # scales whose median says something; median deviations that it may be from 0 by chance
_MOST = 0.5  # of the scale: an epsilon that is more of it is one in any precision


class MeasuredScale(NamedTuple):
    """The scale as the values show it: the residual relative to s, how much of it rounding explains, how much of
    epsilon, the least epsilon that its precision shows, and the divisors that rounding may explain: in a narrow type
    they are several, of which the nearest is the scale's."""

    scale: Scale
    residual: float
    allowed: float
    of_epsilon: float
    visible: float
    divisors: tuple[str, ...] = ()

    @property
    def understood(self) -> bool:
        """Whether rounding explains what is left."""
        return self.residual <= self.allowed

    @property
    def usual(self) -> bool:
        """Whether it is also a mean."""
        return self.understood and self.scale.divisor == "m"


def measured_scale(reading: Reading, large: float) -> MeasuredScale:
    """Divisor, place and size of epsilon from how the scale changes as y gets small, from where no epsilon matters."""
    ratios, spans = [], []
    sizes = (large, *(SMALL if reading.precision != "float16" else SMALL[:3]))  # smaller ones it has not
    for t in (*sizes, *SMALLER.get(reading.precision, ())):
        point = reading.point(t * reading.y)
        with np.errstate(all="ignore"):
            unit = point.columns(reading.call(t * reading.y).z)
            centred = point.y - point.mu
            s = np.square(centred).sum(0) / (unit * centred).sum(0)
            span = np.asarray(np.abs(point.y).max(0) / point.root, float)
        if t < min(sizes) and not (np.isfinite(s).all() and (s > 0).all()):
            break
        ratios.append((np.asarray(point.root, float), np.asarray(s, float)))
        spans.append(span)
    if not all(np.isfinite(s).all() and (s > 0).all() for _, s in ratios):
        return MeasuredScale(reading.normaliser.scale, float("inf"), 0.0, 0.0, 0.0)
    roots, scales = (np.stack(each) for each in zip(*ratios, strict=True))
    found = []
    base_scale, m = reading.normaliser.scale, reading.m
    most = tolerance(ROUNDOFF[reading.precision], m)
    allowed_each = most * (1 + np.stack(spans)) ** 2
    allowed = float(allowed_each.max())
    for divisor in ("m", "m-1", "1"):
        factor = float(replace(base_scale, divisor=divisor).factor(m))
        root = roots * (np.sqrt(factor) if base_scale.norm == "l2" else factor)
        places = ("inside", "outside", "floor") if base_scale.norm == "l2" else ("outside", "floor")
        for place in places:
            epsilon = _epsilon(root[-1], scales[-1], place, min(10 * allowed, _MOST))
            scale = replace(base_scale, divisor=divisor, place=place, epsilon=epsilon)
            expected = np.asarray(scale.of(root), float)
            off = expected / scales - 1
            plainly = expected <= (1 + most) * root
            plainly[0] = True  # the largest y, whatever epsilon is tried
            fits = bool((np.abs(off) <= allowed_each).all()) and _scattered(off[plainly], most)
            found.append((float(np.abs(off).max()), _as_stated(scale, reading.subject.epsilon), fits))
    plain = [each for each in found if each[0] <= allowed]
    plain = [each for each in plain if each[2]] or plain  # of what the worst vector allows, what each of them does
    divisors = tuple(dict.fromkeys(scale.divisor for _, scale, _ in plain))
    nearest = min(plain or found, key=lambda each: each[0])
    residual, scale, _ = next((each for each in plain if each[1].divisor == nearest[1].divisor), nearest)
    small = float(np.median(scales[-1] ** scale.power))
    share = small / scale.epsilon if scale.epsilon else 1.0
    visible = 10 * allowed * small
    return MeasuredScale(scale, residual, allowed, allowed * max(1.0, share), visible, divisors)


def _scattered(off: np.ndarray, most: float) -> bool:
    """Whether it may be rounding that scales are off, in each vector by another amount, the median of which is no more
    than ``most`` or than they differ by. A wrong divisor puts all of them off alike; of few that is not told."""
    if len(off) < _FEW:
        return True
    median = float(np.median(off))
    return abs(median) <= max(most, _SPREADS * float(np.median(np.abs(off - median))))


def _as_stated(scale: Scale, epsilon: float | None) -> Scale:
    """The least scale as the least of its square, the variance, where what the layer states is nearer to that."""
    if scale.norm != "l2" or scale.place != "floor" or not epsilon or not scale.epsilon:
        return scale
    of_root, of_square = (abs(np.log(scale.epsilon**power / epsilon)) for power in (1, 2))
    return replace(scale, place="clipped", epsilon=scale.epsilon**2) if of_square < of_root else scale


def _epsilon(root: np.ndarray, s: np.ndarray, place: str, least: float) -> float:
    """The epsilon that explains the scale of very small vectors; 0 where it is below ``least`` of that scale."""
    if place == "inside":
        epsilon, size = float(np.median(s**2 - root**2)), float(np.median(s**2))
    else:
        epsilon, size = float(np.median(s - root) if place == "outside" else np.min(s)), float(np.median(s))
    return epsilon if epsilon > least * size else 0.0
