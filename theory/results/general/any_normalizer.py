r"""Claims about every normaliser yhat = P y / s(y), in the gradient n and the Hessian M of its scale.

P is the centring projector or the identity. For batch norm n = yhat/m, and these claims become Facts C.1 and C.2 and
Theorems 4.1 and 4.2; for L1, Linf, layer, group, RMS and weight normalisation only n and M differ.
"""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.derivative import Functional
from bnverify.theory.algebra.vectors import ONE, Vector, m
from bnverify.theory.normalizers.normalizer import KnownScale, Normalizer
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source, Step
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

_THIS = Source("this work", "the quotient rule")
SMOOTH = Hypothesis("differentiable scale", "s has two derivatives at y: no zero entry for L1, one largest for Linf")
CONSISTENT = Hypothesis(
    "scale of the normalised values", "Pn = n, and <n, y> = s: s is homogeneous and does not see what P removes"
)
_HYPOTHESES = (TRAINING_MODE, READING, SMOOTH)

ANY = Normalizer("any", False, KnownScale(N, M), projector=P)
_yhat = ANY.normalised
# The general derivation uses an atom for yhat of which nothing is known; claims speak of the measured yhat.
_AS_MEASURED = {YHAT: _yhat, NORMALISED: _yhat}


def _derive_first() -> Derivation:
    steps = (
        Step("quotient rule", "D yhat[x] = (P x - yhat D s[x])/s with D s[x] = <n, x>",
             ANY.jacobian(X), (P(X) - (N @ X) * _yhat) / s),
        Step("transpose", "<g, gamma D yhat[w]> = <w, v> for every w",
             gamma * (G @ ANY.jacobian(W)), W @ ANY.backward),
        Step("backward pass", "P is symmetric", ANY.backward, gamma / s * (P(G) - (G @ _yhat) * N)),
    )  # fmt: skip
    return Derivation(steps, definitions={V: ANY.backward, JX: ANY.jacobian(X), **_AS_MEASURED})


def _derive_along_y() -> Derivation:
    first = _derive_first()
    pulled = gamma * (G @ _yhat) - gamma / s * (G @ _yhat) * (N @ Y)
    step = Step(
        "along y", "<P g, y> = <g, P y> = s a",
        sp.expand((Y @ ANY.backward).xreplace({G @ P(Y): s * (G @ _yhat)})), sp.expand(pulled),
    )  # fmt: skip
    return Derivation((*first.steps, step), definitions=_AS_MEASURED, scalars={Y @ V: pulled})


def _derive_second() -> Derivation:
    steps = (
        Step("second order", "D2 s[x,x] = x'Mx enters through the quotient rule", ANY.second(X, X),
             -2 * (N @ X) / s**2 * (P(X) - (N @ X) * _yhat) - (X @ M(X)) / s * _yhat),
        Step("symmetry", "mixed second derivatives commute", ANY.second(X, W), ANY.second(W, X)),
    )  # fmt: skip
    return Derivation(steps, definitions={KX: ANY.second(X, X), **_AS_MEASURED})


def _derive_curvature() -> Derivation:
    acceleration = gamma * ANY.second(V, V)
    velocity = gamma * ANY.jacobian(V)
    steps = (
        Step("chain rule", "d2/dt2 L(z(y + t v)) = <z', H z'> + <g, z''>", ANY.hessian_along_v,
             Functional(G, H).along2(velocity, velocity, acceleration)),
    )  # fmt: skip
    return Derivation(
        steps, definitions=_AS_MEASURED,
        scalars={V @ HHAT(V): ANY.hessian_along_v, U @ H(U): velocity @ H(velocity)},
    )  # fmt: skip


def _derive_worst() -> Derivation:
    """Split Pg = (<n, Pg>/|n|^2) n + h and yhat = n/|n|^2 + q: what is left is the Cauchy-Schwarz gap of h and q."""
    p, yhat = Vector.atom("Pg", latex="Pg", nonzero=True), _yhat
    v = ANY.backward.map(lambda c: c.xreplace({G @ yhat: p @ yhat}))
    v = gamma / s * p + v.coefficient(N) * N
    h = p - (N @ p) / N.squared * N
    q = yhat - N / N.squared
    gap = q - (h @ q) / h.squared * h
    consistent = {N @ yhat: sp.Integer(1)}
    steps = (
        Step("backward pass", "yhat = P yhat, so a = <Pg, yhat>", v, gamma / s * (p - (p @ yhat) * N)),
        Step("split of Pg", "h is orthogonal to n", N @ h, sp.Integer(0)),
        Step("split of yhat", "<n, yhat> = 1 makes q orthogonal to n",
             sp.expand((N @ q).xreplace(consistent)), sp.Integer(0)),
        Step("Cauchy-Schwarz gap", "|h|^2 |q - <h, q>/|h|^2 h|^2", sp.cancel(h.squared * gap.squared),
             sp.cancel(h.squared * q.squared - (h @ q) ** 2)),
    )  # fmt: skip
    return Derivation(
        steps,
        definitions={V: v, **_AS_MEASURED},
        scalars={P(G) @ P(G): p.squared},
        rewrite=lambda e: e.xreplace(consistent),
        certificate=Certificate(
            (((gamma / s) ** 2, yhat, (N @ p) ** 2), ((gamma / s) ** 2, N, h, gap)),
            normal_form=lambda e: sp.cancel(e.xreplace(consistent)),
        ),
    )


def _derive_at_least_one() -> Derivation:
    """Cauchy-Schwarz once more, with equality iff n is parallel to yhat."""
    rest = N - (N @ _yhat) / _yhat.squared * _yhat
    known = {N @ _yhat: sp.Integer(1)}
    steps = (
        Step("Cauchy-Schwarz gap", "|yhat|^2 |n - <n, yhat>/|yhat|^2 yhat|^2",
             sp.cancel(_yhat.squared * rest.squared), N.squared * _yhat.squared - (N @ _yhat) ** 2),
    )  # fmt: skip
    return Derivation(
        steps, definitions=_AS_MEASURED, rewrite=lambda e: e.xreplace(known),
        certificate=Certificate(((_yhat, rest),), normal_form=lambda e: sp.cancel(e.xreplace(known))),
    )  # fmt: skip


JACOBIAN = Claim(
    "normalizer-jacobian", "Jacobian of any normaliser", _THIS,
    W @ JX, "==", (W @ P(X) - (W @ YHAT) * (N @ X)) / s, "channel", _derive_first, (TRAINING_MODE, SMOOTH),
    remark="Stated for every w and x; n is the gradient of the scale. Batch norm: n = yhat/m.",
)  # fmt: skip

BACKWARD = Claim(
    "normalizer-backward", "Backward pass of any normaliser", _THIS,
    W @ V, "==", gamma / s * (W @ P(G) - (W @ N) * a), "channel", _derive_first, _HYPOTHESES,
    remark="Stated for every w.",
)  # fmt: skip

GRADIENT = Claim(
    "normalizer-gradient", "Effect of any normaliser on the gradient, exact identity", _THIS,
    V @ V, "==", (gamma / s) ** 2 * (P(G) @ P(G) - 2 * a * (N @ P(G)) + a**2 * (N @ N)), "channel",
    _derive_first, _HYPOTHESES, remark="Theorem 4.1 is the case n = yhat/m.",
)  # fmt: skip

BIAS_GRADIENT = Claim(
    "normalizer-bias-gradient", "Gradient of a bias before any normaliser", _THIS,
    ONE @ V, "==", gamma / s * (ONE @ P(G) - a * (ONE @ N)), "channel", _derive_first, _HYPOTHESES,
    scale=sp.Abs(gamma) / s * (sp.sqrt(m * (G @ G)) + sp.Abs(a * (ONE @ N))),
    remark="Zero if P centres and the scale does not see a shift; not for the uncentred l_p.",
)  # fmt: skip

WEIGHT_GRADIENT = Claim(
    "normalizer-weight-gradient", "The gradient before any homogeneous normaliser is orthogonal to the values", _THIS,
    Y @ V, "==", gamma * a * (1 - (N @ Y) / s), "channel", _derive_along_y, _HYPOTHESES,
    scale=sp.Abs(gamma) * sp.sqrt((G @ G) * (NORMALISED @ NORMALISED)),
    remark="<n, y> = s where s is homogeneous, that is without epsilon.",
)  # fmt: skip

SECOND_DERIVATIVE = Claim(
    "normalizer-second-derivative", "Second derivative of any normaliser along a direction", _THIS,
    W @ KX, "==",
    -2 * (N @ X) / s**2 * (W @ P(X) - (N @ X) * (W @ YHAT)) - (X @ M(X)) / s * (W @ YHAT), "channel",
    _derive_second, (TRAINING_MODE, SMOOTH), remark="Stated for every w and x.",
)  # fmt: skip

CURVATURE = Claim(
    "normalizer-curvature", "Effect of any normaliser on the curvature along the gradient, one vector", _THIS,
    V @ HHAT(V), "==",
    U @ H(U) - 2 * gamma * (N @ V) / s**2 * (G @ P(V) - a * (N @ V)) - gamma * a * (V @ M(V)) / s, "sample",
    _derive_curvature, _HYPOTHESES, remark="Theorem 4.2 is the case n = yhat/m, M = (C - yhat yhat'/m)/(m s).",
)  # fmt: skip

WORST = Claim(
    "normalizer-worst-factor", "How much a normaliser can enlarge the gradient, beyond gamma/s", _THIS,
    V @ V, "<=", (gamma / s) ** 2 * (N @ N) * (NORMALISED @ NORMALISED) * (P(G) @ P(G)), "channel",
    _derive_worst, (*_HYPOTHESES, NO_EPSILON, CONSISTENT),
    remark="Attained, for m >= 3, by g proportional to yhat - n/|n|^2. The factor |n||yhat| is 1 for batch norm.",
)  # fmt: skip

AT_LEAST_ONE = Claim(
    "normalizer-worst-factor-floor", "No normaliser has a worst factor below one", _THIS,
    sp.Integer(1), "<=", (N @ N) * (NORMALISED @ NORMALISED), "channel",
    _derive_at_least_one, (TRAINING_MODE, SMOOTH, NO_EPSILON, CONSISTENT),
    remark="Equality iff n is parallel to yhat. For a centring normaliser whose scale does not see the mean, and "
    "m >= 3, this at every y means that s is a multiple of the standard deviation.",
)  # fmt: skip

GENERAL = (
    JACOBIAN, BACKWARD, GRADIENT, BIAS_GRADIENT, WEIGHT_GRADIENT, SECOND_DERIVATIVE, CURVATURE, WORST, AT_LEAST_ONE
)  # fmt: skip
