r"""Fact C.2: the Jacobian of batch normalisation, D yhat[x] = (1/s) (C x - yhat <yhat, x> / m), any epsilon."""

from __future__ import annotations

from bnverify.theory.algebra.derivative import derivative
from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH, centre, in_normalised_coordinates
from bnverify.theory.proof.claim import Claim, Derivation, Source, Step
from bnverify.theory.proof.hypotheses import TRAINING_MODE
from bnverify.theory.proof.quantities import JX, YHAT, W, X, Y, mu, rho, s


def closed_form(x):
    """(1/s)(C - yhat yhat'/m) applied to x."""
    return (centre(x) - (YHAT @ x) / m * YHAT) / s


def _derive() -> Derivation:
    steps = (
        Step("derivative of the mean", "the mean is linear", derivative((ONE @ Y) / m, Y, X), (ONE @ X) / m),
        Step("derivative of the scale", "s^2 is quadratic in y: D s[x] = <yhat, x> / m",
             in_normalised_coordinates(derivative(BATCH.formula(Y), Y, X)), (YHAT @ X) / m),
        Step("quotient rule", "D yhat[x] = C x / s - yhat D s[x] / s", BATCH.jacobian(X), closed_form(X)),
        Step("symmetry", "the bilinear form is symmetric", W @ BATCH.jacobian(X), X @ BATCH.jacobian(W)),
        Step("the vector 1", "shifting y changes nothing", BATCH.jacobian(ONE), 0 * ONE),
        Step("the vector yhat", "is an eigenvector with eigenvalue (1 - rho)/s",
             BATCH.jacobian(YHAT), (1 - rho) / s * YHAT),
        Step("the vector y", "scaling y changes nothing but for epsilon", BATCH.jacobian(mu * ONE + s * YHAT),
             (1 - rho) * YHAT),
    )  # fmt: skip
    return Derivation(steps, definitions={JX: BATCH.jacobian(X)})


FACT_C2 = Claim(
    "fact-c2", "Jacobian of batch normalisation", Source("Santurkar et al. 2018", "Fact C.2"),
    W @ JX, "==", (W @ X - (ONE @ W) * (ONE @ X) / m - (W @ YHAT) * (X @ YHAT) / m) / s, "channel",
    _derive, (TRAINING_MODE,),
    remark="Stated for every w and x; printed entry by entry as (1/s)(delta_bk - 1/m - yhat_b yhat_k / m).",
)  # fmt: skip
