r"""A formula at numbers, exactly: every operation on Fractions, roots as algebraic numbers where they are not rational.

A point at which any part of a formula is undefined (a root of a negative number, a division by zero, the logarithm of
what is not positive) has no value at all: `Undefined`. Such a point is never a counterexample. Gradients come from dual
numbers through the definition, so no derived formula enters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from math import isqrt
from typing import Any

import sympy as sp

from bnverify.theory.audit.language import Node, Relation

Values = Mapping[str, Any]  # a Fraction for a scalar, a tuple of Fractions for a vector
EXACT, RATIONAL, ROUGH, SYMBOLS = "exact", "rational", "rough", "symbols"
_TINY = 1e-9


class Undefined(ArithmeticError):
    """A part of the formula has no value at the point."""


class NotRational(ArithmeticError):
    """A value is not a rational number, and only rational ones were asked for."""


class Unclear(ArithmeticError):
    """The sign of a number could not be decided."""


@dataclass(frozen=True)
class Dual:
    """value + slope * d, d of the given tag with d^2 = 0. The newest tag is outermost."""

    tag: int
    value: Any
    slope: Any


_TAGS = count()


def evaluate(node: Node, values: Values, size: int, mode: str = EXACT) -> Any:
    """The value of a node: a number, or a tuple of them for a vector."""
    return _Evaluation(values, size, mode).of(node)


def holds(relation: Relation, values: Values, size: int, mode: str = EXACT) -> bool:
    """Whether the relation holds at the values; Undefined where it has no meaning."""
    evaluation = _Evaluation(values, size, mode)
    left, right = evaluation.of(relation.left), evaluation.of(relation.right)
    if relation.vector:
        same = all(_sign(p - q, mode) == 0 for p, q in zip(left, right, strict=True))
        return same if relation.op == "==" else not same
    return _COMPARE[relation.op](_sign(left - right, mode))


def statement(relation: Relation, facts: Mapping[str, Mapping[str, bool]], size: int) -> list[sp.Basic]:
    """The relation in components y_1, ..., y_m as relations of SymPy, one an entry."""
    values = {
        name: sp.Symbol(name, real=True, **facts[name]) if name in facts
        else tuple(sp.Symbol(f"{name}_{i}", real=True) for i in range(1, size + 1))
        for name in relation.names()
    }  # fmt: skip
    left, right = (evaluate(side, values, size, SYMBOLS) for side in (relation.left, relation.right))
    pairs = zip(left, right, strict=True) if relation.vector else [(left, right)]
    return [_RELATIONS[relation.op](sp.sympify(p), sp.sympify(q), evaluate=False) for p, q in pairs]


_RELATIONS = {"==": sp.Eq, "!=": sp.Ne, "<=": sp.Le, ">=": sp.Ge, "<": sp.Lt, ">": sp.Gt}
_COMPARE = {
    "==": lambda s: s == 0, "!=": lambda s: s != 0, "<=": lambda s: s <= 0, ">=": lambda s: s >= 0,
    "<": lambda s: s < 0, ">": lambda s: s > 0,
}  # fmt: skip


def _sign(number: Any, mode: str) -> int:
    if mode == SYMBOLS:  # the general position
        return 1
    number = number.value if isinstance(number, Dual) else number
    if isinstance(number, (Fraction, int)):
        return (number > 0) - (number < 0)
    if isinstance(number, float):
        if mode == ROUGH:
            return 0 if abs(number) < _TINY else (1 if number > 0 else -1)
        return (number > 0) - (number < 0)
    return _sign_of_algebraic(sp.sympify(number))


def _sign_of_algebraic(number: sp.Expr) -> int:
    if number.is_Rational:
        return int(sp.sign(number))
    rough = number.evalf(30, maxn=200)
    if rough.is_real and abs(rough) > sp.Float("1e-12"):
        return 1 if rough > 0 else -1
    number = sp.simplify(sp.radsimp(number))
    if number == 0:
        return 0
    rough = number.evalf(60, maxn=400)
    if rough.is_real and abs(rough) > sp.Float("1e-30"):
        return 1 if rough > 0 else -1
    raise Unclear(f"the sign of {number}")


class _Evaluation:
    """One pass over a formula; parts that occur twice are computed once."""

    def __init__(self, values: Values, size: int, mode: str):
        self.values, self.size, self.mode = dict(values), size, mode
        self.memo: dict[int, Any] = {}

    def of(self, node: Node) -> Any:
        key = id(node)
        if key not in self.memo:
            self.memo[key] = getattr(self, f"_{node.op}")(node)
        return self.memo[key]

    def _number(self, node: Node) -> Any:
        value = Fraction(node.value or 0)
        return float(value) if self.mode == ROUGH else value

    def _symbol(self, node: Node) -> Any:
        return self.values[str(node.value)]

    _vector = _symbol

    def _one(self, node: Node) -> Any:
        return (1.0 if self.mode == ROUGH else Fraction(1),) * self.size

    def _size(self, node: Node) -> Any:
        return float(self.size) if self.mode == ROUGH else Fraction(self.size)

    def _add(self, node: Node) -> Any:
        left, right = map(self.of, node.args)
        return tuple(plus(p, q) for p, q in zip(left, right, strict=True)) if node.vector else plus(left, right)

    def _multiply(self, node: Node) -> Any:
        return times(*map(self.of, node.args))

    def _scale(self, node: Node) -> Any:
        factor, vector = map(self.of, node.args)
        return tuple(times(factor, entry) for entry in vector)

    def _entrywise(self, node: Node) -> Any:
        return tuple(times(p, q) for p, q in zip(*map(self.of, node.args), strict=True))

    def _divide(self, node: Node) -> Any:
        left, right = map(self.of, node.args)
        return times(left, self._inverse(right))

    def _inverse(self, x: Any) -> Any:
        if isinstance(x, Dual):
            inverse = self._inverse(x.value)
            return Dual(x.tag, inverse, times(times(Fraction(-1), x.slope), times(inverse, inverse)))
        if _sign(x, self.mode) == 0:
            raise Undefined("a division by zero")
        return 1 / x

    def _power(self, node: Node) -> Any:
        return self.power(self.of(node.args[0]), Fraction(node.value or 0))

    def power(self, base: Any, exponent: Fraction) -> Any:
        if exponent == 0:
            return Fraction(1)
        if isinstance(base, Dual):
            slope = times(exponent, times(self.power(base.value, exponent - 1), base.slope))
            return Dual(base.tag, self.power(base.value, exponent), slope)
        sign = _sign(base, self.mode)
        if (sign < 0 and exponent.denominator == 2) or (sign == 0 and exponent < 0):
            raise Undefined(f"the power {exponent} of {base}")
        if exponent.denominator == 1:
            return base ** int(exponent)
        return self._root(base if sign else base * 0) ** int(2 * exponent)

    def _root(self, x: Any) -> Any:
        if isinstance(x, float):
            return math.sqrt(x)
        if isinstance(x, (Fraction, int)):
            x = Fraction(x)
            found = Fraction(isqrt(x.numerator), isqrt(x.denominator))
            if found * found == x:
                return found
            if self.mode == RATIONAL:
                raise NotRational(f"the root of {x}")
            return sp.sqrt(sp.Rational(x.numerator, x.denominator))
        return sp.sqrt(x)

    def _dot(self, node: Node) -> Any:
        left, right = map(self.of, node.args)
        total: Any = times(left[0], right[0])
        for p, q in zip(left[1:], right[1:], strict=True):
            total = plus(total, times(p, q))
        return total

    def _entry(self, node: Node) -> Any:
        vector, place = self.of(node.args[0]), int(node.value or 1)
        if place > len(vector):
            raise Undefined(f"entry {place} of {len(vector)}")
        return vector[place - 1]

    def _abs(self, node: Node) -> Any:
        x = self.of(node.args[0])
        if self.mode == SYMBOLS:
            return sp.Abs(x)
        sign = _sign(x, self.mode)
        if sign == 0 and isinstance(x, Dual):
            raise Undefined("the derivative of |0|")
        return x if sign >= 0 else times(Fraction(-1), x)

    def _max(self, node: Node) -> Any:
        left, right = map(self.of, node.args)
        if self.mode == SYMBOLS:
            return (sp.Max if node.op == "max" else sp.Min)(left, right)
        sign = _sign(plus(left, times(Fraction(-1), right)), self.mode)
        if sign == 0 and (isinstance(left, Dual) or isinstance(right, Dual)):
            raise Undefined("the derivative of the larger of two equal numbers")
        return left if (sign >= 0) == (node.op == "max") else right

    _min = _max

    def _exp(self, node: Node) -> Any:
        return self._transcendental(self.of(node.args[0]), "exp")

    def _log(self, node: Node) -> Any:
        x = self.of(node.args[0])
        if _sign(x, self.mode) <= 0:
            raise Undefined("the logarithm of what is not positive")
        return self._transcendental(x, "log")

    def _transcendental(self, x: Any, name: str) -> Any:
        if isinstance(x, Dual):
            inner = self._transcendental(x.value, name)
            return Dual(x.tag, inner, times(x.slope, inner if name == "exp" else self._inverse(x.value)))
        neutral = 0 if name == "exp" else 1
        if not isinstance(x, float) and x == neutral:
            return Fraction(1 - neutral)
        if self.mode == RATIONAL:
            raise NotRational(f"{name}({x})")
        if isinstance(x, float):
            if name == "exp" and x > 700:
                raise Undefined("a number too large to compare")
            return getattr(math, name)(x)
        return getattr(sp, name)(sp.sympify(x))

    def _grad(self, node: Node) -> Any:
        function, at = node.args
        name, tag = str(at.value), next(_TAGS)
        point = self.values[name]
        zero, one = (0.0, 1.0) if self.mode == ROUGH else (Fraction(0), Fraction(1))
        slopes = []
        for place in range(len(point)):
            moved = tuple(Dual(tag, entry, one if i == place else zero) for i, entry in enumerate(point))
            value = _Evaluation({**self.values, name: moved}, self.size, self.mode).of(function)
            slopes.append(value.slope if isinstance(value, Dual) and value.tag == tag else zero)
        return tuple(slopes)


def plus(p: Any, q: Any) -> Any:
    """The sum of two numbers, dual or not."""
    if isinstance(p, Dual) or isinstance(q, Dual):
        tag = max(x.tag for x in (p, q) if isinstance(x, Dual))
        (a, da), (b, db) = _split(p, tag), _split(q, tag)
        return Dual(tag, plus(a, b), da if db is None else db if da is None else plus(da, db))
    return p + q


def times(p: Any, q: Any) -> Any:
    """The product of two numbers, dual or not."""
    if isinstance(p, Dual) or isinstance(q, Dual):
        tag = max(x.tag for x in (p, q) if isinstance(x, Dual))
        (a, da), (b, db) = _split(p, tag), _split(q, tag)
        parts = [times(slope, other) for slope, other in ((da, b), (db, a)) if slope is not None]
        return Dual(tag, times(a, b), parts[0] if len(parts) == 1 else plus(*parts))
    if isinstance(p, float) or isinstance(q, float):
        return float(p) * float(q)
    return p * q


def _split(x: Any, tag: int) -> tuple[Any, Any]:
    return (x.value, x.slope) if isinstance(x, Dual) and x.tag == tag else (x, None)
