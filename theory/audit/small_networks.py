r"""Counterexamples larger than one vector, in exact arithmetic: a least-squares layer, a norm followed by a norm, ...

Each offers ``numbers(relation)`` for the symbols it knows, as `bnverify.theory.proof.example.Example` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from bnverify.theory.algebra.vectors import Vector
from bnverify.theory.proof.example import Example, dot, exact, matrix_text
from bnverify.theory.proof.quantities import (
    HHAT,
    LATEX_NAMES,
    QUANTITIES,
    W0,
    WSTAR,
    Z_REPARAMETRISED,
    G,
    H,
    V,
    W,
    Z,
    a,
    design_norm2,
    distance2,
    frozen_normalised,
    frozen_plain,
    gamma,
    m,
    s,
)  # fmt: skip

Row = tuple[Fraction, ...]

PLAIN_WEIGHT_GRADIENT = Vector.atom("grad_W_plain", latex=r"\nabla_{W}L")
NORMALISED_WEIGHT_GRADIENT = Vector.atom("grad_W_normalised", latex=r"\nabla_{W}\hat L")
# XX'g and XX'v: the output of the layer moved by a step along the gradient of its weights.
MOVED_G, MOVED_V = Vector.atom("XXg", latex=r"(XX^{\top}g)"), Vector.atom("XXv", latex=r"(XX^{\top}v)")
largest_plain = sp.Symbol("largest_plain", real=True)
LATEX_NAMES[largest_plain] = r"\max_{\lVert X\rVert\le\lambda}(XX^{\top}g)^{\top} H\,(XX^{\top}g)"


@dataclass(frozen=True)
class LeastSquares:
    """The layer y = X W, without bias, with loss |y - t|^2/2, at its minimum; normalised with gamma = s, beta = mu."""

    X: tuple[Row, ...]
    t: Row

    @property
    def minimum(self) -> sp.Matrix:
        X, t = sp.Matrix([[exact(e) for e in row] for row in self.X]), sp.Matrix([exact(e) for e in self.t])
        return (X.T * X).LUsolve(X.T * t)

    def numbers(self, relation: sp.Basic) -> dict[sp.Basic, Any]:
        """Squared gradients with respect to the weights, plain and through the norm with gamma = s and beta = mu."""
        X, t = sp.Matrix([[exact(e) for e in row] for row in self.X]), sp.Matrix([exact(e) for e in self.t])
        y = X * self.minimum
        size, g = len(y), y - t
        centred = y - sp.ones(size, 1) * (sum(y) / size)
        if centred.dot(centred) == 0:
            raise ZeroDivisionError("constant output")
        v = g - sp.ones(size, 1) * (sum(g) / size) - centred * (g.dot(centred) / centred.dot(centred))
        return {
            PLAIN_WEIGHT_GRADIENT.squared: (X.T * g).dot(X.T * g),
            NORMALISED_WEIGHT_GRADIENT.squared: (X.T * v).dot(X.T * v),
        }

    def __str__(self) -> str:
        rows = ", ".join("(" + ", ".join(map(str, row)) + ")" for row in self.X)
        return f"X = [{rows}], t = ({', '.join(map(str, self.t))}), W* = ({', '.join(map(str, self.minimum))})"


def least_squares() -> Iterator[LeastSquares]:
    """Layers of three samples and two features with entries 0, 1, 2, the fewest first, and targets -1, 0, 1."""
    for entries in product((Fraction(0), Fraction(1), Fraction(2)), repeat=4):
        X = ((Fraction(1), Fraction(0)), entries[:2], entries[2:])
        gram = sp.Matrix(X).T * sp.Matrix(X)
        if gram.det() == 0:
            continue
        for t in product((Fraction(0), Fraction(1), Fraction(-1)), repeat=3):
            yield LeastSquares(X, t)


@dataclass(frozen=True)
class Mixed:
    """Two normalised channels, a layer with two weights on top of them, batch norm, and the linear loss <c, .>.

    Its alignment is that of the first channel, or of the second where it is the smaller of the two.
    """

    first: Row
    second: Row
    weights: tuple[Fraction, Fraction]
    c: Row

    def alignments(self) -> tuple[Any, Any]:
        channels = [Example(row, row).yhat for row in (self.first, self.second)]
        mixed = tuple(
            sum(w * e for w, e in zip(self.weights, pair, strict=True)) for pair in zip(*channels, strict=True)
        )
        g = Example(mixed, self.c).v
        return tuple(w * dot(g, yhat) for w, yhat in zip(self.weights, channels, strict=True))

    def numbers(self, relation: sp.Basic) -> dict[sp.Basic, Any]:
        return {a: min(self.alignments())}

    def __str__(self) -> str:
        rows = [", ".join(map(str, row)) for row in (self.first, self.second, self.c)]
        both = ", ".join(map(str, self.alignments()))
        return (f"y_1 = ({rows[0]}), y_2 = ({rows[1]}), weights {', '.join(map(str, self.weights))}, c = ({rows[2]}), "
                f"with alignments {both}")  # fmt: skip


def mixed() -> Iterator[Mixed]:
    """Two channels of signs, weights 3 and 4 (so that all deviations are rational), unit vectors as losses."""
    signs = tuple(map(Fraction, (1, 1, -1, -1))), tuple(map(Fraction, (1, -1, 1, -1)))
    for place in reversed(range(4)):
        c = tuple(Fraction(int(i == place)) for i in range(4))
        yield Mixed(*signs, (Fraction(3), Fraction(4)), c)


def followed_by_norm(example: Example) -> Example:
    """The example with its loss replaced by <g, yhat(z)>: another batch norm follows, and a linear loss after it."""
    z = tuple(example.gamma * e + example.beta for e in example.yhat)
    after = Example(z, example.g)
    n = example.size
    hessian = tuple(tuple(after.second(after.units[i], after.units[k]) for k in range(n)) for i in range(n))
    return replace(example, g=tuple(after.v), H=hessian)


@dataclass(frozen=True)
class Ray:
    """An initial filter and a trained one."""

    W0: Row
    Wstar: Row

    def numbers(self, relation: sp.Basic) -> dict[sp.Basic, Any]:
        inner, norm2 = dot(self.W0, self.Wstar), dot(self.Wstar, self.Wstar)
        nearest = max(inner / norm2, Fraction(0))  # the infimum over k > 0 of a parabola in k
        gap = [p - nearest * q for p, q in zip(self.W0, self.Wstar, strict=True)]
        return {W0 @ W0: dot(self.W0, self.W0), W0 @ WSTAR: inner, WSTAR @ WSTAR: norm2, distance2: dot(gap, gap)}

    def __str__(self) -> str:
        return f"W0 = ({', '.join(map(str, self.W0))}), W* = ({', '.join(map(str, self.Wstar))})"


def rays() -> Iterator[Ray]:
    """Initial and trained weights of one or two entries in -1, 0, 1, the trained ones not zero."""
    for size in (1, 2):
        for entries in product((Fraction(-1), Fraction(0), Fraction(1)), repeat=2 * size):
            if any(entries[size:]):
                yield Ray(entries[:size], entries[size:])


@dataclass(frozen=True)
class Inputs:
    """An example whose layer has design matrices X of spectral norm at most lambda; ``X`` is one of them."""

    example: Example
    norm: Fraction
    X: tuple[Row, ...]

    def _moved(self, vector) -> list[Fraction]:
        pulled = [dot(column, vector) for column in zip(*self.X, strict=True)]
        return [dot(row, pulled) for row in self.X]

    def numbers(self, relation: sp.Basic) -> dict[sp.Basic, Any]:
        e = self.example
        square = self.norm**2
        moved_g, moved_v = self._moved(e.g), self._moved(e.v)
        numbers = {
            frozen_plain: square * dot(e.g, e.g), frozen_normalised: square * dot(e.v, e.v), design_norm2: square,
            MOVED_G @ H(MOVED_G): e._form(moved_g, moved_g), MOVED_V @ H(MOVED_V): e._form(moved_v, moved_v),
            MOVED_V @ HHAT(MOVED_V): e.second(moved_v, moved_v), V @ H(V): e.number("v_H_v"),
            G @ H(G): e.number("g_H_g"), m: e.size, s: e.s, gamma: e.gamma, a: e.number("a"), V @ V: dot(e.v, e.v),
            QUANTITIES["one_g"].symbol: e.number("one_g"), G @ G: dot(e.g, e.g),
            QUANTITIES["rho"].symbol: e.number("rho"),
        }  # fmt: skip
        if e.H is None:
            numbers[largest_plain] = Fraction(0)  # the largest of 0
        return numbers

    def __str__(self) -> str:
        return f"{self.example}, X = {matrix_text(self.X)}, lambda = {self.norm}"


def inputs(examples: Iterator[Example], *, projectors: bool = True) -> Iterator[Inputs]:
    """X = 0 and the projectors on one sample: all of norm at most 1."""
    for example in examples:
        for row in range(-1, example.size if projectors else 0):
            X = tuple(tuple(Fraction(int(i == k == row)) for k in range(example.size)) for i in range(example.size))
            yield Inputs(example, Fraction(1), X)


@dataclass(frozen=True)
class LinearLayer:
    """The layer y = X W of one feature, its batch norm, and the linear layer with weights gamma W/sqrt(W'SW)."""

    X: Row
    w: Row

    def numbers(self, relation: sp.Basic) -> dict[sp.Basic, Any]:
        example = Example(self.X, self.X)
        return {W @ Z: dot(self.w, example.yhat), W @ Z_REPARAMETRISED: dot(self.w, self.X) / example.s}

    def __str__(self) -> str:
        return f"X = ({', '.join(map(str, self.X))})', W = 1, gamma = 1, beta = 0, w = ({', '.join(map(str, self.w))})"


def linear_layers() -> Iterator[LinearLayer]:
    """Layers over the inputs of `iter_values` with the first unit vector as gradient."""
    for example in iter_values():
        yield LinearLayer(example, tuple(Fraction(int(i == 0)) for i in range(len(example))))


def iter_values() -> Iterator[Row]:
    """Two or three values in 0, 1, 2, not all the same."""
    for size in (2, 3):
        for entries in product((Fraction(0), Fraction(1), Fraction(2)), repeat=size):
            if len(set(entries)) > 1:
                yield entries
