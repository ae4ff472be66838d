r"""The spectrum of the Jacobian J = D yhat: sJ = C - yhat yhat'/m, at epsilon = 0 a projector of rank m - 2."""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source
from bnverify.theory.proof.hypotheses import NO_EPSILON, READING, TRAINING_MODE
from bnverify.theory.proof.quantities import JJX, JX, YHAT, G, V, W, X, a, gamma, rho, s

_claim = partial(Claim, chapter="spectrum")

_THIS = Source("this work", "consequences of Fact C.2")
TWO_VALUES = Hypothesis(
    "m = 2", "the channel has two values in the batch, so 1 and yhat (of squared norms 2 and 2 rho, here 2) span R^2 "
    "and |g|^2 is <1, g>^2/2 + a^2/2", sp.Eq(m, 2),
    {m: sp.Integer(2), G @ G: (ONE @ G) ** 2 / 2 + a**2 / 2},
)  # fmt: skip


def _derive() -> Derivation:
    return Derivation(
        BATCH, Certificate(((1 / s**2, 1 / m, (ONE @ X) ** 2), (1 / s**2, 1 / m, 2 - rho, (YHAT @ X) ** 2)))
    )


def _derive_two_values() -> Derivation:
    return Derivation(BATCH)


SQUARED = _claim(
    "jacobian-squared", "The Jacobian applied twice", _THIS,
    W @ JJX, "==",
    (W @ X - (ONE @ W) * (ONE @ X) / m - (2 - rho) / m * (W @ YHAT) * (X @ YHAT)) / s**2, "channel",
    _derive, (TRAINING_MODE,),
    remark="Its eigenvalues are 0 (on 1), (1 - rho)/s (on yhat) and 1/s (m - 2 times).",
)  # fmt: skip

PROJECTOR = _claim(
    "jacobian-projector", "Without epsilon, sJ is an orthogonal projector of rank m - 2", _THIS,
    s * (W @ JJX), "==", W @ JX, "channel", _derive, (TRAINING_MODE, NO_EPSILON),
    remark="Stated for every w and x. The rank is the trace, m - 2: with two values a channel passes no gradient.",
)  # fmt: skip

NORM = _claim(
    "jacobian-norm", "The Jacobian stretches nothing by more than 1/s", _THIS,
    JX @ JX, "<=", (X @ X) / s**2, "channel", _derive, (TRAINING_MODE,),
    remark="Attained for m >= 3 by every x orthogonal to 1 and yhat, so the spectral norm of gamma J is |gamma|/s.",
)  # fmt: skip

NO_GRADIENT = _claim(
    "two-values", "Two values in a channel pass no gradient", _THIS,
    V @ V, "==", sp.Integer(0), "channel", _derive_two_values, (TRAINING_MODE, READING, NO_EPSILON, TWO_VALUES),
    scale=(gamma / s) ** 2 * (G @ G),
)  # fmt: skip
