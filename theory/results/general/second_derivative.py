r"""The second derivative of batch normalisation along a direction, and the full Hessian of the normalised loss."""

from __future__ import annotations

from functools import partial

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Claim, Derivation, Source
from bnverify.theory.proof.hypotheses import READING, TRAINING_MODE
from bnverify.theory.proof.quantities import HHAT, KX, U_W, U_X, YHAT, G, H, U, V, W, X, a, gamma, rho, s

_claim = partial(Claim, chapter="second_derivative")


def _derive() -> Derivation:
    return Derivation(BATCH)


_SOURCE = Source("Santurkar et al. 2018", "proof of Theorem 4.2, equations (41)-(42)")
_centred_norm = X @ X - (ONE @ X) ** 2 / m

SECOND_DERIVATIVE = _claim(
    "second-derivative", "Second derivative of batch normalisation along a direction",
    Source("this work", "Fact C.2 continued"),
    W @ KX, "==",
    -2 * (YHAT @ X) / (m * s**2) * (W @ X - (ONE @ W) * (ONE @ X) / m - (YHAT @ X) * (W @ YHAT) / m)
    - (W @ YHAT) * (_centred_norm - (YHAT @ X) ** 2 / m) / (m * s**2),
    "channel", _derive, (TRAINING_MODE,), remark="Stated for every w and x.",
)  # fmt: skip

HESSIAN = _claim(
    "hessian", "Full Hessian of the normalised loss", _SOURCE,
    W @ HHAT(X), "==", U_W @ H(U_X) - gamma / (m * s**2) * (
        (W @ G - (ONE @ W) * (ONE @ G) / m) * (X @ YHAT) + (W @ YHAT) * (X @ G - (ONE @ X) * (ONE @ G) / m)
        + a * (W @ X - (ONE @ W) * (ONE @ X) / m) - 3 * a * (W @ YHAT) * (X @ YHAT) / m
    ), "sample", _derive, (TRAINING_MODE, READING),
    remark="Stated for every w and x, with u_w = D z[w] = (gamma/s) P w. Exact for every epsilon.",
)  # fmt: skip

VELOCITY = _claim(
    "velocity", "The direction u = D z[v] in which z moves when y moves along its gradient v",
    Source("this work", "for Theorem 4.2"),
    W @ U, "==", gamma / s * (W @ V - (1 - rho) * gamma * a / (m * s) * (W @ YHAT)), "channel",
    _derive, (TRAINING_MODE, READING), remark="At epsilon = 0, u = (gamma/s) v.",
)  # fmt: skip
