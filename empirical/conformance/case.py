"""One evaluation of a layer with everything it is compared with: what most checks look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, relative, rounded, source, tolerance
from bnverify.empirical.conformance.exact import Point, Real
from bnverify.empirical.conformance.recognise import Reading
from bnverify.empirical.conformance.subject import Evaluation, Unsupported


@dataclass(frozen=True)
class Exact:
    """z, v and the parameters' gradients of the normaliser that was read, in extended precision, and sizes that cannot
    cancel: ``size`` of every entry of z, ``slope_size`` of every entry of v in a vector, ``sum_size`` of the terms of
    the gradients of gamma and beta."""

    point: Point
    gain: np.ndarray
    shift: np.ndarray
    g: np.ndarray

    @cached_property
    def gradient(self) -> np.ndarray:
        """G, the columns of the gradient at yhat."""
        return self.point.columns(self.g * self.gain)

    @cached_property
    def yhat(self) -> np.ndarray:
        """The normalised values."""
        return self.point.restore(self.point.yhat)

    @cached_property
    def z(self) -> np.ndarray:
        """gamma yhat + beta."""
        return self.yhat * self.gain + self.shift

    @cached_property
    def v(self) -> np.ndarray:
        """The gradient at y."""
        return self.point.restore(self.point.backward(self.gradient))

    @cached_property
    def spread(self) -> np.ndarray:
        """The largest |y| over s, a vector: how much larger than its deviations what is rounded is."""
        return np.abs(self.point.y).max(0) / self.point.s

    @cached_property
    def unit_size(self) -> np.ndarray:
        """Of the terms of yhat, where the variance may be a difference of squares: it loses the spread squared."""
        return self.least_size * (1 + self._everywhere(self.spread))

    @cached_property
    def least_size(self) -> np.ndarray:
        """Of the terms of yhat, where the mean is taken first."""
        return self._everywhere(self.spread + np.abs(self.point.yhat).max(0))

    def _everywhere(self, vectors: np.ndarray) -> np.ndarray:
        return self.point.restore(np.broadcast_to(vectors, self.point.y.shape))

    @cached_property
    def size(self) -> np.ndarray:
        """Of the terms of z."""
        return np.abs(self.gain) * self.unit_size + np.abs(self.shift)

    @cached_property
    def least(self) -> np.ndarray:
        """Of the terms of z, where the mean is taken first."""
        return np.abs(self.gain) * self.least_size + np.abs(self.shift)

    @cached_property
    def column_size(self) -> np.ndarray:
        """Of the terms of v, a vector."""
        gradient, point = np.abs(self.gradient), self.point
        terms = gradient.max(0) + gradient.mean(0) + np.abs(point.n).max(0) * (gradient * np.abs(point.yhat)).sum(0)
        return terms / point.s * np.square(1 + self.spread)

    @cached_property
    def slope_size(self) -> np.ndarray:
        """Of the terms of v, for every entry."""
        return self.point.restore(np.broadcast_to(self.column_size, self.point.y.shape))


class Case:
    """A layer read, evaluated at its y with random gamma, beta and g."""

    def __init__(self, reading: Reading):
        self.reading, self.y = reading, reading.y
        self.gain, self.shift = reading.drawn()
        self.g = source(6).standard_normal(self.y.shape)

    def exact(self, y: np.ndarray, g: np.ndarray, gain=None, shift=None) -> Exact:
        """What the normaliser gives at y with the gradient g at z."""
        affine, reading = self.reading.affine, self.reading
        gain, shift = self.gain if gain is None else gain, self.shift if shift is None else shift
        return Exact(
            reading.point(y), reading.spread(gain, affine.gain_axes if affine.gain else ()).astype(Real),
            reading.spread(shift, affine.shift_axes if affine.shift else ()).astype(Real), np.asarray(g, Real),
        )  # fmt: skip

    @cached_property
    def here(self) -> Exact:
        """At the case's own y, gamma, beta and g."""
        return self.exact(self.y, self.g)

    @cached_property
    def there(self) -> Evaluation | Unsupported:
        """What the layer gives, with gradients; the reason where it has none."""
        try:
            return self.reading.call(self.y, self.gain, self.shift, self.g)
        except Unsupported as error:
            return error

    @property
    def forward_dtype(self) -> str:
        """The precision that the layer's values have."""
        return self.reading.precision

    def coarse(self, found: np.ndarray, exact: np.ndarray, size: np.ndarray) -> str | None:
        """The coarser type that gradients were rounded to once: they are numbers of that type, and the exact ones of
        float32 arithmetic up to that rounding. None where they are not."""
        excused = tolerance(max(ROUNDOFF["float32"], ROUNDOFF[self.forward_dtype]), self.reading.m) * size
        for name, unit in ROUNDOFF.items():
            if unit <= ROUNDOFF[self.forward_dtype] or not np.array_equal(found, rounded(found, name)):
                continue
            if np.all(np.abs(found - exact) <= unit * np.abs(exact) + excused):
                return name
        return None

    @property
    def forward_tolerance(self) -> float:
        """Of values."""
        return tolerance(ROUNDOFF[self.forward_dtype], self.reading.m)

    @property
    def backward_tolerance(self) -> float:
        """Of gradients: that of values, whatever the backward pass does, which would else set its own tolerance."""
        return self.forward_tolerance

    def summed(self, terms: np.ndarray, axes: tuple[int, ...] | None, shape: tuple[int, ...]) -> np.ndarray:
        """The sum of an array over all axes but a parameter's, in the parameter's shape."""
        kept = axes or ()
        out = np.asarray(terms).sum(tuple(axis for axis in range(terms.ndim) if axis not in kept))
        return np.broadcast_to(out.reshape(shape) if out.size == int(np.prod(shape)) else np.nan, shape)


__all__ = ["Case", "Exact", "relative"]
