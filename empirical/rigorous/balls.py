"""Ball arithmetic: a real number as a midpoint and a radius, every operation rounded outwards (Arb, in python-flint).

A float64 number is a ball of radius zero: it is taken for the dyadic rational that it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from bnverify.errors import InputError, MachineError

INSTALL = "pip install 'bnverify[rigorous]'"
Ball = Any
"""A number of python-flint, `flint.arb`."""


class NoValue(Exception):
    """An expression has no value here: a name that is not known, a function that is not evaluated."""


def flint() -> Any:
    """The module python-flint; MachineError where it is not installed."""
    try:
        import flint
    except ImportError:
        raise MachineError(
            got="no module flint", expected="python-flint, whose ball arithmetic this check is made of", advice=INSTALL
        ) from None
    return flint


def exactly(numbers: Any, name: str = "an array") -> list[Ball]:
    """The entries of a vector as balls of radius zero; InputError unless they are finite numbers in float64."""
    array = np.asarray(numbers)
    if array.dtype != np.float64 or array.ndim != 1 or not np.isfinite(array).all():
        raise InputError(
            got=f"{name} of type {array.dtype} and shape {array.shape}"
            + ("" if array.dtype != np.float64 or np.isfinite(array).all() else ", not all of it finite"),
            expected="a vector of finite float64 numbers",
            advice="measure in float64; what is not finite has no verdict",
        )
    return [flint().arb(float(number)) for number in array]


def dot(u: Sequence[Ball], w: Sequence[Ball]) -> Ball:
    """The inner product."""
    return total(a * b for a, b in zip(u, w, strict=True))


def total(terms: Iterable[Ball]) -> Ball:
    """The sum."""
    return sum(terms, flint().arb(0))


def evaluate(expression: sp.Expr, values: Mapping[sp.Expr, Ball]) -> Ball:
    """The ball of an expression whose symbols and inner products have balls; NoValue where one has none."""
    if expression in values:
        return values[expression]
    arb = flint().arb
    match expression:
        case sp.Rational(p=p, q=q):
            return arb(int(p)) / int(q)
        case sp.Add(args=args):
            return total(evaluate(each, values) for each in args)
        case sp.Mul(args=args):
            product = arb(1)
            for each in args:
                product *= evaluate(each, values)
            return product
        case sp.Pow(base=base, exp=sp.Integer() as exponent):
            return evaluate(base, values) ** int(exponent)
        case sp.Pow(base=base, exp=sp.Rational(p=p, q=2)):
            return evaluate(base, values).sqrt() ** int(p)
        case sp.Abs(args=(inside,)):
            return abs(evaluate(inside, values))
    raise NoValue(str(expression))


def magnitude(expression: sp.Expr, values: Mapping[sp.Expr, Ball]) -> Ball:
    """The sum of the absolute values of an expression's terms."""
    return total(abs(evaluate(term, values)) for term in sp.Add.make_args(sp.expand(expression)))
