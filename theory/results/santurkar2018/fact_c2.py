r"""Fact C.2: the Jacobian of batch normalisation, D yhat[x] = (1/s) (C x - yhat <yhat, x> / m), any epsilon."""

from __future__ import annotations

from functools import partial

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Claim, Derivation, Source
from bnverify.theory.proof.hypotheses import TRAINING_MODE
from bnverify.theory.proof.quantities import JX, YHAT, W, X, s

_claim = partial(Claim, chapter="fact_c2")


def _derive() -> Derivation:
    return Derivation(BATCH)


FACT_C2 = _claim(
    "fact-c2", "Jacobian of batch normalisation", Source("Santurkar et al. 2018", "Fact C.2"),
    W @ JX, "==", (W @ X - (ONE @ W) * (ONE @ X) / m - (W @ YHAT) * (X @ YHAT) / m) / s, "channel",
    _derive, (TRAINING_MODE,),
    remark="Stated for every w and x; printed entry by entry as (1/s)(delta_bk - 1/m - yhat_b yhat_k / m).",
)  # fmt: skip
