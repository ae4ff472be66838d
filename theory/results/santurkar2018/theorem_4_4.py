r"""Theorem 4.4, corrected: the largest gradient of a filter over inputs of norm lambda, and its form on real layers."""

from __future__ import annotations

from functools import partial

from bnverify.theory.algebra.vectors import ONE, SelfAdjoint, m
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source
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

_claim = partial(Claim, chapter="theorem_4_4")

_PRINTED = Source("Santurkar et al. 2018", "Theorem 4.4, corrected")
_THIS = Source("this work", "Theorem 4.4 on a layer")
FROZEN = Hypothesis(
    "frozen",
    "X varies over all matrices of spectral norm at most lambda while y, s, yhat and g stay as they are; the "
    "largest |X'u|^2 is lambda^2 |u|^2, attained at X = lambda u e'/|u|",
    equations={frozen_plain: design_norm2 * (G @ G), frozen_normalised: design_norm2 * (V @ V)},
)
_bracket = G @ G - (ONE @ G) ** 2 / m - (2 - rho) / m * a**2
# lambda^2 I - XX' is positive semidefinite: the definition of the spectral norm.
_REST = SelfAdjoint("R", latex=r"(\lambda^{2}I - XX^{\top})", nonnegative=True)
DESIGN = Hypothesis(
    "linear layer",
    "y_j = X W_j + b_j 1, X the design matrix (im2col for a convolution), |X| its spectral norm: "
    "|X'v|^2 = |X|^2 |v|^2 - v'Rv with R = |X|^2 I - XX' positive semidefinite",
    equations={WEIGHT_GRADIENT.squared: design_norm2 * (V @ V) - V @ _REST(V)},
)


def _derive() -> Derivation:
    return Derivation(BATCH)


def _derive_layer() -> Derivation:
    return Derivation(BATCH, Certificate(((V @ _REST(V),),)))


EXACT = _claim(
    "theorem-4.4", "Worst-case gradient of a filter over inputs of bounded norm", _PRINTED,
    frozen_normalised, "==",
    (gamma / s) ** 2 * (frozen_plain - design_norm2 * (ONE @ G) ** 2 / m - design_norm2 * (2 - rho) / m * a**2),
    "channel", _derive, (TRAINING_MODE, READING, FROZEN),
    remark="Printed with the already squared maximum squared again, the mean without lambda^2 and the alignment "
    "without 1/m. Nothing is claimed about inputs that change y with them.",
)  # fmt: skip

PULL_BACK = _claim(
    "theorem-4.4-layer", "Gradient of a filter against the gradient at its output", _THIS,
    WEIGHT_GRADIENT @ WEIGHT_GRADIENT, "<=", design_norm2 * (V @ V), "channel",
    _derive_layer, (TRAINING_MODE, READING, DESIGN),
)  # fmt: skip

LAYER = _claim(
    "theorem-4.4-layer-bound", "Gradient of a filter on a real layer", _THIS,
    WEIGHT_GRADIENT @ WEIGHT_GRADIENT, "<=", design_norm2 * (gamma / s) ** 2 * _bracket, "channel",
    _derive_layer, (TRAINING_MODE, READING, DESIGN),
    remark="What remains of Theorem 4.4 when the inputs are those of the batch.",
)  # fmt: skip
