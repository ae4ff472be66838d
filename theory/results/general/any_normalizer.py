r"""Claims about every normaliser yhat = P y / s(y), in the gradient n and the Hessian M of its scale.

P is the centring projector or the identity. For batch norm n = yhat/m, and these claims become Facts C.1 and C.2 and
Theorems 4.1 and 4.2; for L1, Linf, layer, group, RMS and weight normalisation only n and M differ.
"""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import KnownScale, Normalizer
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Gram, Hypothesis, Source
from bnverify.theory.proof.hypotheses import NO_EPSILON, READING, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    HHAT,
    JX,
    KX,
    NORMALISED,
    YHAT,
    G,
    H,
    M,
    N,
    P,
    U,
    V,
    W,
    X,
    Y,
    a,
    gamma,
    s,
)  # fmt: skip

_claim = partial(Claim, about=("any",), chapter="any_normalizer")
_consistent = partial(Claim, about=("consistent",), chapter="any_normalizer")

_THIS = Source("this work", "the quotient rule")
SMOOTH = Hypothesis(
    "differentiable scale", "s has two derivatives at y: no zero entry for L1, one largest for Linf", flag="smooth"
)
_HYPOTHESES = (TRAINING_MODE, READING, SMOOTH)

ANY = Normalizer("any", False, KnownScale(N, M), projector=P)
_yhat = ANY.normalised
CONSISTENT = Hypothesis(
    "scale of the normalised values",
    "Pn = n, and <n, y> = s: s is homogeneous and does not see what P removes; hence <n, yhat> = 1",
    equations={N @ ANY.normalised: sp.Integer(1), N @ Y: s, P(N): N},
)


def _derive() -> Derivation:
    return Derivation(ANY)


def _derive_worst() -> Derivation:
    """The slack is a Gram determinant and a square: nothing is divided by, so Pg parallel to n is no special case."""
    pg = P(G)
    return Derivation(
        ANY, Certificate((((gamma / s) ** 2, _yhat, (N @ pg) ** 2), ((gamma / s) ** 2, Gram((pg, N, _yhat)))))
    )


def _derive_at_least_one() -> Derivation:
    """Cauchy-Schwarz for n and yhat, of inner product 1."""
    return Derivation(ANY, Certificate(((Gram((N, _yhat)),),)))


JACOBIAN = _claim(
    "normalizer-jacobian", "Jacobian of any normaliser", _THIS,
    W @ JX, "==", (W @ P(X) - (W @ YHAT) * (N @ X)) / s, "channel", _derive, (TRAINING_MODE, SMOOTH),
    remark="Stated for every w and x; n is the gradient of the scale. Batch norm: n = yhat/m.",
)  # fmt: skip

BACKWARD = _claim(
    "normalizer-backward", "Backward pass of any normaliser", _THIS,
    W @ V, "==", gamma / s * (W @ P(G) - (W @ N) * a), "channel", _derive, _HYPOTHESES,
    remark="Stated for every w.",
)  # fmt: skip

GRADIENT = _claim(
    "normalizer-gradient", "Effect of any normaliser on the gradient, exact identity", _THIS,
    V @ V, "==", (gamma / s) ** 2 * (P(G) @ P(G) - 2 * a * (N @ P(G)) + a**2 * (N @ N)), "channel",
    _derive, _HYPOTHESES, remark="Theorem 4.1 is the case n = yhat/m.",
)  # fmt: skip

BIAS_GRADIENT = _claim(
    "normalizer-bias-gradient", "Gradient of a bias before any normaliser", _THIS,
    ONE @ V, "==", gamma / s * (ONE @ P(G) - a * (ONE @ N)), "channel", _derive, _HYPOTHESES,
    scale=sp.Abs(gamma) / s * (sp.sqrt(m * (G @ G)) + sp.Abs(a * (ONE @ N))),
    remark="Zero if P centres and the scale does not see a shift; not for the uncentred l_p.",
)  # fmt: skip

WEIGHT_GRADIENT = _claim(
    "normalizer-weight-gradient", "The gradient before any homogeneous normaliser is orthogonal to the values", _THIS,
    Y @ V, "==", gamma * a * (1 - (N @ Y) / s), "channel", _derive, _HYPOTHESES,
    scale=sp.Abs(gamma) * sp.sqrt((G @ G) * (NORMALISED @ NORMALISED)),
    remark="<n, y> = s where s is homogeneous, that is without epsilon.",
)  # fmt: skip

SECOND_DERIVATIVE = _claim(
    "normalizer-second-derivative", "Second derivative of any normaliser along a direction", _THIS,
    W @ KX, "==",
    -2 * (N @ X) / s**2 * (W @ P(X) - (N @ X) * (W @ YHAT)) - (X @ M(X)) / s * (W @ YHAT), "channel",
    _derive, (TRAINING_MODE, SMOOTH), remark="Stated for every w and x.",
)  # fmt: skip

CURVATURE = _claim(
    "normalizer-curvature", "Effect of any normaliser on the curvature along the gradient, one vector", _THIS,
    V @ HHAT(V), "==",
    U @ H(U) - 2 * gamma * (N @ V) / s**2 * (G @ P(V) - a * (N @ V)) - gamma * a * (V @ M(V)) / s, "sample",
    _derive, _HYPOTHESES, remark="Theorem 4.2 is the case n = yhat/m, M = (C - yhat yhat'/m)/(m s).",
)  # fmt: skip

WORST = _consistent(
    "normalizer-worst-factor", "How much a normaliser can enlarge the gradient, beyond gamma/s", _THIS,
    V @ V, "<=", (gamma / s) ** 2 * (N @ N) * (NORMALISED @ NORMALISED) * (P(G) @ P(G)), "channel",
    _derive_worst, (*_HYPOTHESES, NO_EPSILON, CONSISTENT),
    remark="Attained, for m >= 3, by g proportional to yhat - n/|n|^2. The factor |n||yhat| is 1 for batch norm.",
)  # fmt: skip

AT_LEAST_ONE = _consistent(
    "normalizer-worst-factor-floor", "No normaliser has a worst factor below one", _THIS,
    sp.Integer(1), "<=", (N @ N) * (NORMALISED @ NORMALISED), "channel",
    _derive_at_least_one, (TRAINING_MODE, SMOOTH, NO_EPSILON, CONSISTENT),
    remark="Equality iff n is parallel to yhat. For a centring normaliser whose scale does not see the mean, and "
    "m >= 3, this at every y means that s is a multiple of the standard deviation.",
)  # fmt: skip

GENERAL = (
    JACOBIAN, BACKWARD, GRADIENT, BIAS_GRADIENT, WEIGHT_GRADIENT, SECOND_DERIVATIVE, CURVATURE, WORST, AT_LEAST_ONE
)  # fmt: skip
