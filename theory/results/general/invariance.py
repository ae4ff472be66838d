r"""What batch normalisation does not see: the scale of y (without epsilon) and its mean; what follows for weights."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, substitute
from bnverify.theory.normalizers.normalizer import BATCH, in_normalised_coordinates
from bnverify.theory.proof.claim import Claim, Derivation, Source, Step
from bnverify.theory.proof.hypotheses import LINEAR_WITH_BIAS, NO_EPSILON, READING, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    HHAT,
    HHAT_SCALED,
    NEXT_WEIGHTS,
    V_SCALED,
    V_SHIFTED,
    WEIGHT_GRADIENT,
    WEIGHTS,
    YHAT,
    YHAT_SCALED,
    YHAT_SHIFTED,
    V,
    W,
    X,
    Y,
    a,
    epsilon,
    gamma,
    k,
    learning_rate,
    mu,
    rho,
    s,
)  # fmt: skip
from bnverify.theory.results.santurkar2018.fact_c1 import pull_back_steps

_THIS = Source("this work", "homogeneity of the standard deviation")
_KOHLER = Source("Kohler et al. 2018", "scale invariance of the objective")
_c = sp.Symbol("c", real=True)


def _scaled_steps() -> tuple[Step, ...]:
    larger = {Y: k * Y}
    matched = substitute(BATCH.formula(Y), larger).xreplace({epsilon: k**2 * epsilon})
    return (
        Step("scale", "s(ky) = k s(y) once epsilon is multiplied by k^2, as 0 is",
             in_normalised_coordinates(matched), k * s),
        Step("values", "hence yhat(ky) = yhat(y)",
             in_normalised_coordinates(substitute(BATCH.raw, larger).map(
                 lambda e: e.xreplace({epsilon: k**2 * epsilon}))), YHAT),
        Step("Jacobian", "y enters it through yhat and s only, so it is divided by k",
             BATCH.jacobian(X).subs(s, k * s), BATCH.jacobian(X) / k),
    )  # fmt: skip


def _derive_scaled() -> Derivation:
    # With the same epsilon; only without it are yhat, hence z, g and H those of y, and s becomes k s.
    hessian = BATCH.hessian(X, W)
    scale = in_normalised_coordinates(substitute(BATCH.formula(Y), {Y: k * Y}))
    return Derivation(
        _scaled_steps(),
        definitions={
            YHAT_SCALED: in_normalised_coordinates(substitute(BATCH.raw, {Y: k * Y})),
            V_SCALED: BATCH.backward.subs(s, scale),
            V: BATCH.backward,
        },
        scalars={W @ HHAT(X): hessian, W @ HHAT_SCALED(X): hessian.subs(s, scale)},
    )


def _derive_shifted() -> Derivation:
    moved = in_normalised_coordinates(substitute(BATCH.raw, {Y: Y + _c * ONE}))
    steps = (
        Step("scale", "the variance does not see a shift",
             in_normalised_coordinates(substitute(BATCH.formula(Y), {Y: Y + _c * ONE})), s),
        Step("values", "nor does centring", moved, YHAT),
    )  # fmt: skip
    return Derivation(steps, definitions={YHAT_SHIFTED: moved, V_SHIFTED: BATCH.backward, V: BATCH.backward})


def _derive_growth() -> Derivation:
    along = (mu * ONE + s * YHAT) @ BATCH.backward
    after = WEIGHTS - learning_rate * WEIGHT_GRADIENT
    return Derivation(
        (*pull_back_steps(),
         Step("step", "expand |W - eta grad|^2", after.squared,
              WEIGHTS.squared - 2 * learning_rate * (WEIGHTS @ WEIGHT_GRADIENT)
              + learning_rate**2 * WEIGHT_GRADIENT.squared)),
        definitions={NEXT_WEIGHTS: after},
        rewrite=lambda e: sp.expand(e.xreplace({WEIGHTS @ WEIGHT_GRADIENT: along})),
    )  # fmt: skip


SCALE = Claim(
    "invariance-scale", "Multiplying the weights of a layer does not change the normalised values", _KOHLER,
    W @ YHAT_SCALED, "==", W @ YHAT, "channel", _derive_scaled, (TRAINING_MODE, NO_EPSILON),
    remark="Stated for every w and k > 0: so every kW* computes what W* computes, as Lemma 4.5 needs.",
)  # fmt: skip

SCALE_GRADIENT = Claim(
    "invariance-scale-gradient", "Multiplying the weights by k divides the gradient by k", _KOHLER,
    W @ V_SCALED, "==", (W @ V) / k, "channel", _derive_scaled, (TRAINING_MODE, READING, NO_EPSILON),
    remark="The same holds for dLhat/dW, as dLhat/dW = X'v.",
)  # fmt: skip

SCALE_HESSIAN = Claim(
    "invariance-scale-hessian", "Multiplying the weights by k divides the curvature by k^2", _THIS,
    W @ HHAT_SCALED(X), "==", (W @ HHAT(X)) / k**2, "sample", _derive_scaled, (TRAINING_MODE, READING, NO_EPSILON),
    remark="So the raw beta-smoothness of a normalised network depends on the scale of its weights.",
)  # fmt: skip

SHIFT = Claim(
    "invariance-shift", "A shift of the layer's output does not change the normalised values",
    Source("Ioffe and Szegedy 2015", "section 3.2"),
    W @ YHAT_SHIFTED, "==", W @ YHAT, "channel", _derive_shifted, (TRAINING_MODE,),
    remark="Any epsilon: a bias before batch norm has no effect.",
)  # fmt: skip

SHIFT_GRADIENT = Claim(
    "invariance-shift-gradient", "A shift of the layer's output does not change the gradient",
    Source("Ioffe and Szegedy 2015", "section 3.2"),
    W @ V_SHIFTED, "==", W @ V, "channel", _derive_shifted, (TRAINING_MODE, READING),
)  # fmt: skip

NORM_GROWTH = Claim(
    "norm-growth", "Length of a filter after a step of plain gradient descent", _THIS,
    NEXT_WEIGHTS @ NEXT_WEIGHTS, "==",
    WEIGHTS @ WEIGHTS - 2 * learning_rate * gamma * (1 - rho) * a
    + learning_rate**2 * (WEIGHT_GRADIENT @ WEIGHT_GRADIENT), "channel",
    _derive_growth, (TRAINING_MODE, READING, LINEAR_WITH_BIAS),
    remark="At epsilon = 0 the middle term is 0 and every step lengthens the filter. Plain gradient descent: no "
    "momentum, no weight decay.",
)  # fmt: skip
