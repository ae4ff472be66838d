r"""LAWS: what one step of SGD does to weights that a normalization follows: length, rotation, schedule, equilibrium.

The one thing a normalization contributes is <w, grad> = sum of gamma (1 - rho) a over the channels of w (the claim
`weight-gradient`), written ``e`` below: 0 without epsilon, an extra weight decay with it. Each law is an identity,
proved for every number of weights by the prover of the audit, and measurable from (w, gradient, momentum) at two steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bnverify.errors import InputError
from bnverify.theory.audit.answers import HOLDS, status
from bnverify.theory.audit.evaluation import evaluate
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.points import Point, point
from bnverify.theory.audit.proving import Shown, prove
from bnverify.theory.proof.claim import ProofError, Source

_THIS = "this work"


@dataclass(frozen=True, eq=False)
class Law:
    """A formula about one step, its source, and a point at which its hypotheses hold."""

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

    def residual(self, **values: Any) -> Any:
        """left - right at values by name (numbers, tuples of numbers for vectors), exact for exact ones."""
        size = next((len(v) for v in values.values() if isinstance(v, tuple)), 1)
        left, right = (evaluate(f, values, size) for f in (self.formula.relation.left, self.formula.relation.right))
        if isinstance(left, tuple):
            return tuple(p - q for p, q in zip(left, right, strict=True))
        return left - right

    def __str__(self) -> str:
        given = "".join(f", given {text}" for text in self.formula.given)
        where = "; ".join(f"{name} = {text}" for name, text in self.formula.define.items())
        return f"{self.title}: {self.formula.claim}{given}{f' where {where}' if where else ''}   [{self.source}]"


_RATES = {"eta": "positive", "lam": "nonnegative"}
_MEANS = {"A": "positive", "B": "real", "x": "nonnegative", "al": "nonnegative"}


def _law(key: str, title: str, claim: str, at: Point, remark: str, *, symbols: dict[str, str], vectors: str = "",
         given: tuple[str, ...] = (), source: Source | None = None, **define: str) -> Law:  # fmt: skip
    formula = Formula(claim, symbols, tuple(vectors.split()), given, define, (1, 2, 3), title)
    return Law(key, title, source or Source(_THIS, "dynamics"), formula, at, remark)


_ONE = point(eta="1/2", lam="1/5", w=(1, 2), g=(2, -1))
LAWS: dict[str, Law] = {each.key: each for each in (
    _law(
        "growth", "Length after a step with weight decay",
        "dot(n, n) = (1 - eta*lam)**2*dot(w, w) - 2*eta*(1 - eta*lam)*dot(w, g) + eta**2*dot(g, g)", _ONE,
        "Any epsilon: <w, g> is the sum of gamma (1 - rho) a. Without epsilon the middle term is 0.",
        symbols=_RATES, vectors="w g", n="w - eta*(g + lam*w)",
    ),
    _law(
        "growth-momentum", "Length after a step with momentum and weight decay",
        "dot(n, n) = dot(w, w) - 2*eta*dot(w, b) + eta**2*dot(b, b)",
        point(eta="1/2", al="1/2", lam="1/5", w=(1, 2), g=(2, -1), p=(1, 1)),
        "b is the buffer after the step, al p + g + lam w; <w, g> enters <w, b> alone.",
        symbols=_RATES | {"al": "nonnegative"}, vectors="w g p", b="al*p + g + lam*w", n="w - eta*b",
    ),
    _law(
        "angle", "Cosine of the rotation of a step with weight decay",
        "dot(w, n) = (1 - eta*lam)*dot(w, w) - eta*dot(w, g)", _ONE,
        "The inner product of two consecutive weights, any epsilon: without it 1 - eta lambda times the squared "
        "length.",
        symbols=_RATES, vectors="w g", n="w - eta*(g + lam*w)",
    ),
    _law(
        "rotation", "Rotation per step in stationarity, SGD with momentum and weight decay",
        "B/A = 1 - x/(1 + al) - eta*e/((1 + al)*A)", point(A=1, al="1/2", x="3/4", eta=1, e=0, B="1/2", m=1),
        "A = E|w|^2, B = E<w_t, w_(t+1)>, x = eta lambda, e = E<w, grad>: the hypothesis is the step w_(t+1) = (1 - "
        "x + "
        "al) w_t - al w_(t-1) - eta grad on w_t, with B the same at both ends. For any correlation of the gradients; "
        "epsilon is an extra weight decay e/A.",
        symbols=_MEANS | {"eta": "positive", "e": "real"}, given=("B = (1 - x + al)*A - al*B - eta*e",),
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
        "Without epsilon; exact, and at al = 0 the equilibrium of plain SGD.",
        symbols=_MEANS | {"eta": "positive", "L": "positive"},
        given=("B*(1 + al) = (1 - x + al)*A", "A = (1 - x + al)**2*A + al**2*A - 2*al*(1 - x + al)*B + eta**2*L/A"),
        source=Source("Wan et al. 2021", "Theorem 2"),
    ),
    _law(
        "schedule", "The schedule law, with its epsilon term",
        "eta2/(a2*dot(n, n)) = eta2/(eta*a*a2)*Phi/(1 - 2*Phi*dot(w, g) + Phi**2*dot(w, w)*dot(g, g))",
        point(a="1/2", eta=1, a2=1, eta2=1, w=(1, 0), g=(1, 1)),
        "Phi = eta/(a |w|^2), a = 1 - eta lambda, n = a w - eta g. Printed without the middle term, which is 0 without "
        "epsilon.",
        symbols={"a": "positive", "eta": "positive", "a2": "positive", "eta2": "positive"}, vectors="w g",
        source=Source("Amin et al. 2026", "Theorem 2.1, made exact"), n="a*w - eta*g", Phi="eta/(a*dot(w, w))",
    ),
    _law(
        "exponential-rate", "Weight decay as an exponential learning rate, one step",
        "a**(-2)*(w - eta*(g + lam*w)) = w/a - eta*a**(-2)*g", point(eta="1/2", lam=1, a="1/2", w=(1, 2), g=(2, -1)),
        "With a = 1 - eta lam the step on w/a^t with rate eta a^(-2t-1) and no decay, g being the gradient at w; the "
        "gradient at w/a^t is a^t g, without epsilon.",
        symbols={"eta": "positive", "lam": "positive", "a": "positive"}, vectors="w g", given=("a = 1 - eta*lam",),
        source=Source("Li and Arora 2020", "Theorem 2.7, without momentum"),
    ),
)}  # fmt: skip


def law(key: str) -> Law:
    """A law by its key; the known keys where there is none."""
    if key not in LAWS:
        raise InputError(got=f"the law {key!r}", expected=f"one of {', '.join(LAWS)}", advice="pass one of these keys")
    return LAWS[key]
