r"""What batch normalisation does not see: the scale of y (without epsilon) and its mean; what follows for weights."""

from __future__ import annotations

from functools import partial

from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, Source
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
    YHAT_LESS,
    YHAT_SCALED,
    YHAT_SHIFTED,
    V,
    W,
    X,
    a,
    gamma,
    k,
    learning_rate,
    rho,
)  # fmt: skip

_claim = partial(Claim, chapter="invariance")

_THIS = Source("this work", "homogeneity of the standard deviation")
_KOHLER = Source("Kohler et al. 2018", "scale invariance of the objective")
STEP = Hypothesis(
    "plain gradient descent", "one step W_j - eta dLhat/dW_j",
    equations={NEXT_WEIGHTS: WEIGHTS - learning_rate * WEIGHT_GRADIENT},
)  # fmt: skip


def _derive() -> Derivation:
    return Derivation(BATCH)


SCALE = _claim(
    "invariance-scale", "Multiplying the weights of a layer does not change the normalised values", _KOHLER,
    W @ YHAT_SCALED, "==", W @ YHAT, "channel", _derive, (TRAINING_MODE, NO_EPSILON),
    remark="Stated for every w and k > 0: so every kW* computes what W* computes, as Lemma 4.5 needs.",
)  # fmt: skip

SCALE_GRADIENT = _claim(
    "invariance-scale-gradient", "Multiplying the weights by k divides the gradient by k", _KOHLER,
    W @ V_SCALED, "==", (W @ V) / k, "channel", _derive, (TRAINING_MODE, READING, NO_EPSILON),
    remark="The same holds for dLhat/dW, as dLhat/dW = X'v.",
)  # fmt: skip

SCALE_HESSIAN = _claim(
    "invariance-scale-hessian", "Multiplying the weights by k divides the curvature by k^2", _THIS,
    W @ HHAT_SCALED(X), "==", (W @ HHAT(X)) / k**2, "sample", _derive, (TRAINING_MODE, READING, NO_EPSILON),
    remark="So the raw beta-smoothness of a normalised network depends on the scale of its weights.",
)  # fmt: skip

SCALE_EXACT = _claim(
    "invariance-scale-epsilon", "Multiplying the weights divides epsilon: BN_eps(k y) = BN_{eps/k^2}(y)",
    Source("Ioffe and Szegedy 2015", "section 3.3, made exact"),
    W @ YHAT_SCALED, "==", W @ YHAT_LESS, "channel", _derive, (TRAINING_MODE,),
    remark="Stated for every w and k > 0, any epsilon. For k < 0 the values change their sign.",
)  # fmt: skip

SHIFT = _claim(
    "invariance-shift", "A shift of the layer's output does not change the normalised values",
    Source("Ioffe and Szegedy 2015", "section 3.2"),
    W @ YHAT_SHIFTED, "==", W @ YHAT, "channel", _derive, (TRAINING_MODE,),
    remark="Any epsilon: a bias before batch norm has no effect.",
)  # fmt: skip

SHIFT_GRADIENT = _claim(
    "invariance-shift-gradient", "A shift of the layer's output does not change the gradient",
    Source("Ioffe and Szegedy 2015", "section 3.2"),
    W @ V_SHIFTED, "==", W @ V, "channel", _derive, (TRAINING_MODE, READING),
)  # fmt: skip

NORM_GROWTH = _claim(
    "norm-growth", "Length of a filter after a step of plain gradient descent", _THIS,
    NEXT_WEIGHTS @ NEXT_WEIGHTS, "==",
    WEIGHTS @ WEIGHTS - 2 * learning_rate * gamma * (1 - rho) * a
    + learning_rate**2 * (WEIGHT_GRADIENT @ WEIGHT_GRADIENT), "channel",
    _derive, (TRAINING_MODE, READING, LINEAR_WITH_BIAS, STEP),
    remark="At epsilon = 0 the middle term is 0 and every step lengthens the filter. Plain gradient descent: no "
    "momentum, no weight decay.",
)  # fmt: skip
