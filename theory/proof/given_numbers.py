"""Numbers that quantities can have."""

from __future__ import annotations

from fractions import Fraction
from numbers import Real
from typing import Any

import sympy as sp

from bnverify.errors import InputError
from bnverify.theory.proof.quantities import QUANTITIES


def number_of(name: str, value: Any) -> sp.Expr:
    """An exact number that the quantity can have; InputError for text and for what contradicts the symbol."""
    if isinstance(value, (str, bytes, bool)) or not isinstance(value, (Real, sp.Number, sp.NumberSymbol, sp.Expr)):
        raise InputError(got=f"{name} = {value!r}", expected="a number", advice="pass an int, a Fraction or a float")
    number = sp.Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else sp.sympify(value)
    symbol = QUANTITIES[name].symbol
    if number.free_symbols or number.is_real is False or number.has(sp.nan, sp.oo, sp.zoo):
        raise InputError(got=f"{name} = {value!r}", expected="a finite real number", advice="pass a number")
    wrong = (
        (symbol.is_positive and not number > 0)
        or (symbol.is_nonnegative and number < 0)
        or (symbol.is_integer and number != int(number))
        or (name == "rho" and number > 1)
    )
    if wrong:
        kind = "positive" if symbol.is_positive else "not negative"
        raise InputError(got=f"{name} = {value}", expected=f"a number that {name} can be ({kind})", advice="change it")
    return number
