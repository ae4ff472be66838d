"""Numbers that quantities can have."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from numbers import Real
from typing import Any

import sympy as sp

from bnverify.errors import InputError
from bnverify.theory.proof.quantities import QUANTITIES

_KINDS = {
    "positive": lambda number: number > 0,
    "nonnegative": lambda number: number >= 0,
    "negative": lambda number: number < 0,
    "nonzero": lambda number: number != 0,
    "integer": lambda number: number % 1 == 0,
}
_WORDS = {"nonnegative": "not negative", "nonzero": "not 0", "integer": "whole"}


def number_of(name: str, value: Any) -> sp.Expr:
    """An exact number that the quantity can have; InputError for text and for what contradicts the symbol."""
    symbol = QUANTITIES[name].symbol
    number = number_that_is(name, value, [kind for kind in _KINDS if getattr(symbol, f"is_{kind}")])
    if name == "rho" and number > 1:
        raise InputError(got=f"rho = {value}", expected="a number from 0 to 1", advice="rho is sigma^2/s^2")
    return sp.Integer(int(number)) if symbol.is_integer else number


def number_that_is(name: str, value: Any, kinds: Iterable[str]) -> sp.Expr:
    """A finite real number of all these kinds (positive, nonnegative, negative, nonzero, integer), a decimal as the
    fraction that it writes; InputError says which it is not."""
    if isinstance(value, (str, bytes, bool)) or not isinstance(value, (Real, sp.Number, sp.NumberSymbol, sp.Expr)):
        raise InputError(got=f"{name} = {value!r}", expected="a number", advice="pass an int, a Fraction or a float")
    number = sp.Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else sp.sympify(value)
    if number.free_symbols or number.is_real is False or number.has(sp.nan, sp.oo, sp.zoo):
        raise InputError(got=f"{name} = {value!r}", expected="a finite real number", advice="pass a number")
    if number.is_Float:  # what was written is meant: 0.1 is a tenth
        number = sp.Rational(str(value))
    for kind in kinds:
        try:
            fits = bool(_KINDS[kind](number))
        except TypeError:  # SymPy cannot tell the sign of sin(1)^2 + cos(1)^2 - 1
            raise InputError(
                got=f"{name} = {value}", expected=f"a number of which it can be told whether it is {kind}",
                advice="simplify it, or pass a fraction",
            ) from None  # fmt: skip
        if not fits:
            words = _WORDS.get(kind, kind)
            raise InputError(
                got=f"{name} = {value}", expected=f"a number that is {words}, as {name} is", advice="change it"
            )
    return number
