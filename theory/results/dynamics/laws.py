r"""LAWS: what the claims about steps come to on average in a stationary state: rotation and length in equilibrium.

The claims `rotation-law` and `equilibrium-law` hold at every step of a training; their last terms are 0 on average
where the averages do not change. What is left is stated here of the averages A = E|w|^2, B = E<w_t, w_(t+1)> and
e = E<w, grad>, the part of epsilon, and proved from the step by the prover of the audit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from bnverify.errors import InputError
from bnverify.theory.audit.answers import HOLDS, status
from bnverify.theory.audit.evaluation import evaluate
from bnverify.theory.audit.evidence import Proved
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.points import Point, point
from bnverify.theory.audit.proving import Shown, prove
from bnverify.theory.proof.claim import ProofError, Source
from bnverify.theory.proof.given_numbers import number_that_is

_THIS = "this work"


@dataclass(frozen=True, eq=False)
class Law:
    """A formula about averages, its source, and a point at which its hypotheses hold."""

    key: str
    title: str
    source: Source
    formula: Formula
    at: Point
    remark: str

    def prove(self) -> Shown:
        """The proof, for every number of weights; ProofError where there is none, or where it speaks of nothing."""
        if status(self.formula, self.at) != HOLDS:
            raise ProofError(f"{self.key}: does not hold at {self.at}")
        shown = prove(self.formula)
        if shown is None:
            raise ProofError(f"{self.key}: no proof of {self.formula.claim}")
        return shown

    def to_json(self) -> dict[str, Any]:
        """The law as plain data, proved."""
        own = {"key": self.key, "title": self.title, "reference": self.source.reference, "place": self.source.place}
        proved = Proved(((self.formula, self.at),)).to_json()
        return own | {"remark": self.remark, "proof": self.prove().words} | proved

    def residual(self, **values: Any) -> Any:
        """left - right at numbers by name, a Fraction for exact ones and a float where one of them is; InputError where
        a name is missing, unknown or given what it can never be. It is computed exactly."""
        known, needed = set(self.formula.names), self.formula.relation.names()
        if set(values) - known or needed - set(values):
            raise InputError(
                got=f"numbers for {', '.join(sorted(values)) or 'nothing'}",
                expected=f"numbers for {', '.join(sorted(needed))}", advice=f"the law is {self.formula.claim}",
            )  # fmt: skip
        numbers = {name: _exact(number_that_is(name, each, self.formula.facts[name])) for name, each in values.items()}
        relation = self.formula.relation
        found = evaluate(relation.left, numbers, 1) - evaluate(relation.right, numbers, 1)
        if not any(isinstance(each, (float, np.floating)) for each in values.values()):
            return found
        try:
            return float(found)
        except OverflowError:
            return math.inf if found > 0 else -math.inf

    def __str__(self) -> str:
        given = "".join(f", given {text}" for text in self.formula.given)
        where = "; ".join(f"{name} = {text}" for name, text in self.formula.define.items())
        return f"{self.title}: {self.formula.claim}{given}{f' where {where}' if where else ''}   [{self.source}]"


def _exact(number: sp.Expr) -> Any:
    return Fraction(int(number.p), int(number.q)) if isinstance(number, sp.Rational) else number


_RATES = {"eta": "positive", "lam": "nonnegative"}
_MEANS = {"A": "positive", "B": "real", "x": "nonnegative", "al": "nonnegative"}


def _law(key: str, title: str, claim: str, at: Point, remark: str, *, symbols: dict[str, str],
         given: tuple[str, ...], source: Source | None = None) -> Law:  # fmt: skip
    formula = Formula(claim, symbols, (), given, {}, (1, 2, 3), title)
    return Law(key, title, source or Source(_THIS, "dynamics"), formula, at, remark)


LAWS: dict[str, Law] = {each.key: each for each in (
    _law(
        "rotation", "Rotation per step in stationarity, SGD with momentum and weight decay",
        "B/A = 1 - x/(1 + al) - eta*e/((1 + al)*A)", point(A=1, al="1/2", x="3/4", eta=1, e=0, B="1/2", m=1),
        "x = eta lambda: the hypothesis is the step w_(t+1) = (1 - x + al) w_t - al w_(t-1) - eta grad on w_t, with B "
        "the same at both ends. For any correlation of the gradients; epsilon is an extra weight decay e/A. The claim "
        "`rotation-law` has what is 0 here.",
        symbols=_MEANS | {"eta": "positive", "e": "real"}, given=("B = (1 - x + al)*A - al*B - eta*e",),
    ),
    _law(
        "rotation-decoupled", "Rotation per step in stationarity, averaged gradients and decoupled weight decay",
        "B*(1 + a*be) = (a + be)*A - (1 - be)*eta*e", point(A=1, a="1/2", be="1/2", eta=1, e=0, B="4/5", M="-3/5", m=1),
        "a = 1 - eta lambda, w_(t+1) = a w_t - eta M_(t+1), M_(t+1) = be M_t + (1 - be) grad; M = eta E<w, M_t>. The "
        "step must stay orthogonal to w but for e.",
        symbols={"A": "positive", "B": "real", "M": "real", "a": "positive", "be": "nonnegative", "eta": "positive",
                 "e": "real"},
        given=("B = a*A - be*M - (1 - be)*eta*e", "M = a*B - A"),
    ),
    _law(
        "equilibrium", "Length in equilibrium under SGD with weight decay",
        "A**2*lam*(2 - eta*lam) = eta*L - 2*(1 - eta*lam)*e*A",
        point(A=1, eta=1, lam="1/2", L="3/4", e=0, m=1),
        "A = |w|^2, L the squared gradient on the unit sphere, e = <w, grad>. Without epsilon A^2 = eta L/(lambda (2 - "
        "eta lambda)), not eta L/(2 lambda).",
        symbols=_RATES | {"A": "positive", "L": "positive", "e": "real"},
        given=("A = (1 - eta*lam)**2*A - 2*eta*(1 - eta*lam)*e + eta**2*L/A",),
    ),
    _law(
        "equilibrium-momentum", "Length in equilibrium with momentum, uncorrelated gradients",
        "A**2*x*(1 - al)*(2 - x/(1 + al)) = eta**2*L", point(A=1, al="1/2", x="3/4", eta=1, L="9/16", B="1/2", m=1),
        "Without epsilon; exact, and at al = 0 the equilibrium of plain SGD. With epsilon and correlated gradients: "
        "the claim `equilibrium-law`.",
        symbols=_MEANS | {"eta": "positive", "L": "positive"},
        given=("B*(1 + al) = (1 - x + al)*A", "A = (1 - x + al)**2*A + al**2*A - 2*al*(1 - x + al)*B + eta**2*L/A"),
        source=Source("Wan et al. 2021", "Theorem 2"),
    ),
)}  # fmt: skip


def law(key: str) -> Law:
    """A law by its key; the known keys where there is none."""
    if key not in LAWS:
        raise InputError(got=f"the law {key!r}", expected=f"one of {', '.join(LAWS)}", advice="pass one of these keys")
    return LAWS[key]
