r"""Batch renormalisation (Ioffe 2017): z = gamma (r yhat + d) + beta, with r and d constants for differentiation."""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.known import BATCH_RENORM
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, Source
from bnverify.theory.proof.hypotheses import READING, TRAINING_MODE
from bnverify.theory.proof.quantities import YHAT, G, V, W, Y, Z, a, beta, d, gamma, mu, mu_run, r, rho, s, s_run

_claim = partial(Claim, about=("batch-renorm",), chapter="batch_renormalization")

_SOURCE = Source("Ioffe 2017", "section 3")
_THIS = Source("this work", "Theorem 4.1 for batch renormalisation")
STOPPED = Hypothesis("stopped gradient", "r and d are not differentiated")
UNCLIPPED = Hypothesis(
    "unclipped",
    "r = s/s_run and d = (mu - mu_run)/s_run, neither at its limit",
    equations={r: s / s_run, d: (mu - mu_run) / s_run},
    flag="unclipped",
)
RENORMALISED = Hypothesis("batch renormalisation", "z = gamma (r yhat + d) + beta")
_HYPOTHESES = (TRAINING_MODE, READING, RENORMALISED, STOPPED)


def _derive() -> Derivation:
    """Fact C.1 with gamma r for gamma: r and d are constants."""
    return Derivation(BATCH_RENORM)


INFERENCE = _claim(
    "renorm-inference", "Unclipped batch renormalisation is inference-time normalisation", _SOURCE,
    W @ Z, "==", gamma / s_run * (W @ Y - mu_run * (ONE @ W)) + beta * (ONE @ W), "channel",
    _derive, (RENORMALISED, UNCLIPPED), remark="Stated for every w. r = 1, d = 0 is batch norm.",
)  # fmt: skip

BACKWARD = _claim(
    "renorm-backward", "Backward pass of batch renormalisation", _SOURCE,
    W @ V, "==", gamma * r / s * (W @ G - (ONE @ W) * (ONE @ G) / m - (W @ YHAT) * a / m), "channel",
    _derive, _HYPOTHESES, remark="Stated for every w.",
)  # fmt: skip

GRADIENT = _claim(
    "renorm-gradient", "Effect of batch renormalisation on the gradient, exact identity", _THIS,
    V @ V, "==", (gamma * r / s) ** 2 * (G @ G - (ONE @ G) ** 2 / m - (2 - rho) / m * a**2), "channel",
    _derive, _HYPOTHESES,
)  # fmt: skip

BIAS_GRADIENT = _claim(
    "renorm-bias-gradient", "A bias before batch renormalisation has gradient zero", _THIS,
    ONE @ V, "==", sp.Integer(0), "channel", _derive, _HYPOTHESES,
    scale=sp.Abs(gamma * r) / s * sp.sqrt(m * (G @ G)),
    remark="Although its value, unclipped, does not depend on the batch: only the gradient still sees it.",
)  # fmt: skip
