r"""Theorem 4.4, corrected: the largest gradient of a filter over inputs of norm lambda, and its form on real layers."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, SelfAdjoint, Vector, m
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source, Step
from bnverify.theory.proof.hypotheses import READING, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    WEIGHT_GRADIENT,
    G,
    V,
    a,
    design_norm2,
    frozen_normalised,
    frozen_plain,
    gamma,
    rho,
    s,
)  # fmt: skip
from bnverify.theory.results.santurkar2018.fact_c1 import backward_steps

_PRINTED = Source("Santurkar et al. 2018", "Theorem 4.4, corrected")
_THIS = Source("this work", "Theorem 4.4 on a layer")
FROZEN = Hypothesis(
    "frozen", "X varies over all matrices of spectral norm at most lambda while y, s, yhat and g stay as they are"
)
DESIGN = Hypothesis(
    "linear layer", "y_j = X W_j + b_j 1, X the design matrix (im2col for a convolution), |X| its spectral norm"
)
_bracket = G @ G - (ONE @ G) ** 2 / m - (2 - rho) / m * a**2
# lambda^2 I - XX' is positive semidefinite: the definition of the spectral norm.
_REST = SelfAdjoint("R", latex=r"(\lambda^{2}I - XX^{\top})", nonnegative=True)
_v = Vector.atom("v_any", latex="v")


def _largest(vector) -> sp.Expr:
    """|X'vector|^2 at X = lambda vector e'/|vector|, |e| = 1: the dyad of norm lambda that attains the maximum."""
    length = sp.sqrt(vector.squared)
    pulled = sp.sqrt(design_norm2) * vector.squared / length  # the coefficient of e in X'vector
    return sp.expand(pulled**2)


def _derive_frozen() -> Derivation:
    steps = (
        Step("attained", "X = lambda v e'/|v| has norm lambda and X'v = lambda |v| e", _largest(V),
             design_norm2 * V.squared),
        *backward_steps(),
    )  # fmt: skip
    return Derivation(
        steps,
        definitions={V: BATCH.backward},
        scalars={frozen_plain: _largest(G), frozen_normalised: design_norm2 * (V @ V)},
    )


def _derive_layer() -> Derivation:
    pulled = design_norm2 * _v.squared - _v @ _REST(_v)
    steps = (
        Step("pull back", "dLhat/dW_j = X'v, so its squared norm is v'XX'v", pulled,
             _v @ (design_norm2 * _v - _REST(_v))),
        *backward_steps(),
    )  # fmt: skip
    gap = design_norm2 * BATCH.backward.squared - _v @ _REST(_v)
    return Derivation(
        steps,
        definitions={V: BATCH.backward},
        scalars={WEIGHT_GRADIENT.squared: gap},
        certificate=Certificate(((_v @ _REST(_v),),)),
    )


EXACT = Claim(
    "theorem-4.4", "Worst-case gradient of a filter over inputs of bounded norm", _PRINTED,
    frozen_normalised, "==",
    (gamma / s) ** 2 * (frozen_plain - design_norm2 * (ONE @ G) ** 2 / m - design_norm2 * (2 - rho) / m * a**2),
    "channel", _derive_frozen, (TRAINING_MODE, READING, FROZEN),
    remark="Printed with the already squared maximum squared again, the mean without lambda^2 and the alignment "
    "without 1/m. Nothing is claimed about inputs that change y with them.",
)  # fmt: skip

PULL_BACK = Claim(
    "theorem-4.4-layer", "Gradient of a filter against the gradient at its output", _THIS,
    WEIGHT_GRADIENT @ WEIGHT_GRADIENT, "<=", design_norm2 * (V @ V), "channel",
    _derive_layer, (TRAINING_MODE, READING, DESIGN),
)  # fmt: skip

LAYER = Claim(
    "theorem-4.4-layer-bound", "Gradient of a filter on a real layer", _THIS,
    WEIGHT_GRADIENT @ WEIGHT_GRADIENT, "<=", design_norm2 * (gamma / s) ** 2 * _bracket, "channel",
    _derive_layer, (TRAINING_MODE, READING, DESIGN),
    remark="What remains of Theorem 4.4 when the inputs are those of the batch.",
)  # fmt: skip
