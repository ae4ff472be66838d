"""Why a factor of a certificate cannot be negative: a reason a reader can follow and a program can check again.

A factor is taken apart until every part is non-negative for one elementary reason; each reason carries what shows it
(the root of a square, the vector of a squared norm, the hypothesis, ...).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from bnverify.theory.algebra.channel_sum import ChannelSum
from bnverify.theory.algebra.vectors import Atom, Image, Inner, PairSum, Vector, is_zero
from bnverify.theory.proof.claim import Factor, Gram, Hypothesis
from bnverify.theory.proof.quantities import rho

SQUARE = "square"
SQUARED_NORM = "squared norm"
POSITIVE_NUMBER = "positive number"
DECLARED_SIGN = "declared sign"
UNIT_INTERVAL = "affine in a number between 0 and 1"
COUNT = "polynomial in a positive integer minus 1, no coefficient negative"
SEMIDEFINITE = "form of a positive semidefinite operator"
ENTRYWISE = "inner product of vectors without negative entries"
PAIRS = "sum over pairs of entries, none negative"
HYPOTHESIS = "hypothesis"
CHANNELS = "sum over channels"
POWER = "power"
SUM = "sum"
GRAM = "Gram determinant"


@dataclass(frozen=True)
class Reason:
    """``value`` is not negative, because; ``of`` is what shows it: a root, a vector, names, further reasons.

    A power has its exponent as well. A negative one says non-negative wherever the value is defined.
    """

    value: sp.Expr
    because: str
    of: Any = None
    exponent: sp.Rational | None = None

    def words(self, write: Callable[[Any], str] = str, norm: Callable[[Any], str] = "|{!r}|^2".format) -> str:
        """The reason as a sentence; ``write`` and ``norm`` write an expression and the squared norm of a vector."""
        value = norm(self.of) if self.because == SQUARED_NORM else write(self.value)
        if self.because == DECLARED_SIGN:
            return f"{write(self.of)} is {'positive' if self.of.is_positive else 'not negative'}"
        if self.because == UNIT_INTERVAL:
            return f"{write(self.of)} lies between 0 and 1"
        if self.because == COUNT:
            return f"{value} is not negative as {write(self.of)} is a positive integer"
        if self.because == GRAM:
            return f"{value} is the Gram determinant of {', '.join(map(repr, self.of))}"
        if self.because == HYPOTHESIS:
            return f"{value} is not negative by the hypothesis {self.of.name}"
        if self.because in (CHANNELS, POWER, SUM):
            products = self.of if self.because == SUM else (self.of,)
            parts = dict.fromkeys(reason.words(write, norm) for product in products for reason in product)
            return f"{value} is a {self.because} of what is not negative: {'; '.join(parts)}"
        return f"{value} is {'an' if self.because[0] in 'aeiou' else 'a'} {self.because}"

    def __str__(self) -> str:
        return self.words()


def reasons(factor: Factor, hypotheses: tuple[Hypothesis, ...] = ()) -> tuple[Reason, ...]:
    """The factor as a product of parts, each with its reason; ValueError for a part that has none."""
    if isinstance(factor, Vector):
        _real(factor)
        return (Reason(factor.squared, SQUARED_NORM, factor),)
    if isinstance(factor, Gram):
        for vector in factor.vectors:
            _real(vector)
        return (Reason(factor.value, GRAM, factor.vectors),)
    for hypothesis in hypotheses:
        if hypothesis.nonnegative is not None and is_zero(_written(factor) - hypothesis.nonnegative):
            return (Reason(_written(factor), HYPOTHESIS, hypothesis),)
    if factor.is_Mul:
        return _one_square([reason for part in factor.args for reason in reasons(part, hypotheses)])
    reason = _elementary(factor) or _composite(factor, hypotheses)
    if reason is None:
        raise ValueError(
            f"got the factor {factor}; expected one that cannot be negative for a reason of theory.proof.signs; "
            "write it as a product of squares, squared norms and declared signs, or add a hypothesis"
        )
    return (reason,)


def _real(vector: Vector) -> None:
    for coefficient in vector.terms.values():
        if not is_real(coefficient):
            raise ValueError(
                f"got the coefficient {coefficient} of a vector; expected a real number; write it in reals"
            )


def is_real(expression: sp.Expr) -> bool:
    """Whether an expression is real wherever it is defined: real symbols, and no root of what may be negative."""
    if expression.has(sp.I) or not all(x.is_real for x in expression.free_symbols if not isinstance(x, Atom)):
        return False
    roots = (e for e in sp.preorder_traversal(expression) if e.is_Pow and not e.exp.is_Integer)
    return all(e.exp.is_Rational and e.base.is_nonnegative for e in roots)


def _elementary(factor: sp.Expr) -> Reason | None:
    if factor.is_Rational:
        return Reason(factor, POSITIVE_NUMBER) if factor > 0 else None
    base, exponent = factor.as_base_exp()
    if exponent.is_Integer and exponent % 2 == 0 and is_real(base):
        return Reason(factor, SQUARE, base ** (exponent / 2))
    if base.is_Symbol and base.is_nonnegative:
        return Reason(factor, DECLARED_SIGN, base)
    if factor.free_symbols == {rho} and sp.Poly(factor, rho).degree() == 1 and _ends(factor):
        return Reason(factor, UNIT_INTERVAL, rho)
    if factor.is_Add and len(factor.free_symbols) == 1 and _counts(factor, *factor.free_symbols):
        return Reason(factor, COUNT, *factor.free_symbols)
    if isinstance(factor, PairSum) and factor.is_nonnegative:
        return Reason(_written(factor), PAIRS, factor.args[0])
    if isinstance(factor, Inner) and factor.is_nonnegative:
        a, b = factor.args
        if a == b:
            return Reason(factor, SQUARED_NORM, Vector({a: sp.Integer(1)}))
        semidefinite = isinstance(b, Image) and b.preimage == a
        return Reason(factor, SEMIDEFINITE if semidefinite else ENTRYWISE, (a, b))
    return None


def _composite(factor: sp.Expr, hypotheses: tuple[Hypothesis, ...]) -> Reason | None:
    if isinstance(factor, ChannelSum):
        return Reason(factor, CHANNELS, reasons(factor.args[0], hypotheses))
    if factor.is_Add:
        try:
            return Reason(_written(factor), SUM, tuple(reasons(part, hypotheses) for part in factor.args))
        except ValueError:
            return None
    base, exponent = factor.as_base_exp()
    if exponent.is_Rational and exponent != 1:
        return Reason(_written(factor), POWER, reasons(base, hypotheses), exponent)
    return None


def _one_square(found: list[Reason]) -> tuple[Reason, ...]:
    """All squares of a product as one."""
    squares = [reason for reason in found if reason.because == SQUARE]
    if len(squares) < 2:
        return tuple(found)
    value, root = (sp.Mul(*parts) for parts in zip(*((reason.value, reason.of) for reason in squares), strict=True))
    return (Reason(value, SQUARE, root), *(reason for reason in found if reason.because != SQUARE))


def _counts(factor: sp.Expr, count: sp.Symbol) -> bool:
    """Whether a polynomial in a positive integer has no negative coefficient when written in that integer minus 1."""
    if not (count.is_integer and count.is_positive and factor.is_polynomial(count)):
        return False
    coefficients = sp.Poly(factor.subs(count, count + 1), count).all_coeffs()
    return all(coefficient.is_nonnegative for coefficient in coefficients)


def _ends(factor: sp.Expr) -> bool:
    """Whether a polynomial in rho is not negative at 0 and at 1; an affine one is then not negative between them."""
    return bool(factor.subs(rho, 0) >= 0) and bool(factor.subs(rho, 1) >= 0)


def _written(factor: sp.Expr) -> sp.Expr:
    return factor.replace(PairSum, lambda p: PairSum(p).doit())
