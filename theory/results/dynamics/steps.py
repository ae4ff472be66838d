r"""One step of gradient descent with momentum and weight decay, for a filter before batch norm, for any epsilon.

    B+ = alpha B + grad + lambda W,    W+ = W - eta B+,    W- = W + eta B,

with the buffer B of the optimiser. Of the gradient nothing enters along W but <W, grad> = gamma (1 - rho) a: at
epsilon = 0 the gradient is orthogonal to the weights, and for epsilon > 0 it acts as a further weight decay.

What is said of a stationary state holds on average: the claims name what is 0 there, the differences between one pair
of consecutive states and the pair before it, and are exact at every step.
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
    PREVIOUS,
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

_claim = partial(Claim, chapter="dynamics", about=("steps",))
_THIS = Source("this work", "scale invariance of the loss, any epsilon")
_DESCENT = momentum * BUFFER + WEIGHT_GRADIENT + weight_decay * WEIGHTS
STEP = Hypothesis(
    "gradient descent with momentum and weight decay", "B+ = alpha B + grad + lambda W and W+ = W - eta B+",
    equations={STEPPED: WEIGHTS - learning_rate * _DESCENT, NEXT_BUFFER: _DESCENT},
)  # fmt: skip
BEFORE = Hypothesis(
    "the step before",
    "the step that led to W was W = W- - eta B",
    equations={PREVIOUS: WEIGHTS + learning_rate * BUFFER},
)
_eta, _alpha, _lam = learning_rate, momentum, weight_decay
_radial = gamma * (1 - rho) * a
_norm2 = WEIGHTS @ WEIGHTS
_turned = WEIGHTS @ STEPPED - WEIGHTS @ PREVIOUS


def _derive() -> Derivation:
    return Derivation(BATCH)


_OF_A_STEP = (TRAINING_MODE, READING, LINEAR_WITH_BIAS, STEP)

ROTATION = _claim(
    "step-rotation", "Inner product of a filter with itself after a step with momentum and weight decay", _THIS,
    WEIGHTS @ STEPPED, "==",
    (1 - _eta * _lam) * _norm2 - _eta * _alpha * (WEIGHTS @ BUFFER) - _eta * _radial, "channel", _derive, _OF_A_STEP,
    remark="The gradient enters by gamma (1 - rho) a alone, which is 0 at epsilon = 0.",
)  # fmt: skip

GROWTH = _claim(
    "step-growth", "Length of a filter after a step with momentum and weight decay", _THIS,
    STEPPED @ STEPPED, "==",
    _norm2 - 2 * _eta * (_lam * _norm2 + _alpha * (WEIGHTS @ BUFFER) + _radial)
    + _eta**2 * (NEXT_BUFFER @ NEXT_BUFFER), "channel", _derive, _OF_A_STEP,
    remark="Without momentum and weight decay this is `norm-growth`.",
)  # fmt: skip

STATIONARY_ROTATION = _claim(
    "rotation-law", "Rotation per step under momentum and weight decay, at any step size", _THIS,
    (1 + _alpha) * (_norm2 - WEIGHTS @ STEPPED), "==",
    _eta * (_lam * _norm2 + _radial) - _alpha * _turned, "channel", _derive, (*_OF_A_STEP, BEFORE),
    remark="In a stationary state <W, W+> and <W, W-> are the same on average, and 1 - cos = eta (lambda + p)/"
    "(1 + alpha) with p = gamma (1 - rho) a/|W|^2: epsilon is an extra weight decay p. Printed without p, and to first "
    "order in eta lambda.",
)  # fmt: skip

_kept = 1 + _alpha - _eta * _lam
_forced = BUFFER @ WEIGHT_GRADIENT
EQUILIBRIUM = _claim(
    "equilibrium-law", "Length in equilibrium under momentum and weight decay",
    Source("Wan et al. 2021", "Theorem 2, made exact"),
    _eta * _lam * (1 - _alpha) * (2 * (1 + _alpha) - _eta * _lam) * _norm2, "==",
    (1 + _alpha) * _eta**2 * (WEIGHT_GRADIENT @ WEIGHT_GRADIENT) - 2 * _eta * _kept * _radial
    + 2 * (1 + _alpha) * _alpha * _eta * (_radial + _eta * _forced) + 2 * _alpha * _kept * _turned
    - (1 + _alpha) * _alpha**2 * (_norm2 - PREVIOUS @ PREVIOUS) - (1 + _alpha) * (STEPPED @ STEPPED - _norm2),
    "channel", _derive,
    (*_OF_A_STEP, BEFORE),
    remark="In a stationary state the last three terms are 0 on average; for uncorrelated gradients <B, grad> is, "
    "without epsilon a is. What is left is |W|^4 = eta L/(lambda (1 - alpha)(2 - eta lambda/(1 + alpha))), L = |W|^2 "
    "|grad|^2; for plain descent eta L/(lambda (2 - eta lambda)), not eta L/(2 lambda).",
)  # fmt: skip

OF_STEPS: tuple[Claim, ...] = (ROTATION, GROWTH, STATIONARY_ROTATION, EQUILIBRIUM)


def stationary_cosine() -> sp.Expr:
    """E<W, W+>/E|W|^2 in a stationary state, with p = E<W, grad>/E|W|^2: the claim `rotation-law` without its last
    term."""
    cosine, p = sp.Symbol("cosine"), sp.Symbol("p", real=True)
    (solved,) = sp.solve(sp.Eq((1 + _alpha) * (1 - cosine), _eta * (_lam + p)), cosine)
    return sp.simplify(solved)


STATIONARY = 1 - learning_rate * (weight_decay + sp.Symbol("p", real=True)) / (1 + momentum)
"""What `stationary_cosine` comes to; it is printed without p."""
