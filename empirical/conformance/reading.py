"""A layer as it was read: what its parameters do, what it normalises, and how it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bnverify.empirical.conformance.arithmetic import source
from bnverify.empirical.conformance.exact import Normaliser, Point, Scale
from bnverify.empirical.conformance.subject import Evaluation, Setting, Subject


@dataclass(frozen=True)
class Affine:
    """What follows yhat: z = (offset + gain) yhat + shift. ``axes`` are those of y along which a parameter varies, None
    where it does not act as one number an entry; ``offset`` is NaN where the gain is ignored or acts otherwise."""

    gain: str | None = None
    shift: str | None = None
    gain_axes: tuple[int, ...] | None = None
    shift_axes: tuple[int, ...] | None = None
    offset: float = 0.0

    @property
    def parameters(self) -> tuple[tuple[str, str, tuple[int, ...] | None], ...]:
        """Those that the layer has: "gain" or "shift", its name, its axes."""
        both = (("gain", self.gain, self.gain_axes), ("shift", self.shift, self.shift_axes))
        return tuple((kind, name, axes) for kind, name, axes in both if name is not None)


@dataclass(frozen=True)
class Reading:
    """A layer as it was read, with what all checks need: y, parameters, and how to call it."""

    subject: Subject
    y: np.ndarray
    affine: Affine
    normaliser: Normaliser
    name: str
    channel: int
    setting: Setting
    claimed: str | None = None
    precision: str = "float64"
    narrow_statistics: bool = False
    found: Scale | None = None
    found_residual: float = float("nan")
    found_tolerance: float = float("nan")
    epsilon_tolerance: float = float("nan")
    visible: float = 0.0
    divisors: tuple[str, ...] = ()
    others: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def m(self) -> int:
        """Values of a vector."""
        return self.normaliser.vectors.size(self.y.shape)

    def parameters(self, gain: np.ndarray | float = 1.0, shift: np.ndarray | float = 0.0) -> dict[str, np.ndarray]:
        """The layer's parameters where gamma and beta are the given; gamma is what yhat is multiplied by."""
        out = dict(self.others)
        for name, value in ((self.affine.gain, np.asarray(gain) - self._offset), (self.affine.shift, shift)):
            if name is not None:
                out[name] = np.array(np.broadcast_to(value, self.subject.parameters[name].shape), float)
        return out

    @property
    def _offset(self) -> float:
        return self.affine.offset if np.isfinite(self.affine.offset) else 0.0

    def drawn(self, seed: int = 0) -> tuple[np.ndarray | float, np.ndarray | float]:
        """A random gamma of both signs away from zero, and a random beta; 1 and 0 where there is no parameter."""
        random = source(2, seed)
        gain: np.ndarray | float = 1.0
        shift: np.ndarray | float = 0.0
        if self.affine.gain is not None:
            shape = self.subject.parameters[self.affine.gain].shape
            gain = random.uniform(0.5, 1.5, shape) * random.choice([-1.0, 1.0, 1.0], shape)
        if self.affine.shift is not None:
            shift = random.standard_normal(self.subject.parameters[self.affine.shift].shape)
        return gain, shift

    def spread(self, values: np.ndarray | float, axes: tuple[int, ...] | None) -> np.ndarray:
        """Parameter values as an array that broadcasts against y."""
        values = np.asarray(values, float)
        if axes is None and values.size > 1:  # it acts otherwise: nothing is equal to what it should do
            return np.full((1,) * self.y.ndim, np.nan)
        return spread(values, axes or (), self.y.ndim)

    def point(self, y: np.ndarray | None = None) -> Point:
        """The exact normaliser at y."""
        return self.normaliser.at(self.y if y is None else y)

    def call(
        self, y: np.ndarray, gain: np.ndarray | float = 1.0, shift: np.ndarray | float = 0.0,
        g: np.ndarray | None = None, **setting,
    ) -> Evaluation:  # fmt: skip
        """The layer itself, with gamma and beta."""
        return self.subject.evaluate(y, self.parameters(gain, shift), g, replace(self.setting, **setting))


def spread(values: np.ndarray, axes: tuple[int, ...], rank: int) -> np.ndarray:
    """A parameter whose sizes other than one lie along ``axes`` of an array of that rank."""
    shape = [1] * rank
    if values.size == 1:
        return values.reshape(shape)
    for axis, size in zip(axes, [n for n in values.shape if n > 1], strict=True):
        shape[axis] = size
    return values.reshape(shape)


def base(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """y with means, and deviations that differ by sample and by channel."""
    random = source(0, seed)
    y = random.standard_normal(shape)
    for axis in range(len(shape)):
        factors = [1] * len(shape)
        factors[axis] = shape[axis]
        y = y * random.uniform(0.6, 1.6, factors) + 0.4 * random.standard_normal(factors)
    return y
