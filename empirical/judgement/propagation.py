"""From the rounding of quantities to that of a side of a claim: products, powers and sums, beyond first order."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import sympy as sp

from bnverify.theory.algebra.channel_sum import ChannelSum

Pair = tuple[np.ndarray, np.ndarray]
"""A value and what a rounding of one leaves in it."""


def propagate(expression: sp.Expr, leaf: Callable[[sp.Expr], Pair | None], unit: float) -> Pair:
    """Value and error of an expression; ``leaf`` gives those of a measured symbol, None for what is not measured.

    Every operation adds a rounding of its own. ``unit`` is the tolerance: the errors of two factors multiply.
    """
    known = leaf(expression)
    if known is not None:
        return known
    if expression.is_number:
        return np.asarray(float(expression)), np.asarray(0.0)
    if isinstance(expression, ChannelSum):
        value, error = propagate(expression.args[0], leaf, unit)
        return value.sum(axis=-1, keepdims=True), (error + np.abs(value)).sum(axis=-1, keepdims=True)
    parts = [propagate(argument, leaf, unit) for argument in expression.args]
    if expression.is_Add:
        value, error = (np.asarray(sum(part[i] for part in parts)) for i in (0, 1))
        return value, error + sum(np.abs(part[0]) for part in parts)
    if expression.is_Mul:
        return _times(parts, unit)
    if expression.is_Pow and expression.exp.is_number:
        return _power(parts[0], float(expression.exp), unit)
    return _general(expression, parts)


def _times(parts: list[Pair], unit: float) -> Pair:
    value, error = parts[0]
    for other, other_error in parts[1:]:
        error = np.abs(value) * other_error + np.abs(other) * error + unit * error * other_error
        value = value * other
    return value, error + np.abs(value)


def _power(base: Pair, exponent: float, unit: float) -> Pair:
    value, error = base
    result = value**exponent
    if exponent > 1 and exponent == int(exponent):  # what is zero but for its rounding has the square of it
        near = np.abs(value) + unit * error
        return result, exponent * near ** (exponent - 1) * error + np.abs(result)
    steep = np.abs(exponent) * np.abs(value) ** (exponent - 1)
    first = np.where(error > 0, steep * error, 0.0)
    if 0 < exponent < 1:  # the root of a rounding
        first = np.minimum(first, (np.abs(value) + unit * error) ** exponent / unit)
    return result, first + np.abs(result)


def _general(expression: sp.Expr, parts: list[Pair]) -> Pair:
    function, slopes = _function(expression.func, len(parts))
    values = [part[0] for part in parts]
    value = np.asarray(function(*values))
    slope = sum(np.abs(each(*values)) * part[1] for each, part in zip(slopes, parts, strict=True))
    return value, slope + np.abs(value)


@cache
def _function(kind: type, count: int) -> tuple[Callable, tuple[Callable, ...]]:
    """A function of SymPy and its slopes; of the largest and the smallest of several, all of slope one."""
    arguments = [sp.Dummy(real=True) for _ in range(count)]
    whole = kind(*arguments)
    modules = ["scipy", "numpy"]
    if kind in (sp.Abs, sp.Max, sp.Min):
        slopes = [sp.Integer(1)] * count
    else:
        slopes = [sp.diff(whole, argument) for argument in arguments]
    return sp.lambdify(arguments, whole, modules), tuple(sp.lambdify(arguments, each, modules) for each in slopes)
