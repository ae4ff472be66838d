"""Hypotheses shared by several claims."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import ONE
from bnverify.theory.proof.claim import Hypothesis
from bnverify.theory.proof.quantities import (
    LAYER_W0,
    LAYER_WSTAR,
    W0,
    WEIGHT_GRADIENT,
    WEIGHTS,
    WSTAR,
    XW,
    G,
    V,
    Y,
    b,
    beta,
    epsilon,
    gamma,
    grad_bias,
    mu,
    s,
    weight_grad,
    weight_grad_plain,
)  # fmt: skip

TRAINING_MODE = Hypothesis("training mode", "mean and biased variance are those of the batch, and are differentiated")
READING = Hypothesis(
    "matched or same-upstream reading",
    "g is the gradient of the rest of the network at z, not of another network at y",
)
NO_EPSILON = Hypothesis(
    "epsilon = 0", "no constant is added to the variance", sp.Eq(epsilon, 0), {epsilon: sp.Integer(0)}
)
MATCHED = Hypothesis("matched", "gamma = s and beta = mu on this batch, s > 0", equations={gamma: s, beta: mu})
LINEAR_WITH_BIAS = Hypothesis(
    "linear layer with bias",
    "y_j = X W_j + b_j 1, so that dL/dW_j = X'g, dLhat/dW_j = X'v and dL/db_j = <1, g>",
    equations={
        XW: Y - b * ONE, weight_grad: XW @ V, WEIGHTS @ WEIGHT_GRADIENT: XW @ V, weight_grad_plain: XW @ G,
        grad_bias: ONE @ G,
    },
)  # fmt: skip
FILTER_ACUTE = Hypothesis("<W0, W*> > 0", "the initial filter makes an acute angle with W*", sp.Gt(W0 @ WSTAR, 0))
LAYER_ACUTE = Hypothesis(
    "<W0, W*> > 0", "the initial weights make an acute angle with W*", sp.Gt(LAYER_W0 @ LAYER_WSTAR, 0)
)
FILTERS_NONZERO = Hypothesis("W* != 0", "no trained filter of the layer is zero")
