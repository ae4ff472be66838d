r"""The sum rule: where what follows z does not see its scale, <g, z> summed over the channels of a layer is zero."""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.algebra.channel_sum import ChannelSum
from bnverify.theory.algebra.vectors import ONE
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, Source
from bnverify.theory.proof.hypotheses import NO_EPSILON, READING, TRAINING_MODE
from bnverify.theory.proof.quantities import G, a, beta, followed, gamma, next_y_v

_claim = partial(Claim, chapter="sum_rule")

_THIS = Source("this work", "Euler's relation for homogeneous functions")
HOMOGENEOUS = Hypothesis(
    "homogeneous up to the next batch norm",
    "from z to the output y' of the next normalised layer only ReLU, max-pool and one linear layer, its bias directly "
    "before the norm, so that z -> kz gives y' -> ky' up to a constant in each channel",
    sp.Gt(followed, 0),
    # d/dk of L(kz) at k = 1, here and at the next layer, solved for the sum of gamma a
    {ChannelSum(gamma * a): next_y_v - ChannelSum(beta * (ONE @ G))},
)
_left = ChannelSum(gamma * a + beta * (ONE @ G))
# What epsilon leaves at the next layer is the sum of gamma (1 - rho) a there (weight-gradient).
NEXT = Hypothesis(
    "epsilon = 0 at the next batch norm", "<y', v'> = gamma (1 - rho) a there, which is 0 in every channel",
    equations={next_y_v: sp.Integer(0)},
)  # fmt: skip


def _derive() -> Derivation:
    return Derivation(BATCH)


EXACT = _claim(
    "sum-rule-exact", "Sum rule between two normalised layers, any epsilon", _THIS,
    _left, "==", next_y_v, "layer", _derive, (TRAINING_MODE, READING, HOMOGENEOUS),
    remark="The right side is the sum of gamma (1 - rho) a over the channels of the next normalised layer.",
)  # fmt: skip

ZERO = _claim(
    "sum-rule", "Sum rule: with beta = 0 and gamma > 0 the alignments of a layer cannot all be positive", _THIS,
    _left, "==", sp.Integer(0), "layer", _derive, (TRAINING_MODE, READING, HOMOGENEOUS, NO_EPSILON, NEXT),
    scale=ChannelSum(sp.Abs(gamma * a) + sp.Abs(beta * (ONE @ G))),
    remark="With beta = 0 and gamma > 0, <g, yhat> > 0 in one channel forces a negative one in another: the mild "
    "assumption of Theorem 4.2 is impossible for a whole layer that another batch norm follows.",
)  # fmt: skip
