"""What roundings do not do: change a whole part of an answer by a factor.

In a narrow type the roundings of one value may be a third of it, and a layer that is wrong by as much hides behind
them. They have signs of their own, though, so that over all values the terms that an answer is a sum of come out as
large as they are:

    z = gamma yhat + beta (and gamma times a shift of yhat, which is 0),    v = G/s - mean(G)/s - a n/s.

How much of each is found too much is fitted by least squares, each value weighted by what a rounding leaves in it. What
is too much here and too little there cancels in that, and shows in the root mean square: of all values, of each
sample's and of each channel's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from bnverify.empirical.conformance.case import Case, Exact
from bnverify.empirical.conformance.subject import Evaluation, Unsupported

_COMMON, _OWN = 6, 0.5  # roundoffs: what a vector's values share; of independent ones, as their sizes are upper bounds
_MOST = 0.25  # of a term; what is known less well says nothing
_LITTLE = 0.1  # of a scale, by roundings
_TYPICAL = {"z": 0.75}  # root mean squares, in roundoffs of upper bounds, with _FEW more where they are of few values
_OTHERS, _FEW = 0.4, 4


class Part(NamedTuple):
    """A term of an answer: of which, its name, how much too large it is, as a share of it, and what roundings may
    explain of that."""

    of: str
    term: str
    excess: float
    allowed: float

    @property
    def residual(self) -> float:
        """To be compared with what is allowed."""
        return abs(self.excess)

    def __str__(self) -> str:
        return (
            f"{self.term} in {self.of} is {self.excess:+.1%} off"
            if self.term
            else f"{self.of} is {self.excess:+.1%} off"
        )


class Scatter(NamedTuple):
    """The root mean square of what is off, over what a rounding leaves, in roundoffs."""

    of: str
    residual: float
    allowed: float

    def __str__(self) -> str:
        return f"{self.of} is off by {self.residual:.1f} typical roundings"


def calm(exact: Exact, roundoff: float) -> np.ndarray:
    """Where roundings of that size change the scale of a vector little, in the shape of y: elsewhere, as where a
    difference of squares cancels, what is left of it is no small error."""
    steady = exact.roundings.of_scale * roundoff < _LITTLE
    return exact.point.restore(np.broadcast_to(steady, exact.point.y.shape))


def of_answers(case: Case, found: Evaluation, exact: Exact, roundoff: float) -> Iterator[Part | Scatter]:
    """Those of z and v that are known to a quarter or better."""
    axes = (0, case.reading.channel)
    steady = calm(exact, roundoff)
    gain, shift = (np.broadcast_to(np.asarray(each, float), steady.shape) for each in (exact.gain, exact.shift))
    terms = {"gamma yhat": gain * np.asarray(exact.yhat, float), "beta": shift, "gamma": gain}
    yield from fitted("z", found.z - exact.z, exact.size, terms, roundoff, steady, axes)
    if found.v is not None:
        point, G = exact.point, exact.gradient
        with np.errstate(all="ignore"):
            inner = {"G/s": G / point.s, "a n/s": -point.n * (G * point.yhat).sum(0) / point.s}
            if point.normaliser.centred:
                inner["mean(G)/s"] = np.broadcast_to(-G.mean(0) / point.s, G.shape)
        smooth = steady & ~point.restore(np.broadcast_to(point.kinks_in(roundoff), point.y.shape))
        terms = {name: point.restore(each) for name, each in inner.items()}
        yield from fitted("v", found.v - exact.v, exact.slope_size, terms, roundoff, smooth, axes)


def of_sums(case: Case, found: Evaluation, exact: Exact, roundoff: float) -> Iterator[Part | Scatter]:
    """The parameters' gradients, those that are known to a quarter or better, where g is 0 where it is not `calm`. One
    that does not arrive, and does in the case's own type, is 0."""
    usual = {} if isinstance(case.there, Unsupported) else case.there.slopes
    for kind, name, axes in case.reading.affine.parameters:
        slope = found.slopes.get(name)
        if slope is None and usual.get(name) is not None:
            slope = np.zeros_like(usual[name])
        if slope is not None:
            right, size = exact.summed(kind, axes, slope.shape)
            yield from fitted(f"the gradient of {name}", slope - right, size, {"": right}, roundoff)


def fitted(
    of: str, residual: np.ndarray, size: np.ndarray, terms: Mapping[str, np.ndarray], roundoff: float,
    where: np.ndarray | bool = True, axes: tuple[int, ...] = (),
) -> Iterator[Part | Scatter]:  # fmt: skip
    """What of an answer is off: how much of each of its terms, and the root mean squares, of all values and at every
    place along the axes; ``size`` is what one roundoff leaves, at most."""
    size = np.asarray(np.broadcast_to(size, residual.shape), float)
    columns = np.stack([np.asarray(each, float) for each in terms.values()], -1)
    kept = np.broadcast_to(where, residual.shape) & (size > 0) & np.isfinite(size) & np.isfinite(columns).all(-1)
    off = np.asarray(residual, float)
    if not np.isfinite(off[kept]).all():
        return
    with np.errstate(all="ignore"):
        rows, off = columns[kept] / size[kept][:, None], off / size
    yield from _scattered(of, np.where(kept, off / roundoff, np.nan), axes)
    there = np.abs(rows).max(0, initial=0.0) > 0
    if not there.any():
        return
    left, values, right = np.linalg.svd(rows[:, there], full_matrices=False)
    with np.errstate(all="ignore"):
        inverse = (right.T / values) @ left.T
        allowed = roundoff * (_COMMON + _OWN * np.sqrt(np.square(inverse).sum(1)))
        excess = inverse @ off[kept]
    names = [name for name, each in zip(terms, there, strict=True) if each]
    for name, share, most in zip(names, excess, allowed, strict=True):
        if most <= _MOST:
            yield Part(of, name, float(share), float(most))


def _scattered(of: str, off: np.ndarray, axes: tuple[int, ...]) -> Iterator[Scatter]:
    """Of all values, and of those at every place along each axis; NaN is not looked at."""
    for values in (off, *(slice_ for axis in dict.fromkeys(axes) for slice_ in np.moveaxis(off, axis, 0))):
        looked = values[np.isfinite(values)]
        if looked.size:
            most = _TYPICAL.get(of, _OTHERS) * (1 + _FEW / looked.size**0.5)
            yield Scatter(of, float(np.sqrt(np.square(looked).mean())), most)


def worst(told: Iterable[Part | Scatter]) -> Part | Scatter:
    """The one that is off most, as a share of what may be."""
    return max(told, key=lambda each: each.residual / each.allowed)
