r"""Batch norm as a reparametrisation of the weights: direction and length apart (Kohler et al. 2018)."""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.algebra.vectors import ONE
from bnverify.theory.normalizers.normalizer import BATCH, variance
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, Source
from bnverify.theory.proof.hypotheses import TRAINING_MODE
from bnverify.theory.proof.quantities import (
    COVARIANCE,
    WEIGHTS,
    XW,
    Z_REPARAMETRISED,
    W,
    Y,
    Z,
    b,
    beta,
    epsilon,
    gamma,
    s,
)  # fmt: skip

_claim = partial(Claim, chapter="reparametrisation")

_SOURCE = Source("Kohler et al. 2018", "equation (3)")
_form = WEIGHTS @ COVARIANCE(WEIGHTS)
LINEAR = Hypothesis(
    "linear layer", "y_j = X W_j + b_j 1, S = X'CX/m the covariance of its inputs, and the linear layer of the claim "
    "has weights gamma W_j/sqrt(W_j'S W_j + epsilon) and bias beta",
    equations={
        Y: XW + b * ONE, _form: variance(XW),
        Z_REPARAMETRISED: gamma / sp.sqrt(_form + epsilon) * XW + beta * ONE,
    },
)  # fmt: skip
ZERO_MEAN = Hypothesis(
    "zero-mean inputs", "every input feature of the layer has mean zero over the batch: X'1 = 0",
    equations={ONE @ XW: sp.Integer(0)}, flag="zero_mean",
)  # fmt: skip


def _derive() -> Derivation:
    return Derivation(BATCH, raw=True)


VARIANCE = _claim(
    "kohler-variance", "The batch variance is a quadratic form of the weights", _SOURCE,
    s**2, "==", _form + epsilon, "channel", _derive, (TRAINING_MODE, LINEAR),
)  # fmt: skip

OUTPUT = _claim(
    "kohler-reparametrisation", "Batch norm is a linear layer with weights gamma W / sqrt(W'SW + epsilon)", _SOURCE,
    W @ Z, "==", W @ Z_REPARAMETRISED, "channel", _derive, (TRAINING_MODE, LINEAR, ZERO_MEAN),
    remark="Stated for every w. Weight normalisation is the case S = I.",
)  # fmt: skip
