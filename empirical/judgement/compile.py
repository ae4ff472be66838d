"""From a symbolic claim to a function of measured arrays: the bridge between theory/ and the measurements.

Arrays carry channels on the last axis: channel quantities have shape (..., C), site and layer quantities (..., 1).
Any array library with arithmetic operators will do; records are checked with NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from bnverify.errors import InputError
from bnverify.theory.proof.claim import Claim
from bnverify.theory.proof.quantities import QUANTITIES, ChannelSum, distribute


class Sides(NamedTuple):
    """Both sides of a claim, the magnitude residuals are divided by, and which points satisfy each hypothesis."""

    left: np.ndarray
    right: np.ndarray
    scale: np.ndarray
    hypotheses: dict[str, np.ndarray]


@dataclass(frozen=True)
class CompiledClaim:
    """A claim as a function of its named quantities."""

    claim: Claim
    names: tuple[str, ...]
    _sides: Callable[..., list[Any]]
    _conditions: tuple[tuple[str, Callable[..., Any]], ...]

    def __call__(self, quantities: Mapping[str, Any]) -> Sides:
        """Evaluate on arrays by name; extra names are ignored, missing ones are an InputError."""
        missing = [name for name in self.names if name not in quantities]
        if missing:
            raise InputError(
                got=f"quantities without {', '.join(missing)}",
                expected=f"all of {', '.join(self.names)} for claim {self.claim.key}",
                advice="measure them (empirical.measure) or choose another claim",
            )
        arguments = [np.asarray(quantities[name]) for name in self.names]
        with np.errstate(all="ignore"):  # non-finite points are counted apart by name in the verdict
            left, right, scale = (np.asarray(side) for side in self._sides(*arguments))
            held = {name: np.asarray(condition(*arguments)) for name, condition in self._conditions}
        left, right, scale, *conditions = np.broadcast_arrays(left, right, scale, *held.values())
        return Sides(left, right, scale, dict(zip(held, conditions, strict=True)))


@cache
def compile_claim(claim: Claim) -> CompiledClaim:
    """Compile both sides, the residual's scale and the hypotheses' conditions of a claim with ``lambdify``."""
    names = claim.quantities
    symbols = [sp.Symbol(name) for name in names]
    table = {QUANTITIES[name].symbol: symbol for name, symbol in zip(names, symbols, strict=True)}
    scale = _magnitude(claim.left) + _magnitude(claim.right) if claim.scale is None else claim.scale
    modules = [{"ChannelSum": lambda terms: terms.sum(axis=-1, keepdims=True)}, "numpy"]

    def compiled(expression):
        return sp.lambdify(symbols, expression, modules=modules)

    sides = compiled([part.xreplace(table) for part in (claim.left, claim.right, scale)])
    conditions = tuple(
        (hypothesis.name, compiled(hypothesis.condition.xreplace(table)))
        for hypothesis in claim.hypotheses
        if hypothesis.condition is not None
    )
    return CompiledClaim(claim, names, sides, conditions)


def _magnitude(side: sp.Expr) -> sp.Expr:
    """The sum of the absolute values of the terms of a side, also inside a sum over channels."""
    terms = sp.Add.make_args(distribute(side))
    return sp.Add(*(sp.Abs(term.replace(ChannelSum, lambda body: ChannelSum(sp.Abs(body)))) for term in terms))
