"""How far a layer is looked at: its numbers in a type, times powers of two, over the exponents that the type has.

A power of two changes no digit, so what a layer must give is known from what it gave before (`Scaled.expected`): v and
the parameters' gradients have the factor of g; z and v that of gamma and beta. Where the scale is so large that epsilon
rounds away ("far"), z has no factor of y, and v that of 1/y; where it is so small that only epsilon is left and beta is
0 ("deep"), z has that of y, and v has none. Squares of y, 1/s^3 and sums of what the layer is given must be numbers of
the type: beyond, right layers overflow, and nothing is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, floor, log2

import numpy as np

from bnverify.empirical.conformance.arithmetic import ROUNDOFF, relative, rounded, tolerance
from bnverify.empirical.conformance.case import Case, Exact
from bnverify.empirical.conformance.exact import Point
from bnverify.empirical.conformance.report import Place
from bnverify.empirical.conformance.subject import Evaluation, Unsupported

EXPONENTS = {"float64": (53, 1023), "float32": (24, 127), "bfloat16": (8, 127)}  # digits, the largest exponent
ALL = frozenset({"z", "v", "gain", "shift"})


@dataclass(frozen=True)
class Scaled:
    """Exponents of two: what y, the gradient g, and gamma with beta are multiplied by."""

    y: int = 0
    g: int = 0
    affine: int = 0

    def expected(self, regime: str, name: str) -> int:
        """The exponent that z, v or the gradient of a parameter ("gain", "shift") must have."""
        deep, far = regime == "deep", regime == "far"
        if name == "z":
            return self.affine + deep * self.y
        return self.affine + self.g - far * self.y if name == "v" else self.g + (deep and name == "gain") * self.y


@dataclass(frozen=True)
class Rung:
    """One call of a ladder: times what, how far each answer is off relative to what a rounding leaves in it, how much
    of that is allowed, and where it is; ``anchor``: held against the normaliser, not against another rung."""

    times: Scaled
    residuals: Mapping[str, float]
    allowed: float
    place: Place
    anchor: bool = False

    @property
    def worst(self) -> str:
        """The answer that is off most."""
        return max(self.residuals, key=lambda name: self.residuals[name])

    @property
    def ratio(self) -> float:
        """How far off that is, relative to what is allowed."""
        return self.residuals[self.worst] / self.allowed


class Typed:
    """A case with its numbers rounded to a type, and the exponents that this type leaves to a layer of its size."""

    def __init__(self, case: Case, dtype: str):
        self.case, self.dtype, reading = case, dtype, case.reading
        coarsest = dtype if ROUNDOFF[dtype] >= ROUNDOFF[case.coarsest] else case.coarsest
        self.digits, self.largest = EXPONENTS[coarsest]
        self.allowed = tolerance(ROUNDOFF[coarsest])
        self.in_sums = dtype if coarsest == dtype != reading.setting.dtype else None
        offset = reading.affine.offset if np.isfinite(reading.affine.offset) else 0.0
        self.y, self.g = rounded(case.y, dtype), rounded(case.g, dtype)
        self.gain, self.shift = rounded(case.gain - offset, dtype) + offset, rounded(case.shift, dtype)
        self.names = ALL if ROUNDOFF[dtype] <= ROUNDOFF["float32"] else ALL - {"gain", "shift"}
        self.names -= case.wrong_kinds

    @cached_property
    def point(self) -> Point:
        """The normaliser at y. Unsupported where a vector has no scale."""
        point = self.case.reading.point(self.y)
        if not (np.asarray(point.root, float) > 0).all():
            raise Unsupported("a vector has no scale: it is one value, or constant")
        return point

    @cached_property
    def roots(self) -> tuple[float, float]:
        """The exponents of the least and of the largest scale."""
        root = np.asarray(self.point.root, float)
        return log2(root.min()), log2(root.max())

    @cached_property
    def room(self) -> int:
        """Exponents that sums take."""
        return 8 + ceil(log2(self.y.size))

    @cached_property
    def of_gradients(self) -> tuple[int, int]:
        """Exponents that g, or gamma and beta, may be multiplied by."""
        sizes = (np.abs(each).max() for each in (self.y, self.g, self.gain, self.shift))
        bits = sum(max(0.0, log2(each)) for each in sizes if each) + 3 * max(0.0, -self.roots[0])
        return self.room - self.largest, self.largest - self.room - ceil(bits)

    @property
    def steep(self) -> int:
        """The exponent that 1/s and s may have where gradients, which have 1/s^3, are numbers of the type."""
        return (self.largest - 12 - self.room) // 3

    @cached_property
    def of_values(self) -> tuple[int, int]:
        """Exponents of y whose squares are exact and add up."""
        m = self.point.m
        top = (self.largest - 4) // 2 - ceil(log2(m)) - ceil(log2(np.abs(self.y).max()))
        return -((self.largest - self.digits - 10) // 2) - floor(self.roots[0]), top

    @cached_property
    def least(self) -> float:
        """The scale of a constant vector, which epsilon is."""
        return float(self.case.reading.normaliser.scale.least)

    @cached_property
    def margin(self) -> int:
        """How many exponents apart a scale and the least one are where one of them rounds away."""
        inside = self.case.reading.normaliser.scale.place == "inside"
        return self.digits // 2 + 4 if inside else self.digits + 5

    @cached_property
    def far(self) -> tuple[int, int, int]:
        """Exponents of y: the first where epsilon rounds away, the last for gradients, the last for values."""
        first = -self.steep - floor(self.roots[0])
        if self.least:
            first = ceil(log2(self.least) - self.roots[0]) + self.margin
        return first, self.steep - ceil(self.roots[1]), self.of_values[1]

    @cached_property
    def deep(self) -> tuple[int, int]:
        """Exponents of y: the last, and the first where only epsilon is left."""
        if not self.least:
            return 0, -1
        return self.room - self.largest + max(0, ceil(log2(self.least))), floor(
            log2(self.least) - self.roots[1]
        ) - self.margin  # fmt: skip

    def call(self, times: Scaled, beta: float = 1.0, columns: np.ndarray | None = None) -> Evaluation:
        """The layer, everything times its power of two; g of each vector by one of ``columns`` besides."""
        g = np.ldexp(self.g, times.g)
        if columns is not None:
            g = np.ldexp(g, self.spread(columns))
        gain, shift = np.ldexp(self.gain, times.affine), np.ldexp(beta * self.shift, times.affine)
        return self.case.reading.call(
            np.ldexp(self.y, times.y), gain, shift, None if self.case.no_gradient else g, dtype=self.dtype
        )

    def spread(self, columns: np.ndarray) -> np.ndarray:
        """A whole number a vector in the shape of y."""
        return self.point.restore(np.broadcast_to(columns, self.point.y.shape))

    def answers(self, found: Evaluation) -> dict[str, np.ndarray]:
        """What is judged of an evaluation: what was right on ordinary data."""
        named: dict[str, np.ndarray | None] = {"z": found.z, "v": found.v}
        for kind, name, _ in self.case.reading.affine.parameters:
            named[kind] = found.slopes.get(name)
        return {kind: array for kind, array in named.items() if array is not None and kind in self.names}

    def exact(self, times: Scaled, beta: float = 1.0, y: np.ndarray | None = None) -> Exact:
        """What the normaliser gives there; ``y`` in place of its own."""
        y, g = np.ldexp(self.y if y is None else y, times.y), np.ldexp(self.g, times.g)
        scale = np.ldexp(1.0, times.affine)
        return self.case.exact(y, g, scale * self.gain, scale * beta * self.shift, self.in_sums)

    def compared(self, times: Scaled, beta: float = 1.0) -> tuple[Rung, dict[str, np.ndarray], dict[str, np.ndarray]]:
        """A call that is held against the normaliser; its answers, and what a rounding leaves in each."""
        found = self.answers(self.call(times, beta))
        residuals, sizes = self.residuals(found, self.exact(times, beta))
        return Rung(times, residuals, self.allowed, self.place(times), True), found, sizes

    def residuals(
        self, found: Mapping[str, np.ndarray], exact: Exact
    ) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Of answers, and what a rounding leaves in each."""
        residuals, sizes = {}, {}
        for name, array in found.items():
            right, sizes[name] = self._right(exact, name, array.shape)
            residuals[name] = relative(array - right, sizes[name])
        return residuals, sizes

    def mixed(self, random: np.random.Generator) -> Rung:
        """Vectors times powers of two of their own, beta being 0, held against the normaliser."""
        vectors, reach = self.point.y.shape[1], self.steep * 3 // 4
        columns = random.permutation(np.linspace(-reach, reach, vectors).round().astype(int))
        y = np.ldexp(self.y, self.spread(columns))
        g = None if self.case.no_gradient else self.g
        found = self.answers(self.case.reading.call(y, self.gain, 0.0 * self.shift, g, dtype=self.dtype))
        residuals, _ = self.residuals(found, self.exact(Scaled(), 0.0, y))
        return Rung(Scaled(), residuals, self.allowed, self.place(Scaled()), True)

    def _right(self, exact: Exact, name: str, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        if name in ("z", "v"):
            return (exact.z, exact.size) if name == "z" else (exact.v, exact.slope_size)
        axes = {kind: own for kind, _, own in self.case.reading.affine.parameters}[name]
        return exact.summed(name, axes, shape)

    def climb(
        self, regime: str, start: Scaled, others: Iterable[Scaled], beta: float = 1.0, names: frozenset[str] = ALL
    ) -> Iterator[Rung]:
        """The first rung against the normaliser, the others against the first."""
        first, anchor, sizes = self.compared(start, beta)
        first = replace(first, residuals={name: each for name, each in first.residuals.items() if name in names})
        yield first
        for times in others:
            found = self.answers(self.call(times, beta))
            residuals = {}
            for name in anchor.keys() & found.keys() & names:
                exponent = times.expected(regime, name) - start.expected(regime, name)
                residuals[name] = self.off(found[name], anchor[name], exponent, sizes[name], start.y)
            place = self.place(times)
            yield Rung(times, residuals, self.allowed, place if "v" in residuals else replace(place, g=None))

    def off(
        self, found: np.ndarray, anchor: np.ndarray, exponent: int | np.ndarray, size: np.ndarray, of_y: int = 0
    ) -> float:
        """How far an answer is from 2^exponent times another, which was given at y times 2^of_y. What is below the
        type's least number a sum may lose, term by term, and 1/s makes that larger."""
        steep = 8 * max(1.0, 1 / max(self.least, 2.0 ** (self.roots[0] + of_y)))
        lost = steep * self.y.size * np.ldexp(1.0, 1 - self.largest - np.asarray(exponent)) / self.allowed
        return relative(np.ldexp(found, -np.asarray(exponent)) - anchor, size + lost)

    def place(self, times: Scaled) -> Place:
        """Where that is."""
        g = None if self.case.no_gradient else float(np.ldexp(np.abs(self.g).max(), times.g))
        sizes = np.abs(self.y).max(), np.asarray(self.point.root, float).max()
        y, deviation = (float(np.ldexp(each, times.y)) for each in sizes)
        return Place(self.dtype, len(self.y), self.point.m, y, deviation, g)
