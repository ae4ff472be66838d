r"""Observation 4.3: with gamma = s and beta = mu an inserted batch norm changes nothing a network computes.

The second sentence of the observation (all minima are preserved) needs a bias in the layer: `MINIMA` gives the exact
relation between the gradients of the two networks, from which it can be read off.
"""

from __future__ import annotations

from functools import partial

from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Claim, Derivation, Source
from bnverify.theory.proof.hypotheses import LINEAR_WITH_BIAS, MATCHED, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    W,
    Y,
    Z,
    b,
    grad_bias,
    grad_gamma,
    mu,
    s,
    weight_grad_plain,
)  # fmt: skip

_claim = partial(Claim, chapter="observation_4_3")


def _derive() -> Derivation:
    return Derivation(BATCH)


MATCHED_INSERTION = _claim(
    "observation-4.3", "Matched insertion reproduces the layer's output",
    Source("Santurkar et al. 2018", "Observation 4.3, first sentence"),
    W @ Z, "==", W @ Y, "channel", _derive, (TRAINING_MODE, MATCHED), remark="Stated for every w, so z = y.",
)  # fmt: skip

MINIMA = _claim(
    "observation-4.3-minima", "Matched insertion preserves stationary points of a layer with bias",
    Source("Santurkar et al. 2018", "Observation 4.3, second sentence, made exact"),
    s * grad_gamma, "==", weight_grad_plain + (b - mu) * grad_bias, "channel",
    _derive, (TRAINING_MODE, MATCHED, LINEAR_WITH_BIAS),
    remark="At a minimum over (W, b) the right side is 0, hence a = 0 and the minimum is preserved; without a bias "
    "dL/db need not vanish, and the sentence is false.",
)  # fmt: skip
