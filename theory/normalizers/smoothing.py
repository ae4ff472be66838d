r"""Does a normaliser smooth as batch norm does? For any `Normalizer`: a proof, or an exact counterexample.

Two statements are decided. *No enlargement*: |v| <= (gamma/s)|Pg| for every g. *The gain* of Theorem 4.1:
|v|^2 <= (gamma^2/s^2)(|Pg|^2 - <g, yhat>^2/m). Where n is parallel to yhat (up to what P removes) the slack is a
multiple of <g, yhat>^2, whose sign the moments of y decide; elsewhere a search over small rationals looks for a
violation.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.audit.search import by_optimisation, examples, first
from bnverify.theory.normalizers.known import L1, L1_UNCENTRED, L4, LINF, LINF_UNCENTRED, LP
from bnverify.theory.normalizers.normalizer import KnownScale, Normalizer
from bnverify.theory.proof.claim import Certificate
from bnverify.theory.proof.example import Example, dot
from bnverify.theory.proof.quantities import G, Y, mu, rho, s

# Moments of y, dummies so that no symbol of a scale is taken for one, and the names they are shown by.
_SIGMA2, _MEAN_SQUARE = sp.Dummy("sigma2", positive=True), sp.Dummy("q", positive=True)


@dataclass(frozen=True)
class Answer:
    """``holds`` True with a certificate, False with a counterexample or a reason, None if the search found none."""

    statement: str
    holds: bool | None
    coefficient: sp.Expr | None = None
    certificate: Certificate | None = None
    counterexample: Example | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.holds:
            return f"{self.statement}: proved, the slack is (gamma/s)^2 <g, yhat>^2 times {self.coefficient}"
        if self.counterexample is not None:
            return f"{self.statement}: false, at {self.counterexample}"
        return f"{self.statement}: {'undecided' if self.holds is None else 'false'}, {self.reason}"


@dataclass(frozen=True, repr=False)
class Smoothing:
    """What is known of a normaliser: the two answers, and how much it can enlarge a gradient beyond gamma/s.

    ``worst`` bounds |v|/((gamma/s)|Pg|) over g and y, and is approached (for L1 and Linf where m is even); a pair is a
    lower and an upper bound of that supremum; None where unknown.
    """

    normalizer: Normalizer
    no_enlargement: Answer
    gain: Answer
    worst: sp.Expr | tuple[sp.Expr, sp.Expr] | None

    def __repr__(self) -> str:
        return f"{self.normalizer.name}\n  {self.no_enlargement}\n  {self.gain}\n  worst factor: {self.worst}"


def smoothing(normalizer: Normalizer) -> Smoothing:
    """Decide both statements for a normaliser."""
    normalizer.check()
    none = _decide(normalizer, "|v|^2 <= (gamma/s)^2 |Pg|^2", sp.Integer(0))
    gain = _decide(normalizer, "|v|^2 <= (gamma/s)^2 (|Pg|^2 - <g, yhat>^2/m)", 1 / m)
    return Smoothing(normalizer, none, gain, sp.Integer(1) if none.holds else WORST_FACTORS.get(normalizer))


def _slack(normalizer: Normalizer, gain: sp.Expr) -> sp.Expr:
    """(|Pg|^2 - gain <g, yhat>^2) - (s/gamma)^2 |v|^2, in normalised coordinates."""
    projected = normalizer.numerator(G)
    v = normalizer.backward * s / normalizer.gain
    alignment = G @ normalizer.normalised
    return sp.expand(sp.cancel(projected.squared - gain * alignment**2 - v.squared))


def _decide(normalizer: Normalizer, statement: str, gain: sp.Expr) -> Answer:
    alignment = G @ normalizer.normalised
    coefficient = sp.cancel(_slack(normalizer, gain) / alignment**2)
    known = isinstance(normalizer.scale, KnownScale)
    if not known and not coefficient.has(G @ G, ONE @ G, alignment):
        in_moments = _in_moments(normalizer, coefficient)
        if _nonnegative(in_moments):
            in_moments = _shown(in_moments)
            shown = min(coefficient, in_moments, key=sp.count_ops)
            return Answer(statement, True, shown, Certificate(((in_moments, alignment**2),)))
    try:
        found = _refute(normalizer, gain)
    except (TypeError, NameError, SyntaxError, NotImplementedError) as error:
        return Answer(statement, None, reason=f"its scale cannot be computed from numbers ({error})")
    if found is not None:
        return Answer(statement, False, counterexample=found)
    if normalizer in (LP, L4):
        return Answer(statement, False, reason="for p other than 2, n is not parallel to yhat at every y "
                                               "(normalizer-worst-factor-floor)")  # fmt: skip
    return Answer(statement, None, reason="no counterexample found")


def _in_moments(normalizer: Normalizer, expression: sp.Expr) -> sp.Expr:
    """Coefficients in the moments of y, whose signs are known: sigma^2 > 0 (or mean y^2 > 0), mu, epsilon >= 0."""
    if normalizer.centred:
        moments = {ONE @ Y: m * mu, Y @ Y: m * (_SIGMA2 + mu**2)}
        norm2 = m * _SIGMA2 / s**2
    else:
        moments, norm2 = {Y @ Y: m * _MEAN_SQUARE}, m * _MEAN_SQUARE / s**2
    scale = normalizer.formula(Y).subs(moments)
    yhat2 = normalizer.normalised.squared
    known = {rho: sp.solve(yhat2 - norm2, rho)[0]} if yhat2.has(rho) else {yhat2: norm2}
    return sp.factor(sp.simplify(expression.subs(known).subs(s, sp.expand(scale))))


def _shown(expression: sp.Expr) -> sp.Expr:
    """With symbols for the moments, as long as no other symbol has their name."""
    taken = {symbol.name for symbol in expression.free_symbols - {_SIGMA2, _MEAN_SQUARE}}
    return expression.xreplace(
        {
            moment: sp.Symbol(moment.name, positive=True)
            for moment in (_SIGMA2, _MEAN_SQUARE)
            if moment.name not in taken
        }
    )


def _nonnegative(expression: sp.Expr) -> bool:
    """Whether all terms of numerator and denominator are non-negative once m >= 1 is spelled out."""
    more = sp.Dummy("m_minus_1", integer=True, nonnegative=True)
    parts = sp.fraction(sp.together(expression.subs(m, more + 1)))
    return all(term.is_nonnegative for part in parts for term in sp.Add.make_args(sp.expand(part)))


def _refute(normalizer: Normalizer, gain: sp.Expr) -> Example | None:
    def margin(example: Example):
        projected, v = example.project(example.g), [e * example.s / example.gamma for e in example.v]
        alignment = dot(example.g, example.yhat)
        lost = alignment * alignment / example.size if gain != 0 else 0 * alignment
        return dot(projected, projected) - lost - dot(v, v)

    def refutes(example: Example) -> bool:
        return margin(example) < 0

    if isinstance(normalizer.scale, KnownScale):
        return None if normalizer.scale.of is None else first(examples(normalizer, sizes=(2, 3)), refutes)
    found = first(examples(normalizer, sizes=(2, 3)), refutes)
    found = found or first(examples(normalizer, epsilon=True, sizes=(2, 3)), refutes)
    return found or by_optimisation(margin, refutes, normalizer)


_p = sp.Symbol("p", positive=True)
# Theorems of `general.lp_normalisation` for L1 and Linf; for other p >= 1 the bracket of the power-mean inequality.
# Uncentred: the norm of C - n yhat' is at most 1 + |n||yhat| <= 1 + sqrt(m); the lower ends are approached by one
# dominating value among positive ones (l_1) and by values nearly +-1, half and half (l_inf, m even).
WORST_FACTORS: dict[Normalizer, sp.Expr | tuple[sp.Expr, sp.Expr]] = {
    L1: sp.sqrt(m / 2),
    LINF: sp.sqrt(m - 1),
    LP: (sp.Integer(1), m ** sp.Abs(sp.Rational(1, 2) - 1 / _p)),
    L4: (sp.Integer(1), m ** sp.Rational(1, 4)),
    L1_UNCENTRED: (sp.sqrt(m), 1 + sp.sqrt(m)),
    LINF_UNCENTRED: (sp.sqrt((m + sp.sqrt(m**2 - 4)) / 2), 1 + sp.sqrt(m)),
}
