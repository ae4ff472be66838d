r"""Moments of the normalised values: <1, yhat> = 0 and <yhat, yhat> = rho m."""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, Source
from bnverify.theory.proof.hypotheses import TRAINING_MODE
from bnverify.theory.proof.quantities import NORMALISED, Y, rho

_claim = partial(Claim, chapter="moments")

_SOURCE = Source("this work", "the definition of batch normalisation")


def _derive() -> Derivation:
    return Derivation(BATCH, raw=True)


ONE_VALUE = Hypothesis(
    "m = 1", "the channel has one value in the batch, so |y|^2 = <1, y>^2, and epsilon > 0", sp.Eq(m, 1),
    {m: sp.Integer(1), Y @ Y: (ONE @ Y) ** 2},
)  # fmt: skip

NORMALISED_MEAN = _claim(
    "normalised-mean", "The normalised values sum to zero", _SOURCE,
    ONE @ NORMALISED, "==", sp.Integer(0), "channel", _derive, (TRAINING_MODE,),
    scale=sp.sqrt(m * (NORMALISED @ NORMALISED)),
)  # fmt: skip

NORMALISED_NORM = _claim(
    "normalised-norm", "The normalised values have squared norm rho m", _SOURCE,
    NORMALISED @ NORMALISED, "==", rho * m, "channel", _derive, (TRAINING_MODE,),
)  # fmt: skip

SINGLE = _claim(
    "one-value", "A batch of one value normalises to zero", _SOURCE,
    NORMALISED @ NORMALISED, "==", sp.Integer(0), "channel", _derive, (TRAINING_MODE, ONE_VALUE),
    scale=m, remark="Hence batch renormalisation returns gamma d + beta for it.",
)  # fmt: skip
