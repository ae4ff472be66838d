r"""The law of total variance: what statistics of each replica (a ghost batch) leave out of the batch's variance."""

from __future__ import annotations

from functools import partial

from bnverify.theory.algebra.vectors import ONE, SelfAdjoint, m
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source
from bnverify.theory.proof.hypotheses import TRAINING_MODE
from bnverify.theory.proof.quantities import Y, between_variance, mu, rho, s, within_variance

_claim = partial(Claim, chapter="total_variance")
_THIS = Source("this work", "the law of total variance")
# The mean of each replica in place of its values: a projector that keeps the mean.
_B = SelfAdjoint("B")
REPLICAS = Hypothesis(
    "replicas of one size",
    "the batch is split into parts of one size, and B puts the mean of its part for every value: B B = B and B 1 = 1, "
    "so the mean of the parts' variances is |y - By|^2/m and the variance of their means |By - mu 1|^2/m",
    equations={
        within_variance: (Y @ Y - Y @ _B(Y)) / m, between_variance: Y @ _B(Y) / m - mu**2, Y @ _B(_B(Y)): Y @ _B(Y),
        ONE @ _B(Y): ONE @ Y,
    },
)  # fmt: skip


def _derive() -> Derivation:
    return Derivation(BATCH, Certificate(((_B(Y) - mu * ONE, 1 / m),)))


TOTAL = _claim(
    "ghost-total-variance", "The variance of a batch is that within its replicas and that of their means", _THIS,
    rho * s**2, "==", within_variance + between_variance, "channel", _derive, (TRAINING_MODE, REPLICAS),
    remark="So normalization by each replica's own statistics divides by less, on average over the replicas.",
)  # fmt: skip

WITHIN = _claim(
    "ghost-variance", "Replicas have no larger variance on average than the whole batch", _THIS,
    within_variance, "<=", rho * s**2, "channel", _derive, (TRAINING_MODE, REPLICAS),
    remark="With equality iff all replicas have one mean.",
)  # fmt: skip
