r"""The sum rule: where what follows z does not see its scale, <g, z> summed over the channels of a layer is zero."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, Vector
from bnverify.theory.normalizers.normalizer import BATCH, LOSS
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, Source, Step
from bnverify.theory.proof.hypotheses import NO_EPSILON, READING, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    YHAT,
    ChannelSum,
    G,
    a,
    beta,
    distribute,
    followed,
    gamma,
    mu,
    next_y_v,
    rho,
    s,
)
from bnverify.theory.results.santurkar2018.fact_c1 import pull_back_steps

_THIS = Source("this work", "Euler's relation for homogeneous functions")
HOMOGENEOUS = Hypothesis(
    "homogeneous up to the next batch norm",
    "from z to the output y' of the next normalised layer only ReLU, max-pool and one linear layer, its bias directly "
    "before the norm, so that z -> kz gives y' -> ky' up to a constant in each channel",
    sp.Gt(followed, 0),
)
_left = ChannelSum(gamma * a + beta * (ONE @ G))


def _derive() -> Derivation:
    k = sp.Symbol("k", positive=True)
    z = gamma * YHAT + beta * ONE
    along = LOSS.along((k * z).map(lambda c: sp.diff(c, k)))
    # At the next layer y' - b'1 is multiplied by k: the slope is <v', y' - b'1>, and <1, v'> = 0.
    bias = sp.Symbol("b'", real=True)
    y = mu * ONE + s * YHAT
    at_next = (y - bias * ONE) @ BATCH.backward
    steps = (
        *pull_back_steps(),
        Step("slope in k, here", "d/dk L(kz) = <g, z>, one term a channel", along, gamma * a + beta * (ONE @ G)),
        Step("slope in k, there", "d/dk Lhat(ky') = <v', y'>, a bias does not matter", at_next, y @ BATCH.backward),
        Step("what epsilon leaves", "each channel there adds gamma (1 - rho) a", at_next, gamma * (1 - rho) * a),
    )  # fmt: skip
    return Derivation(steps, scalars={next_y_v: ChannelSum(along)}, rewrite=distribute)


def _derive_zero() -> Derivation:
    """The exact rule, solved for the sum of gamma a; what epsilon leaves at the next layer vanishes with 1 - rho."""
    there = Vector.atom("g_next", latex="g'") @ YHAT
    residue = ChannelSum(gamma * (1 - rho) * there)
    alignments, shifts = ChannelSum(gamma * a), ChannelSum(beta * (ONE @ G))

    def solved(expression: sp.Expr) -> sp.Expr:
        return distribute(distribute(expression).xreplace({alignments: residue - shifts}))

    return Derivation(_derive().steps, rewrite=solved)


EXACT = Claim(
    "sum-rule-exact", "Sum rule between two normalised layers, any epsilon", _THIS,
    _left, "==", next_y_v, "layer", _derive, (TRAINING_MODE, READING, HOMOGENEOUS),
    remark="The right side is the sum of gamma (1 - rho) a over the channels of the next normalised layer.",
)  # fmt: skip

ZERO = Claim(
    "sum-rule", "Sum rule: with beta = 0 and gamma > 0 the alignments of a layer cannot all be positive", _THIS,
    _left, "==", sp.Integer(0), "layer", _derive_zero, (TRAINING_MODE, READING, HOMOGENEOUS, NO_EPSILON),
    scale=ChannelSum(sp.Abs(gamma * a) + sp.Abs(beta * (ONE @ G))),
    remark="With beta = 0 and gamma > 0, <g, yhat> > 0 in one channel forces a negative one in another: the mild "
    "assumption of Theorem 4.2 is impossible for a whole layer that another batch norm follows.",
)  # fmt: skip
