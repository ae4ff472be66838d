"""What roundings do not do: change a whole part of an answer by a factor.

In a narrow type the roundings of one value may be a third of it, and a layer that is wrong by as much hides behind
them. They have signs of their own, though, so that over all values the terms that an answer is a sum of come out as
large as they are:

    z = gamma yhat + beta (and gamma times a shift of yhat, which is 0),    v = G/s - mean(G)/s - a n/s.

How much of each is found too much is fitted by least squares, each value weighted by what a rounding leaves in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from bnverify.empirical.conformance.case import Case, Exact
from bnverify.empirical.conformance.subject import Evaluation, Unsupported

_COMMON, _OWN = 6, 0.5  # roundoffs: what a vector's values share; of independent ones, as their sizes are upper bounds
_MOST = 0.25  # of a term; what is known less well says nothing
_LITTLE = 0.1  # of a scale, by roundings


class Part(NamedTuple):
    """A term of an answer: of which, its name, how much too large it is, as a share of it, and what roundings may
    explain of that."""

    of: str
    term: str
    excess: float
    allowed: float

    @property
    def ratio(self) -> float:
        """Of what is found and what may be; above 1 it is wrong."""
        return abs(self.excess) / self.allowed

    def __str__(self) -> str:
        return f"{self.term} in {self.of}" if self.term else self.of


def calm(exact: Exact, roundoff: float) -> np.ndarray:
    """Where roundings of that size change the scale of a vector little, in the shape of y: elsewhere, as where a
    difference of squares cancels, what is left of it is no small error."""
    steady = exact.roundings.of_scale * roundoff < _LITTLE
    return exact.point.restore(np.broadcast_to(steady, exact.point.y.shape))


def of_answers(found: Evaluation, exact: Exact, roundoff: float) -> Iterator[Part]:
    """Those of z and v that are known to a quarter or better."""
    steady = calm(exact, roundoff)
    gain, shift = (np.broadcast_to(np.asarray(each, float), steady.shape) for each in (exact.gain, exact.shift))
    terms = {"gamma yhat": gain * np.asarray(exact.yhat, float), "beta": shift, "gamma": gain}
    yield from _fitted("z", found.z - exact.z, exact.size, terms, roundoff, steady)
    if found.v is not None:
        point, G = exact.point, exact.gradient
        with np.errstate(all="ignore"):
            inner = {"G/s": G / point.s, "a n/s": -point.n * (G * point.yhat).sum(0) / point.s}
            if point.normaliser.centred:
                inner["mean(G)/s"] = np.broadcast_to(-G.mean(0) / point.s, G.shape)
        smooth = steady & ~point.restore(np.broadcast_to(point.kinks, point.y.shape))
        terms = {name: point.restore(each) for name, each in inner.items()}
        yield from _fitted("v", found.v - exact.v, exact.slope_size, terms, roundoff, smooth)


def of_sums(case: Case, found: Evaluation, exact: Exact, roundoff: float) -> Iterator[Part]:
    """The parameters' gradients, those that are known to a quarter or better, where g is 0 where it is not `calm`. One
    that does not arrive, and does in the case's own type, is 0."""
    usual = {} if isinstance(case.there, Unsupported) else case.there.slopes
    for kind, name, axes in case.reading.affine.parameters:
        slope = found.slopes.get(name)
        if slope is None and usual.get(name) is not None:
            slope = np.zeros_like(usual[name])
        if slope is not None:
            right, size = exact.summed(kind, axes, slope.shape)
            yield from _fitted(f"the gradient of {name}", slope - right, size, {"": right}, roundoff)


def _fitted(
    of: str, residual: np.ndarray, size: np.ndarray, terms: Mapping[str, np.ndarray], roundoff: float,
    where: np.ndarray | bool = True,
) -> Iterator[Part]:  # fmt: skip
    size = np.asarray(np.broadcast_to(size, residual.shape), float).ravel()
    rows = np.stack([np.asarray(each, float).ravel() for each in terms.values()], 1)
    kept = np.broadcast_to(where, residual.shape).ravel() & (size > 0) & np.isfinite(size) & np.isfinite(rows).all(1)
    rows, residual = rows[kept] / size[kept, None], np.asarray(residual, float).ravel()[kept] / size[kept]
    there = np.abs(rows).max(0, initial=0.0) > 0
    if not there.any() or not np.isfinite(residual).all():
        return
    left, values, right = np.linalg.svd(rows[:, there], full_matrices=False)
    with np.errstate(all="ignore"):
        inverse = (right.T / values) @ left.T
        spread = np.sqrt(np.square(inverse).sum(1))
        allowed = roundoff * (_COMMON + _OWN * spread)
        excess = inverse @ residual
    names = [name for name, each in zip(terms, there, strict=True) if each]
    for name, share, most in zip(names, excess, allowed, strict=True):
        if most <= _MOST:
            yield Part(of, name, float(share), float(most))
