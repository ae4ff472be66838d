r"""Fact C.1: the backward pass, v = (gamma/s) (g - <1, g>/m 1 - a/m yhat), with dL/dgamma = a and dL/dbeta = <1, g>."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH, LOSS
from bnverify.theory.proof.claim import Claim, Derivation, Source, Step
from bnverify.theory.proof.hypotheses import READING, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    WEIGHT_GRADIENT,
    WEIGHTS,
    YHAT,
    G,
    V,
    W,
    a,
    gamma,
    grad_beta,
    grad_gamma,
    mu,
    rho,
    s,
    weight_grad,
)  # fmt: skip
from bnverify.theory.results.santurkar2018.fact_c2 import closed_form

_SOURCE = Source("Santurkar et al. 2018", "Fact C.1")
_THIS = Source("this work", "consequences of Fact C.1")
_HYPOTHESES = (TRAINING_MODE, READING)


def backward_steps() -> tuple[Step, ...]:
    """The chain rule through the normalisation, and its adjoint: Fact C.1."""
    return (
        Step("chain rule", "D Lhat[w] = <g, gamma D yhat[w]>",
             LOSS.along(gamma * BATCH.jacobian(W)), gamma * (G @ closed_form(W))),
        Step("transpose", "the Jacobian is symmetric, so v = gamma J g", BATCH.backward, gamma * closed_form(G)),
    )  # fmt: skip


def _derive() -> Derivation:
    return Derivation(backward_steps(), definitions={V: BATCH.backward})


def _derive_parameters() -> Derivation:
    t = sp.Symbol("t", real=True)
    by_gamma = sp.diff(G @ ((gamma + t) * YHAT), t)
    by_beta = sp.diff(G @ (t * ONE), t)
    steps = (
        Step("gamma", "z is linear in gamma", by_gamma, a),
        Step("beta", "z is linear in beta", by_beta, G @ ONE),
    )
    return Derivation(steps, scalars={grad_gamma: by_gamma, grad_beta: by_beta})


def pull_back_steps() -> tuple[Step, ...]:
    """<W_j, dLhat/dW_j> = <X W_j, v> = <y - b 1, v>, and <1, v> = 0 removes both the bias and the mean."""
    y = mu * ONE + s * YHAT
    return (
        *backward_steps(),
        Step("no mean", "v is orthogonal to 1, so the bias does not matter", ONE @ BATCH.backward, sp.Integer(0)),
        Step("pull back", "<W_j, X'v> = <y - b 1, v> = <y, v>", y @ BATCH.backward, gamma * (1 - rho) * a),
    )


def _derive_weights() -> Derivation:
    return Derivation(pull_back_steps(), scalars={weight_grad: (mu * ONE + s * YHAT) @ BATCH.backward})


FACT_C1 = Claim(
    "fact-c1", "Backward pass of batch normalisation", _SOURCE,
    W @ V, "==", gamma / s * (W @ G - (ONE @ W) * (ONE @ G) / m - (W @ YHAT) * a / m), "channel", _derive, _HYPOTHESES,
    remark="Stated for every w.",
)  # fmt: skip

FACT_C1_GAMMA = Claim(
    "fact-c1-gamma", "Gradient with respect to gamma", Source("Ioffe and Szegedy 2015", "section 3, backward pass"),
    grad_gamma, "==", a, "channel", _derive_parameters, _HYPOTHESES, scale=sp.sqrt(rho * m * (G @ G)),
)  # fmt: skip

FACT_C1_BETA = Claim(
    "fact-c1-beta", "Gradient with respect to beta", Source("Ioffe and Szegedy 2015", "section 3, backward pass"),
    grad_beta, "==", ONE @ G, "channel", _derive_parameters, _HYPOTHESES, scale=sp.sqrt(m * (G @ G)),
)  # fmt: skip

BIAS_GRADIENT = Claim(
    "bias-gradient", "A bias before batch normalisation has gradient zero", _THIS,
    ONE @ V, "==", sp.Integer(0), "channel", _derive, _HYPOTHESES, scale=sp.Abs(gamma) / s * sp.sqrt(m * (G @ G)),
)  # fmt: skip

SCALE_GRADIENT = Claim(
    "scale-gradient", "The gradient has only an epsilon-sized part along the normalised values", _THIS,
    YHAT @ V, "==", gamma * (1 - rho) * a / s, "channel", _derive, _HYPOTHESES,
    scale=sp.Abs(gamma) / s * sp.sqrt(rho * m * (G @ G)),
)  # fmt: skip

WEIGHT_GRADIENT_CLAIM = Claim(
    "weight-gradient", "The gradient of a filter is orthogonal to it, up to epsilon", _THIS,
    weight_grad, "==", gamma * (1 - rho) * a, "channel", _derive_weights, _HYPOTHESES,
    scale=sp.sqrt((WEIGHTS @ WEIGHTS) * (WEIGHT_GRADIENT @ WEIGHT_GRADIENT)),
)  # fmt: skip

GRADIENT_INNER = Claim(
    "gradient-inner-product", "The two gradients make an acute angle when gamma > 0", _THIS,
    G @ V, "==", gamma / s * (G @ G - (ONE @ G) ** 2 / m - a**2 / m), "channel", _derive, _HYPOTHESES,
)  # fmt: skip
