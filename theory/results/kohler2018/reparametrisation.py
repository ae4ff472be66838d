r"""Batch norm as a reparametrisation of the weights: direction and length apart (Kohler et al. 2018)."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, Vector, m
from bnverify.theory.normalizers.normalizer import BATCH, centre, resolve_roots, variance
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, Source, Step
from bnverify.theory.proof.hypotheses import TRAINING_MODE
from bnverify.theory.proof.quantities import (
    COVARIANCE,
    WEIGHTS,
    Z_REPARAMETRISED,
    W,
    Z,
    beta,
    epsilon,
    gamma,
    s,
)  # fmt: skip

_SOURCE = Source("Kohler et al. 2018", "equation (3)")
ZERO_MEAN = Hypothesis("zero-mean inputs", "every input feature of the layer has mean zero over the batch: X'1 = 0")
LINEAR = Hypothesis("linear layer", "y_j = X W_j + b_j 1, S = X'CX/m the covariance of its inputs")
_xw = Vector.atom("XW", latex="XW_j")
_b = sp.Symbol("b", real=True)
_form = WEIGHTS @ COVARIANCE(WEIGHTS)


def _derive_variance() -> Derivation:
    y = _xw + _b * ONE
    steps = (
        Step("the bias drops out", "the variance does not see a shift",
             sp.expand(variance(y)), sp.expand(variance(_xw))),
        Step("quadratic form", "|C X W|^2/m = W' (X'CX/m) W", centre(_xw).squared / m, variance(_xw)),
    )  # fmt: skip
    return Derivation(
        steps, scalars={s: BATCH.formula(y), _form: variance(_xw)}, rewrite=lambda e: sp.expand(resolve_roots(e))
    )


def _derive_output() -> Derivation:
    # X'1 = 0, so <1, XW> = 0 and the covariance is X'X/m.
    y = _xw
    z = gamma * centre(y) / BATCH.formula(y) + beta * ONE
    tilde = gamma / sp.sqrt(_xw.squared / m + epsilon) * _xw + beta * ONE
    steps = (
        Step("zero mean", "centring changes nothing", _no_mean(variance(y)), _xw.squared / m),
    )  # fmt: skip
    return Derivation(
        steps, definitions={Z: z, Z_REPARAMETRISED: tilde}, scalars={_form: _xw.squared / m}, rewrite=_no_mean
    )


def _no_mean(expression: sp.Expr) -> sp.Expr:
    return sp.expand(resolve_roots(expression.xreplace({ONE @ _xw: sp.Integer(0)})))


VARIANCE = Claim(
    "kohler-variance", "The batch variance is a quadratic form of the weights", _SOURCE,
    s**2, "==", _form + epsilon, "channel", _derive_variance, (TRAINING_MODE, LINEAR),
)  # fmt: skip

OUTPUT = Claim(
    "kohler-reparametrisation", "Batch norm is a linear layer with weights gamma W / sqrt(W'SW + epsilon)", _SOURCE,
    W @ Z, "==", W @ Z_REPARAMETRISED, "channel", _derive_output, (TRAINING_MODE, LINEAR, ZERO_MEAN),
    remark="Stated for every w. Weight normalisation is the case S = I.",
)  # fmt: skip
