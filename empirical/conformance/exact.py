"""Normalisers written out in extended precision: values, backward pass and second derivative of what is recognised.

yhat = P y / s(y), P the centring or the identity, over vectors of m values; n is the gradient of s. Then

    v = (P G - n a) / s,   a = <G, yhat>,   G the gradient at yhat,

and its derivative along d follows by the quotient rule. Nothing here is differentiated automatically, and nothing is
shared with the layers that are tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

Real = np.longdouble
_KINK = 2.0**-20  # deviations are equal where they differ by less than this share of them


@dataclass(frozen=True)
class Vectors:
    """Which entries of an array are normalised together: all along ``axes``; where ``groups`` is more than one, the
    axis ``grouped`` (one of them) is cut into that many pieces first."""

    axes: tuple[int, ...]
    grouped: int = -1
    groups: int = 1

    def columns(self, y: np.ndarray) -> np.ndarray:
        """The vectors, (m, K), one a column."""
        split, order, m = self._plan(y.shape)
        return y.reshape(split).transpose(order).reshape(m, -1)

    def restore(self, columns: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The inverse of ``columns``, for an array of the given shape."""
        split, order, _ = self._plan(shape)
        return columns.reshape([split[i] for i in order]).transpose(np.argsort(order)).reshape(shape)

    def size(self, shape: tuple[int, ...]) -> int:
        """m, the number of values of a vector."""
        return self._plan(shape)[2]

    def _plan(self, shape: tuple[int, ...]) -> tuple[list[int], list[int], int]:
        split, reduced = list(shape), list(self.axes)
        if self.groups > 1:
            at = self.grouped
            split[at : at + 1] = [self.groups, shape[at] // self.groups]
            reduced = [axis + (axis >= at) for axis in self.axes]
        kept = [axis for axis in range(len(split)) if axis not in reduced]
        return split, reduced + kept, int(np.prod([split[axis] for axis in reduced]))


@dataclass(frozen=True)
class Scale:
    """What is divided by. ``norm``: "l2", "l1" or "linf", of the centred vector or, where ``uncentred``, of y itself.

    ``divisor`` of a sum: "m", "m-1" or "1". ``place`` of epsilon: "inside" the root (l2), "outside", added to the
    root, "floor", the least that the root may be, or "clipped" (l2), the least that its square may be. ``repeated``:
    how often every value that is given stands in the vector, whose m is that much larger; its mean, scale and v at each
    value are those of the few.
    """

    norm: str = "l2"
    uncentred: bool = False
    divisor: str = "m"
    place: str = "inside"
    epsilon: float = 0.0
    repeated: int = 1

    def factor(self, m: int) -> Real:
        """1, m/(m-1) or m: what the mean is multiplied by."""
        m *= self.repeated
        if self.divisor == "m-1":
            return Real(m) / Real(m - 1) if m > 1 else Real(np.nan)
        return Real(m) if self.divisor == "1" else Real(1)

    @property
    def power(self) -> int:
        """The power of the root that epsilon stands beside."""
        return 2 if self.place in ("inside", "clipped") else 1

    @property
    def least(self) -> Real:
        """The scale of a constant vector."""
        epsilon = Real(self.epsilon)
        return np.sqrt(epsilon) if self.power == 2 else epsilon

    @property
    def flat(self) -> bool:
        """Whether it is constant below the least one."""
        return self.place in ("floor", "clipped")

    def of(self, root: np.ndarray) -> np.ndarray:
        """The scale of a vector whose scale without epsilon is ``root``."""
        if self.flat:
            return np.maximum(root, self.least)
        return np.sqrt(np.square(root) + Real(self.epsilon)) if self.place == "inside" else root + Real(self.epsilon)


@dataclass(frozen=True)
class Normaliser:
    """An arrangement, a centring and a scale, as exact functions of arrays."""

    vectors: Vectors
    centred: bool
    scale: Scale

    def at(self, y: np.ndarray) -> "Point":
        """Everything about one array."""
        return Point(self, np.asarray(y, Real))


class Point:
    """A normaliser at an array y: mean, scale and its gradient, yhat, and the derivatives of yhat."""

    def __init__(self, normaliser: Normaliser, y: np.ndarray):
        self.normaliser, self.shape = normaliser, y.shape
        self.y = normaliser.vectors.columns(y)
        self.m = len(self.y)
        self.mu = self.y.mean(0) if normaliser.centred else np.zeros_like(self.y[0])

    def columns(self, array: np.ndarray) -> np.ndarray:
        """Another array's vectors."""
        return self.normaliser.vectors.columns(np.asarray(array, Real))

    def restore(self, columns: np.ndarray) -> np.ndarray:
        """Columns in the shape of y."""
        return self.normaliser.vectors.restore(columns, self.shape)

    def project(self, columns: np.ndarray) -> np.ndarray:
        """P: centred, or as they come."""
        return columns - columns.mean(0) if self.normaliser.centred else columns

    @cached_property
    def measured(self) -> np.ndarray:
        """The vectors whose norm is the scale."""
        return self.y if self.normaliser.scale.uncentred else self.y - self.y.mean(0)

    @cached_property
    def root(self) -> np.ndarray:
        """The scale without epsilon."""
        scale, c = self.normaliser.scale, self.measured
        factor = scale.factor(self.m)
        if scale.norm == "l2":
            return np.sqrt(factor * np.square(c).mean(0))
        return factor * np.abs(c).mean(0) if scale.norm == "l1" else np.abs(c).max(0)

    @cached_property
    def kinks(self) -> np.ndarray:
        """The vectors, as a row, at which the scale has several gradients, all of them right: in l1 a value is its mean
        (or 0), in linf two are the largest."""
        return self._kinks(_KINK)

    def kinks_in(self, roundoff: float) -> np.ndarray:
        """The same as roundings of that size leave it: what they make equal is equal."""
        largest = np.abs(self.measured).max(0)
        with np.errstate(all="ignore"):
            lost = 4 * roundoff * (1 + (np.abs(self.y).max(0) + np.abs(self.mu)) / largest)
        return self._kinks(np.maximum(_KINK, lost))

    def _kinks(self, share: np.ndarray | float) -> np.ndarray:
        scale, c = self.normaliser.scale, np.abs(self.measured)
        largest = c.max(0)
        if scale.norm == "l1":
            kinks = (c <= share * largest).any(0)
        elif scale.norm == "linf" and (self.m > 2 or scale.uncentred):  # of two values, centred, both have the same
            kinks = (c >= (1 - share) * largest).sum(0) > 1
        else:
            kinks = np.zeros(c.shape[1:], bool)
        return kinks & (largest > 0)

    @cached_property
    def s(self) -> np.ndarray:
        """The scale."""
        return self.normaliser.scale.of(self.root)

    @cached_property
    def yhat(self) -> np.ndarray:
        """The normalised vectors."""
        with np.errstate(all="ignore"):
            return (self.y - self.mu) / self.s

    @cached_property
    def rho(self) -> np.ndarray:
        """<n, yhat>, the share of the scale that y has: 1 without an epsilon."""
        with np.errstate(all="ignore"):
            return (self.n * self.yhat).sum(0)

    @cached_property
    def n(self) -> np.ndarray:
        """The gradient of s."""
        scale, c = self.normaliser.scale, self.measured
        with np.errstate(all="ignore"):
            if scale.norm == "l2":
                below = self.s if scale.place == "inside" else self.root
                n = scale.factor(self.m) * c / (self.m * below)
            elif scale.norm == "l1":
                n = self._back(scale.factor(self.m) * np.sign(c) / self.m)
            else:
                largest = np.arange(self.m)[:, None] == np.abs(c).argmax(0)
                n = self._back(np.where(largest, np.sign(c), 0))
        if scale.flat:
            n = np.where(self.root > scale.least, n, 0)
        return n

    def _back(self, columns: np.ndarray) -> np.ndarray:
        return columns if self.normaliser.scale.uncentred else columns - columns.mean(0)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """v of the columns of the gradient at yhat."""
        a = (gradient * self.yhat).sum(0)
        with np.errstate(all="ignore"):
            return (self.project(gradient) - self.n * a) / self.s

    def second(self, gradient: np.ndarray, d: np.ndarray) -> np.ndarray:
        """The derivative of v along the columns d."""
        v, s, n = self.backward(gradient), self.s, self.n
        along = (n * d).sum(0)
        of_yhat = (self.project(d) - self.yhat * along) / s
        change = self._curvature(d) * (gradient * self.yhat).sum(0) + n * (gradient * of_yhat).sum(0)
        return -v * along / s - change / s

    def _curvature(self, d: np.ndarray) -> np.ndarray:
        """The derivative of n along d; zero almost everywhere unless the norm is l2."""
        scale = self.normaliser.scale
        if scale.norm != "l2":
            return np.zeros_like(d)
        factor = scale.factor(self.m)
        below = self.s if scale.place == "inside" else self.root
        inner = factor * (self.measured * d).sum(0) / (self.m * below)
        change = (factor * self._back(d) / self.m - factor * self.measured / self.m * inner / below) / below
        return np.where(self.n == 0, 0, change) if scale.flat else change
