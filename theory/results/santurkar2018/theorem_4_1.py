r"""Theorem 4.1: batch norm makes the loss more Lipschitz, |v|^2 <= (gamma^2/s^2)(|g|^2 - <1,g>^2/m - a^2/m)."""

from __future__ import annotations

from bnverify.theory.algebra.vectors import ONE, Vector, m
from bnverify.theory.normalizers.normalizer import BATCH, centre
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Source, Step
from bnverify.theory.proof.hypotheses import READING, TRAINING_MODE
from bnverify.theory.proof.quantities import YHAT, G, V, a, gamma, rho, s
from bnverify.theory.results.santurkar2018.fact_c2 import closed_form

_SOURCE = Source("Santurkar et al. 2018", "Theorem 4.1 (later version, coefficient 1/m)")
_gain = (gamma / s) ** 2


def _derive() -> Derivation:
    g, v = centre(G), BATCH.backward
    remainder: Vector = g - a / m * YHAT
    steps = (
        Step("backward pass", "Fact C.1", v, gamma * closed_form(G)),
        Step("centred gradient", "|Cg|^2 = |g|^2 - <1,g>^2/m", g.squared, G @ G - (ONE @ G) ** 2 / m),
        Step("alignment", "yhat is centred, so <Cg, yhat> = a", g @ YHAT, a),
        Step("subtract the aligned part", "|Cg - (a/m) yhat|^2 with |yhat|^2 = rho m",
             remainder.squared, g.squared - (2 - rho) / m * a**2),
    )  # fmt: skip
    return Derivation(
        steps,
        definitions={V: v},
        certificate=Certificate((((gamma / s) ** 2, a**2, 1 - rho, 1 / m),)),
    )


EXACT = Claim(
    "theorem-4.1-exact", "Effect of batch normalisation on the gradient, exact identity",
    Source("this work", "Theorem 4.1"),
    V @ V, "==", _gain * (G @ G - (ONE @ G) ** 2 / m - (2 - rho) / m * a**2), "channel",
    _derive, (TRAINING_MODE, READING),
)  # fmt: skip

PRINTED = Claim(
    "theorem-4.1", "Effect of batch normalisation on the gradient", _SOURCE,
    V @ V, "<=", _gain * (G @ G - (ONE @ G) ** 2 / m - a**2 / m), "channel",
    _derive, (TRAINING_MODE, READING),
    remark="An equality at epsilon = 0; the slack is (gamma^2/s^2)(1 - rho) a^2/m. The matched reading (gamma = s) "
    "shows that it is more than a rescaling.",
)  # fmt: skip
