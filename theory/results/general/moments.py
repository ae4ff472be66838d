r"""Moments of the normalised values: <1, yhat> = 0 and <yhat, yhat> = rho m."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m, substitute
from bnverify.theory.normalizers.normalizer import BATCH, variance
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, Source, Step
from bnverify.theory.proof.hypotheses import TRAINING_MODE
from bnverify.theory.proof.quantities import NORMALISED, Y, epsilon, rho, s, sigma2

_SOURCE = Source("this work", "the definition of batch normalisation")


def _derive() -> Derivation:
    # Here yhat must not yet be known to have these moments: everything stays in the raw coordinates 1 and y.
    def by_variance(expression: sp.Expr) -> sp.Expr:
        expanded = substitute(expression, {}).xreplace({Y @ Y: m * sigma2 + (ONE @ Y) ** 2 / m})
        return sp.cancel(expanded.replace(lambda e: e.is_Pow, lambda e: sp.expand(e.base) ** e.exp))

    steps = (
        Step("variance", "the biased variance is the mean square minus the squared mean",
             sp.expand(variance(Y)), (Y @ Y) / m - (ONE @ Y) ** 2 / m**2),
        Step("mean", "centring removes the mean", sp.expand(ONE @ (BATCH.raw * BATCH.formula(Y))), sp.Integer(0)),
    )  # fmt: skip
    return Derivation(
        steps,
        definitions={NORMALISED: BATCH.raw},
        scalars={rho: sigma2 / (sigma2 + epsilon), s: BATCH.formula(Y)},
        rewrite=by_variance,
    )


def _derive_one_value() -> Derivation:
    # In R^1, y = <1, y> 1.
    single = {Y @ Y: (ONE @ Y) ** 2}
    step = Step("no spread", "a single value is its own mean", variance(Y).xreplace(single).subs(m, 1), sp.Integer(0))
    return Derivation((step,), definitions={NORMALISED: BATCH.raw}, rewrite=lambda e: sp.cancel(e.xreplace(single)))


ONE_VALUE = Hypothesis(
    "m = 1", "the channel has one value in the batch, and epsilon > 0", sp.Eq(m, 1), {m: sp.Integer(1)}
)

NORMALISED_MEAN = Claim(
    "normalised-mean", "The normalised values sum to zero", _SOURCE,
    ONE @ NORMALISED, "==", sp.Integer(0), "channel", _derive, (TRAINING_MODE,),
    scale=sp.sqrt(m * (NORMALISED @ NORMALISED)),
)  # fmt: skip

NORMALISED_NORM = Claim(
    "normalised-norm", "The normalised values have squared norm rho m", _SOURCE,
    NORMALISED @ NORMALISED, "==", rho * m, "channel", _derive, (TRAINING_MODE,),
)  # fmt: skip

SINGLE = Claim(
    "one-value", "A batch of one value normalises to zero", _SOURCE,
    NORMALISED @ NORMALISED, "==", sp.Integer(0), "channel", _derive_one_value, (TRAINING_MODE, ONE_VALUE),
    scale=m, remark="Hence batch renormalisation returns gamma d + beta for it.",
)  # fmt: skip
