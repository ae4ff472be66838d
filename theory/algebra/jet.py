r"""Exact derivatives of arithmetic: truncated Taylor series c0 + c1 t + c2 t^2/2 over exact numbers.

The route by which examples are computed; it knows nothing of the inner-product algebra, so that a formula derived
there and a number computed here can only agree if both are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt, sqrt
from typing import Any

import sympy as sp

Number = Any  # Fraction, float, or an algebraic number of SymPy


class NotRational(ValueError):
    """The square root of a number that is not the square of a rational."""


def root(x: Number) -> Number:
    """The square root: exact for Fractions, NotRational where there is none; SymPy's for its numbers; else a float."""
    if isinstance(x, float):
        return sqrt(x)
    if isinstance(x, sp.Expr):
        return sp.sqrt(x)
    if isinstance(x, Jet):
        c0 = root(x.c0)
        c1 = x.c1 / (2 * c0)
        return Jet(c0, c1, (x.c2 - 2 * c1 * c1) / (2 * c0))
    x = Fraction(x)
    if x >= 0:
        found = Fraction(isqrt(x.numerator), isqrt(x.denominator))
        if found * found == x:
            return found
    raise NotRational(f"got {x}; expected the square of a rational; choose the example so that s is rational")


@dataclass(frozen=True)
class Jet:
    """A function of t at t = 0: value, first and second derivative."""

    c0: Number
    c1: Number = 0
    c2: Number = 0

    def __add__(self, other: Any) -> Jet:
        o = _jet(other)
        return Jet(self.c0 + o.c0, self.c1 + o.c1, self.c2 + o.c2)

    def __mul__(self, other: Any) -> Jet:
        o = _jet(other)
        return Jet(
            self.c0 * o.c0, self.c1 * o.c0 + self.c0 * o.c1, self.c2 * o.c0 + 2 * self.c1 * o.c1 + self.c0 * o.c2
        )

    def reciprocal(self) -> Jet:
        inverse = 1 / self.c0
        slope = -self.c1 * inverse * inverse
        return Jet(inverse, slope, -self.c2 * inverse * inverse - 2 * self.c1 * inverse * slope)

    def __truediv__(self, other: Any) -> Jet:
        return self * _jet(other).reciprocal()

    def __rtruediv__(self, other: Any) -> Jet:
        return _jet(other) * self.reciprocal()

    def __neg__(self) -> Jet:
        return self * -1

    def __sub__(self, other: Any) -> Jet:
        return self + _jet(other) * -1

    def __rsub__(self, other: Any) -> Jet:
        return _jet(other) + self * -1

    def __pow__(self, exponent: int) -> Jet:
        if exponent < 0:
            return self.reciprocal() ** -exponent
        out = Jet(self.c0 * 0 + 1)
        for _ in range(exponent):
            out = out * self
        return out

    def __abs__(self) -> Jet:
        """The absolute value, where it has a derivative."""
        if self.c0 == 0:
            raise NotSmooth("got |0|; expected a point where the function is differentiable; move the example")
        return self if self.c0 > 0 else -self

    __radd__, __rmul__ = __add__, __mul__


class NotSmooth(ValueError):
    """A kink: the function has no derivative there."""


def _jet(x: Any) -> Jet:
    return x if isinstance(x, Jet) else Jet(x)


def largest(values: Sequence[Any]) -> Any:
    """The largest of some numbers or jets, where it has a derivative: NotSmooth where two share the value."""
    found = max(values, key=_value)
    if any(_value(other) == _value(found) and other != found for other in values):
        raise NotSmooth("got a tie; expected a single largest value; move the example")
    return found


def _value(x: Any) -> Number:
    return x.c0 if isinstance(x, Jet) else x
