r"""Learning rates and lengths together: the schedule law with its epsilon term, and exponential learning rates.

A step of rate eta and decay lambda is W+ = (1 - eta lambda) W - eta D, D = alpha B + grad. What turns the weights is
Phi = eta/((1 - eta lambda)|W|^2). Weight decay with momentum is, up to lengths, an exponential learning rate without
decay under three conditions: a real root, a matched buffer, and an epsilon that grows with the squared length.
"""

from __future__ import annotations

import math
from functools import partial

from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source
from bnverify.theory.proof.hypotheses import LINEAR_WITH_BIAS, READING, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    BUFFER,
    DIRECTION,
    EXPONENTIAL,
    EXPONENTIAL_BUFFER,
    EXPONENTIAL_GRADIENT,
    PREVIOUS,
    STEPPED,
    V_REGROWN,
    WEIGHT_GRADIENT,
    WEIGHTS,
    XT,
    T,
    V,
    a,
    effective_rate,
    effective_rate_next,
    gamma,
    k,
    learning_rate,
    momentum,
    next_learning_rate,
    next_weight_decay,
    rho,
    root,
    weight_decay,
)  # fmt: skip
from bnverify.theory.results.dynamics.steps import BEFORE, STEP

_claim = partial(Claim, chapter="dynamics", about=("steps",))
_eta, _alpha = learning_rate, momentum
_left, _left_next = 1 - learning_rate * weight_decay, 1 - next_learning_rate * next_weight_decay
_radial = gamma * (1 - rho) * a
SCHEDULE = Hypothesis(
    "effective rates", "Phi = eta/((1 - eta lambda)|W|^2), Phi+ that of W+ and of the next step's rate and decay, and "
    "D = alpha B + grad",
    equations={
        effective_rate: _eta / (_left * (WEIGHTS @ WEIGHTS)),
        effective_rate_next: next_learning_rate / (_left_next * (STEPPED @ STEPPED)),
        DIRECTION: momentum * BUFFER + WEIGHT_GRADIENT,
    },
)  # fmt: skip
ROOT = Hypothesis(
    "a real root", "x^2 - (1 + alpha - eta lambda) x + alpha = 0 at x = root", flag="real_root",
    equations={root**2: (1 + momentum - learning_rate * weight_decay) * root - momentum},
)  # fmt: skip
TESTED = Hypothesis(
    "a test vector", "t is any vector of weights, and <t, dLhat/dW> = <Xt, v>, at kW as at W",
    equations={T @ WEIGHT_GRADIENT: XT @ V, T @ EXPONENTIAL_GRADIENT: XT @ V_REGROWN},
)  # fmt: skip
REGROWN = Hypothesis(
    "epsilon grows with the squared length", "at kW the constant added to the variance is k^2 epsilon: 0 stays 0"
)
MATCHED_BUFFER = Hypothesis(
    "exponential learning rate, matched buffer", "at kW, after k root W-: one step of rate k^2 eta/root without weight "
    "decay, with the buffer that the step before of rate k^2 eta root left",
    equations={
        EXPONENTIAL_BUFFER: (root * PREVIOUS - WEIGHTS) / (k * _eta * root),
        EXPONENTIAL: k * WEIGHTS - k**2 * _eta / root * (_alpha * EXPONENTIAL_BUFFER + EXPONENTIAL_GRADIENT),
    },
)  # fmt: skip


def _derive() -> Derivation:
    return Derivation(BATCH)


SCHEDULE_LAW = _claim(
    "schedule-law", "The schedule law with its epsilon term", Source("Amin et al. 2026", "Theorem 2.1, made exact"),
    _eta * _left * _left_next * effective_rate_next
    * (1 - 2 * effective_rate * (_alpha * (WEIGHTS @ BUFFER) + _radial)
       + effective_rate**2 * (WEIGHTS @ WEIGHTS) * (DIRECTION @ DIRECTION)),
    "==", next_learning_rate * effective_rate,
    "channel", _derive, (TRAINING_MODE, READING, LINEAR_WITH_BIAS, STEP, SCHEDULE),
    remark="So Phi+ = B Phi/(1 - 2 Phi <W, D> + Phi^2 |W|^2 |D|^2), B = eta+/(eta a a+), a = 1 - eta lambda. Printed "
    "without momentum and without the middle term, which is 0 at epsilon = 0 then.",
)  # fmt: skip

EXPONENTIAL_RATE = _claim(
    "exponential-rate", "Weight decay with momentum as an exponential learning rate",
    Source("Li and Arora 2020", "main theorem, one step, made exact in epsilon"),
    root**2 * (T @ EXPONENTIAL), "==", k * root * (T @ STEPPED), "channel", _derive,
    (TRAINING_MODE, READING, REGROWN, STEP, BEFORE, TESTED, ROOT, MATCHED_BUFFER),
    remark="So W~+ = (k/root) W+: a step with decay at W is one without at kW, k = root^-t, of rate root^(-2t-1) eta. "
    "Three conditions: a real root, the matched buffer, and the epsilon of the layer times root^-2 a step. With an "
    "epsilon that stays, an exponential learning rate is weight decay whose epsilon falls by root^2 a step.",
)  # fmt: skip

_middle = 1 + momentum - learning_rate * weight_decay
REAL_ROOT = _claim(
    "exponential-rate-root", "What a real root asks of weight decay",
    Source("this work", "the quadratic of Li and Arora"),
    4 * momentum, "<=", _middle**2, "layer",
    lambda: Derivation(BATCH, Certificate((((2 * root - _middle) ** 2,),))), (ROOT,),
    remark="For eta lambda < 1 this is eta lambda <= (1 - sqrt(alpha))^2: 0.0026 at alpha = 0.9.",
)  # fmt: skip


def larger_root(learning_rate: float, momentum: float, weight_decay: float) -> float:
    """The larger root of x^2 - (1 + alpha - eta lambda) x + alpha; NaN where it has no real one. Without weight decay
    the rate grows by its power -2 a step."""
    middle = 1 + momentum - learning_rate * weight_decay
    square = middle**2 - 4 * momentum
    return (middle + math.sqrt(square)) / 2 if square >= 0 else math.nan


OF_SCHEDULES: tuple[Claim, ...] = (SCHEDULE_LAW, EXPONENTIAL_RATE, REAL_ROOT)
