r"""Fact C.1: the backward pass, v = (gamma/s) (g - <1, g>/m 1 - a/m yhat), with dL/dgamma = a and dL/dbeta = <1, g>."""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Claim, Derivation, Source
from bnverify.theory.proof.hypotheses import LINEAR_WITH_BIAS, READING, TRAINING_MODE
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
    rho,
    s,
    weight_grad,
)  # fmt: skip

_claim = partial(Claim, chapter="fact_c1")

_SOURCE = Source("Santurkar et al. 2018", "Fact C.1")
_THIS = Source("this work", "consequences of Fact C.1")
_HYPOTHESES = (TRAINING_MODE, READING)


def _derive() -> Derivation:
    return Derivation(BATCH)


FACT_C1 = _claim(
    "fact-c1", "Backward pass of batch normalisation", _SOURCE,
    W @ V, "==", gamma / s * (W @ G - (ONE @ W) * (ONE @ G) / m - (W @ YHAT) * a / m), "channel", _derive, _HYPOTHESES,
    remark="Stated for every w.",
)  # fmt: skip

FACT_C1_GAMMA = _claim(
    "fact-c1-gamma", "Gradient with respect to gamma", Source("Ioffe and Szegedy 2015", "section 3, backward pass"),
    grad_gamma, "==", a, "channel", _derive, _HYPOTHESES, scale=sp.sqrt(rho * m * (G @ G)),
)  # fmt: skip

FACT_C1_BETA = _claim(
    "fact-c1-beta", "Gradient with respect to beta", Source("Ioffe and Szegedy 2015", "section 3, backward pass"),
    grad_beta, "==", ONE @ G, "channel", _derive, _HYPOTHESES, scale=sp.sqrt(m * (G @ G)),
)  # fmt: skip

BIAS_GRADIENT = _claim(
    "bias-gradient", "A bias before batch normalisation has gradient zero", _THIS,
    ONE @ V, "==", sp.Integer(0), "channel", _derive, _HYPOTHESES, scale=sp.Abs(gamma) / s * sp.sqrt(m * (G @ G)),
)  # fmt: skip

SCALE_GRADIENT = _claim(
    "scale-gradient", "The gradient has only an epsilon-sized part along the normalised values", _THIS,
    YHAT @ V, "==", gamma * (1 - rho) * a / s, "channel", _derive, _HYPOTHESES,
    scale=sp.Abs(gamma) / s * sp.sqrt(rho * m * (G @ G)),
)  # fmt: skip

WEIGHT_GRADIENT_CLAIM = _claim(
    "weight-gradient", "The gradient of a filter is orthogonal to it, up to epsilon", _THIS,
    weight_grad, "==", gamma * (1 - rho) * a, "channel", _derive, (*_HYPOTHESES, LINEAR_WITH_BIAS),
    scale=sp.sqrt((WEIGHTS @ WEIGHTS) * (WEIGHT_GRADIENT @ WEIGHT_GRADIENT)),
)  # fmt: skip

GRADIENT_INNER = _claim(
    "gradient-inner-product", "The two gradients make an acute angle when gamma > 0", _THIS,
    G @ V, "==", gamma / s * (G @ G - (ONE @ G) ** 2 / m - a**2 / m), "channel", _derive, _HYPOTHESES,
)  # fmt: skip
