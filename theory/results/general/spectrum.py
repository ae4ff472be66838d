r"""The spectrum of the Jacobian J = D yhat: sJ = C - yhat yhat'/m, at epsilon = 0 a projector of rank m - 2."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m, trace
from bnverify.theory.normalizers.normalizer import BATCH, centre
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source, Step
from bnverify.theory.proof.hypotheses import NO_EPSILON, READING, TRAINING_MODE
from bnverify.theory.proof.quantities import JJX, JX, YHAT, G, V, W, X, a, gamma, rho, s
from bnverify.theory.results.santurkar2018.fact_c1 import backward_steps

_THIS = Source("this work", "consequences of Fact C.2")
TWO_VALUES = Hypothesis("m = 2", "the channel has two values in the batch", sp.Eq(m, 2), {m: sp.Integer(2)})


def _derive() -> Derivation:
    twice = BATCH.jacobian(BATCH.jacobian(X))
    steps = (
        Step("twice", "C yhat = yhat and <yhat, yhat> = rho m", s**2 * twice,
             centre(X) - (2 - rho) / m * (YHAT @ X) * YHAT),
        Step("trace", "of C it is m - 1, of yhat yhat'/m it is rho",
             sp.expand(s * trace(BATCH.jacobian)), m - 1 - rho),
        Step("projector", "at epsilon = 0 applying sJ twice changes nothing: its rank is its trace, m - 2",
             (s**2 * twice - s * BATCH.jacobian(X)).subs(rho, 1), 0 * ONE),
    )  # fmt: skip
    return Derivation(
        steps,
        definitions={JX: BATCH.jacobian(X), JJX: twice},
        certificate=Certificate(
            ((1 / s**2, 1 / m, (ONE @ X) ** 2), (1 / s**2, 1 / m, 2 - rho, (YHAT @ X) ** 2)),
        ),
    )


def _derive_two_values() -> Derivation:
    # In R^2 the vectors 1 and yhat are an orthogonal basis, so Parseval's identity gives |g|^2; in R^m there are m - 2
    # further directions, in which g has whatever mean square it likes.
    parseval = (ONE @ G) ** 2 / m + a**2 / m
    beyond = (m - 2) * sp.Symbol("mean_square_beyond", nonnegative=True)
    steps = (
        *backward_steps(),
        Step("Parseval", "1 and yhat, of squared norms m and m, span R^2",
             ((ONE @ G) / m * ONE + a / m * YHAT).squared.subs(rho, 1), parseval),
    )  # fmt: skip
    return Derivation(
        steps, definitions={V: BATCH.backward}, rewrite=lambda e: sp.expand(e.xreplace({G @ G: parseval + beyond}))
    )  # fmt: skip


SQUARED = Claim(
    "jacobian-squared", "The Jacobian applied twice", _THIS,
    W @ JJX, "==",
    (W @ X - (ONE @ W) * (ONE @ X) / m - (2 - rho) / m * (W @ YHAT) * (X @ YHAT)) / s**2, "channel",
    _derive, (TRAINING_MODE,),
    remark="Its eigenvalues are 0 (on 1), (1 - rho)/s (on yhat) and 1/s (m - 2 times).",
)  # fmt: skip

PROJECTOR = Claim(
    "jacobian-projector", "Without epsilon, sJ is an orthogonal projector of rank m - 2", _THIS,
    s * (W @ JJX), "==", W @ JX, "channel", _derive, (TRAINING_MODE, NO_EPSILON),
    remark="Stated for every w and x. The rank is the trace, m - 2: with two values a channel passes no gradient.",
)  # fmt: skip

NORM = Claim(
    "jacobian-norm", "The Jacobian stretches nothing by more than 1/s", _THIS,
    JX @ JX, "<=", (X @ X) / s**2, "channel", _derive, (TRAINING_MODE,),
    remark="Attained for m >= 3 by every x orthogonal to 1 and yhat, so the spectral norm of gamma J is |gamma|/s.",
)  # fmt: skip

NO_GRADIENT = Claim(
    "two-values", "Two values in a channel pass no gradient", _THIS,
    V @ V, "==", sp.Integer(0), "channel", _derive_two_values, (TRAINING_MODE, READING, NO_EPSILON, TWO_VALUES),
    scale=(gamma / s) ** 2 * (G @ G),
)  # fmt: skip
