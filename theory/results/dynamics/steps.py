r"""One step of gradient descent with momentum and weight decay, for a filter before batch norm, for any epsilon.

    B+ = alpha B + grad + lambda W,    W+ = W - eta B+,

with the buffer B of the optimiser. Of the gradient nothing enters but <W, grad> = gamma (1 - rho) a: at epsilon = 0 the
gradient is orthogonal to the weights, and for epsilon > 0 it acts as a further weight decay. In a stationary state,
where <W, W+> and <W, W-> are the same on average, the first claim gives the rotation a step (`STATIONARY`).
"""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Claim, Derivation, Hypothesis, Source
from bnverify.theory.proof.hypotheses import LINEAR_WITH_BIAS, READING, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    BUFFER,
    NEXT_BUFFER,
    STEPPED,
    WEIGHT_GRADIENT,
    WEIGHTS,
    a,
    gamma,
    learning_rate,
    momentum,
    rho,
    weight_decay,
)  # fmt: skip

_claim = partial(Claim, chapter="invariance")
_THIS = Source("this work", "scale invariance of the loss, any epsilon")
_DESCENT = momentum * BUFFER + WEIGHT_GRADIENT + weight_decay * WEIGHTS
STEP = Hypothesis(
    "gradient descent with momentum and weight decay", "B+ = alpha B + grad + lambda W and W+ = W - eta B+",
    equations={STEPPED: WEIGHTS - learning_rate * _DESCENT, NEXT_BUFFER: _DESCENT},
)  # fmt: skip
_radial = gamma * (1 - rho) * a
_norm2 = WEIGHTS @ WEIGHTS


def _derive() -> Derivation:
    return Derivation(BATCH)


ROTATION = _claim(
    "step-rotation", "Inner product of a filter with itself after a step with momentum and weight decay", _THIS,
    WEIGHTS @ STEPPED, "==",
    (1 - learning_rate * weight_decay) * _norm2 - learning_rate * momentum * (WEIGHTS @ BUFFER)
    - learning_rate * _radial, "channel", _derive, (TRAINING_MODE, READING, LINEAR_WITH_BIAS, STEP),
    remark="The gradient enters by gamma (1 - rho) a alone, which is 0 at epsilon = 0.",
)  # fmt: skip

GROWTH = _claim(
    "step-growth", "Length of a filter after a step with momentum and weight decay", _THIS,
    STEPPED @ STEPPED, "==",
    _norm2 - 2 * learning_rate * (weight_decay * _norm2 + momentum * (WEIGHTS @ BUFFER) + _radial)
    + learning_rate**2 * (NEXT_BUFFER @ NEXT_BUFFER), "channel", _derive,
    (TRAINING_MODE, READING, LINEAR_WITH_BIAS, STEP),
    remark="Without momentum and weight decay this is `norm-growth`.",
)  # fmt: skip

DYNAMICS: tuple[Claim, ...] = (ROTATION, GROWTH)
"""Claims about two consecutive states of a training; they are evaluated on its observation "dynamics"."""


def stationary_cosine() -> sp.Expr:
    """E<W, W+>/E|W|^2 in a stationary state, with p = E<W, grad>/E|W|^2: from W- = W + eta B, so that the claim
    `step-rotation` reads <W, W+> = (1 - eta lambda + alpha)|W|^2 - alpha <W, W-> - eta p |W|^2."""
    cosine, p = sp.Symbol("cosine"), sp.Symbol("p", real=True)
    right = (1 - learning_rate * weight_decay + momentum) - momentum * cosine - learning_rate * p
    (solved,) = sp.solve(sp.Eq(cosine, right), cosine)
    return sp.simplify(solved)


STATIONARY = 1 - learning_rate * (weight_decay + sp.Symbol("p", real=True)) / (1 + momentum)
"""What `stationary_cosine` comes to; it is printed without p."""
