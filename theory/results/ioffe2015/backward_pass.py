r"""The backward pass through the mean and the variance, as Ioffe and Szegedy wrote it, gives the same v as Fact C.1."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH, LOSS
from bnverify.theory.proof.claim import Claim, Derivation, Source, Step
from bnverify.theory.proof.hypotheses import READING, TRAINING_MODE
from bnverify.theory.proof.quantities import YHAT, G, V, W, Y, a, epsilon, gamma, grad_mu, grad_sigma2, mu, s, sigma2
from bnverify.theory.results.santurkar2018.fact_c1 import backward_steps

_SOURCE = Source("Ioffe and Szegedy 2015", "section 3, backward pass")
_HYPOTHESES = (TRAINING_MODE, READING)


def _derive() -> Derivation:
    free = gamma / sp.sqrt(sigma2 + epsilon) * (Y - mu * ONE)

    def at_batch(form: sp.Expr) -> sp.Expr:
        moved = form.xreplace({G @ Y: mu * (ONE @ G) + s * a})
        return sp.expand(moved.subs(sigma2, s**2 - epsilon))

    by_variance, by_mean = (at_batch(LOSS.along(free.map(lambda c, t=t: sp.diff(c, t)))) for t in (sigma2, mu))
    total = gamma / s * (W @ G) + by_variance * 2 * s * (W @ YHAT) / m + by_mean * (ONE @ W) / m
    steps = (
        Step("variance", "d/dsigma^2 of (y - mu)/sqrt(sigma^2 + epsilon)", by_variance, -gamma * a / (2 * s**2)),
        Step("mean", "d/dmu; the variance does not change with the mean, as y - mu sums to zero",
             by_mean, -gamma / s * (ONE @ G)),
        *backward_steps(),
        Step("chain", "dmu/dy = 1/m, dsigma^2/dy = 2(y - mu)/m", total, W @ BATCH.backward),
    )  # fmt: skip
    return Derivation(
        steps, definitions={V: BATCH.backward}, scalars={grad_sigma2: by_variance, grad_mu: by_mean}
    )  # fmt: skip


VARIANCE = Claim(
    "backward-variance", "Gradient with respect to the batch variance", _SOURCE,
    grad_sigma2, "==", -gamma * a / (2 * s**2), "channel", _derive, _HYPOTHESES,
    scale=sp.Abs(gamma) * sp.sqrt(m * (G @ G)) / (2 * s**2),
)  # fmt: skip

MEAN = Claim(
    "backward-mean", "Gradient with respect to the batch mean", _SOURCE,
    grad_mu, "==", -gamma * (ONE @ G) / s, "channel", _derive, _HYPOTHESES,
    scale=sp.Abs(gamma) * sp.sqrt(m * (G @ G)) / s,
    remark="The paper adds the mean of -2(y - mu) times the gradient of the variance, which is zero.",
)  # fmt: skip

CHAIN = Claim(
    "backward-chain", "Backward pass through mean and variance", _SOURCE,
    W @ V, "==", gamma / s * (W @ G) + 2 * s / m * grad_sigma2 * (W @ YHAT) + grad_mu * (ONE @ W) / m, "channel",
    _derive, _HYPOTHESES, remark="Stated for every w; y - mu is s yhat.",
)  # fmt: skip
