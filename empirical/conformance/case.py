"""One evaluation of a layer with everything it is compared with: what most checks look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bnverify.empirical.conformance.arithmetic import RANGE, ROUNDOFF, relative, rounded, share, source, tolerance
from bnverify.empirical.conformance.exact import Point, Real
from bnverify.empirical.conformance.reading import Reading
from bnverify.empirical.conformance.report import Place
from bnverify.empirical.conformance.roundings import Roundings
from bnverify.empirical.conformance.subject import Evaluation, Unsupported


@dataclass(frozen=True)
class Exact:
    """z, v and the parameters' gradients of the normaliser that was read, in extended precision, and sizes that cannot
    cancel: what a rounding leaves in every entry of z (``size``), of v (``slope_size``), and of a parameter's gradient
    (``summed``), where sums are taken with that ``share`` of the rounding."""

    point: Point
    gain: np.ndarray
    shift: np.ndarray
    g: np.ndarray
    share: float = 1.0

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
    def roundings(self) -> Roundings:
        """Where the variance may be a difference of squares."""
        return Roundings(self.point, self.share)

    @cached_property
    def unit_size(self) -> np.ndarray:
        """What a rounding leaves in yhat."""
        return self.point.restore(self.roundings.yhat)

    @cached_property
    def size(self) -> np.ndarray:
        """What a rounding leaves in z."""
        return self._size(self.unit_size)

    @cached_property
    def least(self) -> np.ndarray:
        """What a rounding leaves in z where the mean is taken first."""
        return self._size(self.point.restore(Roundings(self.point, self.share, squares=False).yhat))

    def _size(self, unit: np.ndarray) -> np.ndarray:
        return np.abs(self.gain) * (unit + np.abs(self.yhat)) + np.abs(self.shift)

    @cached_property
    def column_size(self) -> np.ndarray:
        """What a rounding leaves in v, in columns."""
        return self.roundings.slope(self.gradient)

    @cached_property
    def slope_size(self) -> np.ndarray:
        """What a rounding leaves in v."""
        return self.point.restore(self.column_size)

    @cached_property
    def spread(self) -> np.ndarray:
        """The largest |y| over s, a vector."""
        return np.abs(self.point.y).max(0) / self.point.s

    def summed(self, kind: str, axes: tuple[int, ...] | None, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """The gradient of a parameter ("gain" or "shift") of a shape that acts along axes of y, and what a rounding
        leaves in it; NaN where it does not act as one number an entry."""
        owner, count = self._owner(axes, shape)
        if owner is None:
            return np.full(shape, np.nan), np.ones(shape)
        term = self.g * self.yhat if kind == "gain" else self.g
        total = np.bincount(owner.astype(int).ravel(), np.asarray(term, float).ravel(), count)
        error = getattr(self.roundings, kind)(np.asarray(self.g, float), owner, count)
        return total.reshape(shape), error.reshape(shape)

    def along(
        self, kind: str, axes: tuple[int, ...] | None, shape: tuple[int, ...], slope: np.ndarray, unit: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The gradient of <v, d> with respect to a parameter, D yhat[d] being ``slope``, and what a rounding leaves."""
        if kind == "shift":
            slope, unit = np.zeros_like(slope), np.ones_like(unit)
        return self.totals(axes, shape, slope, unit)

    def totals(
        self, axes: tuple[int, ...] | None, shape: tuple[int, ...], slope: np.ndarray, unit: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The sum of g ``slope`` over the entries of z that each entry of a parameter acts on, and that of |g|
        ``unit``; NaN where it does not act as one number an entry."""
        owner, count = self._owner(axes, shape)
        if owner is None:
            return np.full(shape, np.nan), np.ones(shape)
        terms = (np.asarray(each, float).ravel() for each in (self.g * slope, np.abs(self.g) * unit))
        total, size = (np.bincount(owner.astype(int).ravel(), each, count) for each in terms)
        return total.reshape(shape), size.reshape(shape)

    def _owner(self, axes: tuple[int, ...] | None, shape: tuple[int, ...]) -> tuple[np.ndarray | None, int]:
        """Which entry of a parameter acts on each entry of y, and how many there are; None where none does."""
        count, kept = int(np.prod(shape)), axes or ()
        sizes = [n for n in shape if n > 1]
        if count > 1 and [self.g.shape[axis] for axis in kept] != sizes:
            return None, count
        frame = [1] * self.g.ndim
        for axis, n in zip(kept, sizes if count > 1 else (), strict=False):
            frame[axis] = n
        return np.broadcast_to(np.arange(count, dtype=float).reshape(frame), self.g.shape), count


class Case:
    """A layer read, evaluated at its y with random gamma, beta and g."""

    def __init__(self, reading: Reading):
        self.reading, self.y = reading, reading.y
        self.gain, self.shift = reading.drawn()
        self.g = source(6).standard_normal(self.y.shape)

    def narrowed(self, dtype: str) -> Case:
        """The same in a narrower type: all numbers rounded to it."""
        reading, offset = self.reading, self.reading.affine.offset
        setting = replace(reading.setting, dtype=dtype)
        other = Case(replace(reading, y=rounded(self.y, dtype), setting=setting, precision=dtype))
        other.gain = rounded(self.gain - offset, dtype) + offset if np.isfinite(offset) else self.gain
        other.shift, other.g = rounded(self.shift, dtype), rounded(self.g, dtype)
        return other

    def exact(self, y: np.ndarray, g: np.ndarray, gain=None, shift=None, dtype: str | None = None) -> Exact:
        """What the normaliser gives at y with the gradient g at z; ``dtype``: the type that roundings are of, that of
        the layer's values unless said otherwise."""
        affine, reading = self.reading.affine, self.reading
        gain, shift = self.gain if gain is None else gain, self.shift if shift is None else shift
        point = reading.point(y)
        in_sums = share(ROUNDOFF[dtype]) if dtype else 1.0
        return Exact(
            point, reading.spread(gain, affine.gain_axes if affine.gain else ()).astype(Real),
            reading.spread(shift, affine.shift_axes if affine.shift else ()).astype(Real), np.asarray(g, Real), in_sums,
        )  # fmt: skip

    def place(self, exact: Exact, dtype: str | None = None, gradient: bool = True) -> Place:
        """Where an evaluation is, in the case's own type unless said otherwise."""
        point, g = exact.point, float(np.abs(exact.g).max()) if gradient and not self.no_gradient else None
        y, deviation = (float(np.max(np.abs(each), initial=0.0)) for each in (point.y, point.root))
        return Place(dtype or self.reading.setting.dtype, point.shape[0], point.m, y, deviation, g)

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

    def residuals(self, found: Evaluation, exact: Exact) -> dict[str, float]:
        """Of the values, the gradient at y and those of the parameters, relative to what a rounding leaves in each."""
        out = {"z": relative(found.z - exact.z, exact.size)}
        if found.v is not None:
            kinks = exact.point.restore(np.broadcast_to(exact.point.kinks, exact.point.y.shape))
            off = np.where(kinks & np.isfinite(found.v), 0.0, found.v - exact.v)
            out["v"] = relative(off, exact.slope_size)
        for kind, name, axes in self.reading.affine.parameters:
            slope = found.slopes.get(name)
            if slope is not None:
                expected, size = exact.summed(kind, axes, slope.shape)
                out[f"the gradient of {name}"] = relative(slope - expected, size)
        return out

    @cached_property
    def wrong(self) -> frozenset[str]:
        """Which of these are wrong already at the case's own y, where nothing is unusual."""
        if isinstance(self.there, Unsupported):
            return frozenset()
        seen = self.residuals(self.there, self.here)
        return frozenset(name for name, residual in seen.items() if not residual <= self.forward_tolerance)

    @cached_property
    def wrong_kinds(self) -> frozenset[str]:
        """The same by kind: "z", "v", "gain", "shift"."""
        named = {f"the gradient of {name}": kind for kind, name, _ in self.reading.affine.parameters}
        return frozenset(named.get(each, each) for each in self.wrong)

    def coarse(self, found: np.ndarray, exact: np.ndarray, size: np.ndarray) -> str | None:
        """The coarser type that gradients were rounded to once: they are numbers of that type, and the exact ones of
        float32 arithmetic up to that rounding. None where they are not."""
        excused = tolerance(max(ROUNDOFF["float32"], ROUNDOFF[self.forward_dtype])) * size
        for name, unit in ROUNDOFF.items():
            if unit <= ROUNDOFF[self.forward_dtype] or not np.array_equal(found, rounded(found, name)):
                continue
            if not np.any(found) and np.any(exact):  # nothing arrives, in whatever type
                continue
            least, largest = RANGE[name]
            beyond = np.isinf(found) & (np.abs(exact) >= largest * (1 - unit))
            with np.errstate(invalid="ignore"):
                near = np.abs(found - exact) <= unit * np.abs(exact) + least + excused
            if np.all(near | beyond):
                return name
        return None

    @property
    def overflows(self) -> bool:
        """Whether the layer casts to float16, whose squares end at 256 and whose 1/s^3 at 1/40: what is not finite then
        is violated as anywhere, and told with the cure."""
        return self.forward_dtype == "float16" != self.reading.setting.dtype

    @cached_property
    def coarsest(self) -> str:
        """The type of the values or, where that is coarser, the one that gradients on ordinary numbers are rounded to;
        of float16 none is very large and none very small."""
        there, coarse = self.there, None
        if self.forward_dtype != "float16" and not isinstance(there, Unsupported) and there.v is not None:
            coarse = self.coarse(there.v, self.here.v, self.here.slope_size)
        return coarse or self.forward_dtype

    @property
    def no_gradient(self) -> bool:
        """Whether the layer has no backward pass."""
        return isinstance(self.there, Unsupported) or self.there.v is None

    @property
    def forward_tolerance(self) -> float:
        """Of values."""
        return tolerance(ROUNDOFF[self.forward_dtype])

    @cached_property
    def hidden(self) -> float:
        """How much of a normalised value, as a share, is within the tolerance."""
        exact = self.exact(self.y, self.g, 1.0, 0.0)
        size = float(np.sqrt(np.square(exact.yhat).mean()))
        return self.forward_tolerance * float(np.median(exact.unit_size)) / size if size else 0.0

    @property
    def backward_tolerance(self) -> float:
        """Of gradients: that of values, whatever the backward pass does, which would else set its own tolerance."""
        return self.forward_tolerance


__all__ = ["Case", "Exact", "relative"]
