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

from bnverify.empirical.judgement.propagation import propagate
from bnverify.empirical.judgement.quantities import Quantities
from bnverify.empirical.judgement.sizes import name_of
from bnverify.errors import InputError
from bnverify.theory.proof.claim import Claim
from bnverify.theory.proof.quantities import QUANTITIES, names_of

# Residuals are relative to sizes that cannot cancel, so one number serves all magnitudes.
TOLERANCES: dict[str, dict[str, float]] = {
    # 8,192 roundings: sums over up to 2^17 values, one derivative after another, means of values far from zero.
    "float64": {"equality": 2.0**-40, "upper bound": 2.0**-40},
    # 168 roundings.
    "float32": {"equality": 1e-5, "upper bound": 1e-5},
}
# What the conditioning of mean and variance, and numbers too small for the type, may cost: where more than this of a
# comparison is rounding, none is made. So no point counts as tested at which an error of so much would have passed.
LOST = {"float64": 2.0**-20, "float32": 1e-3}


class Sides(NamedTuple):
    """Both sides of a claim, the size residuals are relative to, which points satisfy each hypothesis, where numbers
    are so large or so small that the comparison is ``lost`` in rounding, and where every term is ``zero``; ``rough`` is
    the size of what a rounding leaves where the variance is a difference of squares, computed when it is asked for: few
    comparisons need it."""

    left: np.ndarray
    right: np.ndarray
    scale: np.ndarray
    hypotheses: dict[str, np.ndarray]
    lost: np.ndarray
    zero: np.ndarray
    rough: Callable[[], np.ndarray]


@dataclass(frozen=True)
class CompiledClaim:
    """A claim as a function of its named quantities."""

    claim: Claim
    names: tuple[str, ...]
    _sides: Callable[..., list[Any]]
    _conditions: tuple[tuple[str, Callable[..., Any]], ...]

    def __call__(self, quantities: Mapping[str, Any], dtype: str = "float64") -> Sides:
        """Evaluate on arrays by name; missing ones are an InputError. Sizes of what is not on either side (norms of
        factors, the deviation) make the scale sharp where they are given."""
        missing = [name for name in self.names if name not in quantities]
        if missing:
            raise InputError(
                got=f"quantities without {', '.join(missing)}",
                expected=f"all of {', '.join(self.names)} for claim {self.claim.key}",
                advice="measure them (empirical.measure) or choose another claim",
            )
        here = _arrays(quantities)
        arguments = [here[name] for name in self.names]
        with np.errstate(all="ignore"):  # non-finite points are counted apart by name in the verdict
            left, right, natural = (np.asarray(side) for side in self._sides(*arguments))
            held = {name: np.asarray(condition(*arguments)) for name, condition in self._conditions}
            unit = TOLERANCES[dtype][self.claim.kind]
            scale = self.rounding(here, unit, float(np.finfo(dtype).tiny))
            sharp = self.rounding(here.at_best(unit), unit)
            lost = unit * scale > LOST[dtype] * np.fmax(sharp, np.abs(natural))
            zero = left == right
            if np.any(zero):
                zero = zero & (self.rounding(here, unit) == 0)
        sides = np.broadcast_arrays(left, right, scale, lost, zero, *held.values())
        left, right, scale, lost, zero, *conditions = sides

        def rough() -> np.ndarray:
            with np.errstate(all="ignore"):
                found = self.rounding(here, unit, float(np.finfo(dtype).tiny), squares=True)
            return np.broadcast_to(found, left.shape)

        return Sides(left, right, scale, dict(zip(held, conditions, strict=True)), lost, zero, rough)

    def rounding(
        self, quantities: Mapping[str, Any], unit: float, least: float = 0.0, squares: bool = False
    ) -> np.ndarray:
        """What a rounding of one leaves in right minus left, where ``least`` is the smallest normal number; with
        ``squares`` where the variance is a difference of them."""
        arrays = _arrays(quantities)
        sizes = arrays.sizes(unit, least, squares)

        def leaf(expression):
            name = name_of(expression)
            return None if name is None else (arrays[name].astype(float), sizes.error(name))

        return sum((propagate(side, leaf, unit)[1] for side in (self.claim.left, self.claim.right)), np.asarray(0.0))


def _arrays(quantities: Mapping[str, Any]) -> Quantities:
    if isinstance(quantities, Quantities):
        return quantities
    return Quantities((name, np.asarray(value)) for name, value in quantities.items())


def measured_names(claim: Claim) -> tuple[str, ...]:
    """The quantities of both sides, of the conditions and of the natural size of both sides, if there is one."""
    parts = [claim.left, claim.right, *(h.condition for h in claim.hypotheses if h.condition is not None)]
    parts += [] if claim.scale is None else [claim.scale]
    return tuple(sorted({name for part in parts for name in names_of(part)}))


@cache
def compile_claim(claim: Claim) -> CompiledClaim:
    """Compile both sides and the hypotheses' conditions of a claim with ``lambdify``."""
    names = measured_names(claim)
    symbols = [sp.Symbol(name) for name in names]
    table = {QUANTITIES[name].symbol: symbol for name, symbol in zip(names, symbols, strict=True)}
    modules = [{"ChannelSum": lambda terms: terms.sum(axis=-1, keepdims=True)}, "numpy"]

    def compiled(expression):
        return sp.lambdify(symbols, expression, modules=modules)

    natural = sp.Integer(0) if claim.scale is None else claim.scale
    sides = compiled([part.xreplace(table) for part in (claim.left, claim.right, natural)])
    conditions = tuple(
        (hypothesis.name, compiled(hypothesis.condition.xreplace(table)))
        for hypothesis in claim.hypotheses
        if hypothesis.condition is not None
    )
    return CompiledClaim(claim, names, sides, conditions)
