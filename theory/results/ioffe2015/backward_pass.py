r"""The backward pass through the mean and the variance, as Ioffe and Szegedy wrote it, gives the same v as Fact C.1."""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Claim, Derivation, Source
from bnverify.theory.proof.hypotheses import READING, TRAINING_MODE
from bnverify.theory.proof.quantities import YHAT, G, V, W, a, gamma, grad_mu, grad_sigma2, s

_claim = partial(Claim, chapter="backward_pass")

_SOURCE = Source("Ioffe and Szegedy 2015", "section 3, backward pass")
_HYPOTHESES = (TRAINING_MODE, READING)


def _derive() -> Derivation:
    return Derivation(BATCH)


VARIANCE = _claim(
    "backward-variance", "Gradient with respect to the batch variance", _SOURCE,
    grad_sigma2, "==", -gamma * a / (2 * s**2), "channel", _derive, _HYPOTHESES,
    scale=sp.Abs(gamma) * sp.sqrt(m * (G @ G)) / (2 * s**2),
)  # fmt: skip

MEAN = _claim(
    "backward-mean", "Gradient with respect to the batch mean", _SOURCE,
    grad_mu, "==", -gamma * (ONE @ G) / s, "channel", _derive, _HYPOTHESES,
    scale=sp.Abs(gamma) * sp.sqrt(m * (G @ G)) / s,
    remark="The paper adds the mean of -2(y - mu) times the gradient of the variance, which is zero.",
)  # fmt: skip

CHAIN = _claim(
    "backward-chain", "Backward pass through mean and variance", _SOURCE,
    W @ V, "==", gamma / s * (W @ G) + 2 * s / m * grad_sigma2 * (W @ YHAT) + grad_mu * (ONE @ W) / m, "channel",
    _derive, _HYPOTHESES, remark="Stated for every w; y - mu is s yhat.",
)  # fmt: skip
