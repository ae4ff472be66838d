"""What roundings leave in a layer's answers, to first order: the running error of the usual ways to compute them.

All errors are in units of the roundoff. A running sum of m terms t has partial sums of sqrt(k) their root mean
square, or of k their mean; roundings of independent signs add up to sqrt(m) sqrt(sum t^2) / sqrt(6), or to sqrt(m)
|sum t| / 3. So ``growth`` is 1 + (sqrt(m) - 1)/2, of which a type has a ``share`` where its sums are taken in a wider
one. Then

    e(mu)   = growth mean|y| + |mu|
    e(s)/s  = 2 + (growth + 4) Q/(2 s^2),    Q the mean square that is taken: of y - mu, or of y as well
    e(yhat) = (|y| + |mu| + e(mu))/s + |yhat| (1 + e(s)/s)
    e(a)    = growth |G Y| + ..., e(v) = (2|G| + e(mean G) + e(n)|a| + |n| e(a))/s + |v| (2 + e(s)/s)

with Y = (|y| + |mu|)/s. Errors of a mean and of a scale are common to a vector: in the gradient of gamma they meet the
sum of g, and of g yhat, over the entries that share both, not the sum of their sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnverify.empirical.conformance.exact import Point


@dataclass(frozen=True)
class Roundings:
    """Errors at one point, columns as `Point` has them; ``squares``: whether the variance may be a difference of mean
    squares, which loses what the mean is larger than the deviation, squared."""

    point: Point
    share: float = 1.0
    squares: bool = True

    @cached_property
    def growth(self) -> float:
        """Of sums over a vector."""
        return float(self._growth(self.point.m))

    def _growth(self, number):
        return 1 + self.share * (np.sqrt(number) - 1) / 2

    @cached_property
    def y(self) -> np.ndarray:
        """|y|."""
        return np.abs(self.point.y).astype(float)

    @cached_property
    def s(self) -> np.ndarray:
        return self.point.s.astype(float)

    @cached_property
    def subtracted(self) -> np.ndarray:
        """|mu| and its error: what is taken from every entry."""
        mu = np.abs(self.point.mu).astype(float)
        return np.where(self.point.normaliser.centred, 2 * mu + self.growth * self.y.mean(0), 0.0)

    @cached_property
    def of_scale(self) -> np.ndarray:
        """e(s)/s."""
        point, scale = self.point, self.point.normaliser.scale
        root, factor = np.asarray(point.root, float), float(scale.factor(point.m))
        if scale.norm == "l2":
            whole = factor * np.square(self.y).mean(0) * 2 if self.squares and not scale.uncentred else 0.0
            return 2 + (self.growth + 4) * (root**2 + whole) / (2 * self.s**2)
        lost = 0.0 if scale.uncentred else self.subtracted
        return 2 + ((self.growth + 2) * root + factor * lost) / self.s

    @cached_property
    def terms(self) -> np.ndarray:
        """Y, the terms that yhat may be a difference of."""
        return (self.y + np.abs(np.asarray(self.point.mu, float))) / self.s

    @cached_property
    def yhat(self) -> np.ndarray:
        """e(yhat)."""
        own = np.abs(np.asarray(self.point.yhat, float))
        return (self.y + self.subtracted) / self.s + own * (1 + self.of_scale)

    def slope(self, gradient: np.ndarray) -> np.ndarray:
        """e(v) of the columns G of the gradient at yhat."""
        point, gradient = self.point, np.asarray(gradient, float)
        yhat, n = (np.asarray(each, float) for each in (point.yhat, point.n))
        v, size = np.asarray(point.backward(gradient), float), np.abs(gradient)
        a, root_m = np.abs((gradient * yhat).sum(0)), point.m**0.5
        length = np.sqrt(np.square(gradient).sum(0))
        along = self.growth * np.sqrt(np.square(gradient * self.terms).sum(0)) + a * (2 + self.of_scale)
        along = along + self.subtracted / self.s * (np.abs(gradient.sum(0)) + self.growth * length)
        same = np.ptp(gradient, axis=0) == 0  # equal terms have equal roundings, which add up as their number
        growth = np.where(same, 1 + self.share * point.m / 4, 1 + self.growth)
        mean = growth * length / root_m if point.normaliser.centred else 0.0
        steep = np.divide(np.abs(n).max(0), np.abs(yhat).max(0), out=np.zeros_like(a), where=np.abs(yhat).max(0) > 0)
        of_n = np.abs(n) * (2 + self.of_scale) + (steep * (self.y + self.subtracted) / self.s)
        return (2 * size + mean + of_n * a + np.abs(n) * along) / self.s + np.abs(v) * (2 + self.of_scale)

    def gain(self, g: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
        """e of the gradient of gamma, for every one of ``count`` entries; ``owner`` is the entry of gamma that acts on
        each value, in the shape of y, as g."""
        point = self.point
        columns, owner = (np.asarray(point.columns(each), float) for each in (g, owner))
        vectors = columns.shape[1]
        cell, used = (owner.astype(int) * vectors + np.arange(vectors)).ravel(), np.arange(count * vectors)
        if len(used) > cell.size:  # most entries meet few vectors
            used, cell = np.unique(cell, return_inverse=True)
        entry, vector = np.divmod(used, vectors)

        def summed(values):
            return np.bincount(cell, values.ravel(), len(used))

        def total(values):
            return np.bincount(entry, values, count)

        yhat = np.asarray(point.yhat, float)
        along = summed(columns * yhat)
        common = (np.abs(summed(columns)) * (self.subtracted / self.s)[vector]) ** 2
        common = common + (np.abs(along) * (1 + self.of_scale)[vector]) ** 2
        own = summed(np.square(columns * self.terms))
        growth = self._growth(np.maximum(total(summed(np.ones_like(columns))), 1))
        return np.sqrt(total(common + own)) + growth * (np.sqrt(total(own)) + np.abs(total(along)))

    def shift(self, g: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
        """e of the gradient of beta."""
        owner = owner.astype(int).ravel()
        sums = [np.bincount(owner, each.ravel(), count) for each in (g, np.square(g), np.ones_like(g))]
        total, square, number = sums
        growth = self._growth(np.maximum(number, 1))
        return growth * (np.sqrt(square) + np.abs(total))
