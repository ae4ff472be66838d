r"""Theorem 4.1: batch norm makes the loss more Lipschitz, |v|^2 <= (gamma^2/s^2)(|g|^2 - <1,g>^2/m - a^2/m)."""

from __future__ import annotations

from functools import partial

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Source
from bnverify.theory.proof.hypotheses import READING, TRAINING_MODE
from bnverify.theory.proof.quantities import G, V, a, gamma, rho, s

_claim = partial(Claim, chapter="theorem_4_1")

_SOURCE = Source("Santurkar et al. 2018", "Theorem 4.1 (later version, coefficient 1/m)")
_gain = (gamma / s) ** 2


def _derive() -> Derivation:
    """v is the backward pass; |Cg - (a/m) yhat|^2 = |Cg|^2 - (2 - rho) a^2/m, as |yhat|^2 = rho m."""
    return Derivation(BATCH, Certificate((((gamma / s) ** 2, a**2, 1 - rho, 1 / m),)))


EXACT = _claim(
    "theorem-4.1-exact", "Effect of batch normalisation on the gradient, exact identity",
    Source("this work", "Theorem 4.1"),
    V @ V, "==", _gain * (G @ G - (ONE @ G) ** 2 / m - (2 - rho) / m * a**2), "channel",
    _derive, (TRAINING_MODE, READING),
)  # fmt: skip

PRINTED = _claim(
    "theorem-4.1", "Effect of batch normalisation on the gradient", _SOURCE,
    V @ V, "<=", _gain * (G @ G - (ONE @ G) ** 2 / m - a**2 / m), "channel",
    _derive, (TRAINING_MODE, READING),
    remark="An equality at epsilon = 0; the slack is (gamma^2/s^2)(1 - rho) a^2/m. The matched reading (gamma = s) "
    "shows that it is more than a rescaling.",
)  # fmt: skip
