r"""Theorem 4.2(i): the second derivative of the loss along the gradient, for one channel and for a whole layer."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import m, substitute
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source, Step
from bnverify.theory.proof.hypotheses import NO_EPSILON, READING, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    HHAT,
    LAYER_U,
    LAYER_V,
    YHAT,
    ChannelSum,
    G,
    H,
    U,
    V,
    a,
    distribute,
    gamma,
    rho,
    s,
)  # fmt: skip

_PRINTED = Source("Santurkar et al. 2018", "Theorem 4.2(i)")
_EXACT = Source("this work", "Theorem 4.2(i)")
_c = gamma * a * (1 - rho) / (s * m)
# What the curvature of the normalisation adds to u'Hu, per channel, for v the gradient of Lhat.
_printed_term = -gamma * a / (m * s**2) * (V @ V)
_exact_term = _printed_term - 2 * gamma * _c / s**2 * (G @ V) + 3 * gamma * a * _c**2 / s**2


def _steps() -> tuple[Step, ...]:
    v = BATCH.backward
    acceleration = gamma * BATCH.second(V, V)
    inserted = sp.expand(_insert(G @ acceleration))
    return (
        Step("chain rule", "d2/dt2 L(z(y + t v)) = <z', H z'> + <g, z''>", BATCH.hessian_along_v,
             gamma * BATCH.jacobian(V) @ H(gamma * BATCH.jacobian(V)) + G @ acceleration),
        Step("size of c", "c = <yhat, v>/m = gamma a (1 - rho)/(s m)", (YHAT @ v) / m, _c),
        Step("curvature of the normalisation", "<g, z''> along the gradient v", inserted, _insert(_exact_term)),
        Step("epsilon = 0", "then c = 0 and only the printed term remains",
             inserted.subs(rho, 1), _insert(_printed_term).subs(rho, 1)),
    )  # fmt: skip


def _insert(expression: sp.Expr) -> sp.Expr:
    return substitute(expression, {V: BATCH.backward})


def _derive() -> Derivation:
    """One channel: v'Hess v as derived for a generic v, then v = the backward pass and u = D z[v] inserted."""
    u = gamma * BATCH.jacobian(V)
    return Derivation(
        _steps(),
        definitions={V: BATCH.backward},
        scalars={V @ HHAT(V): BATCH.hessian_along_v, U @ H(U): u @ H(u)},
    )


def _derive_layer() -> Derivation:
    """All channels: z_j depends on y_j alone, so the chain rule gives u'Hu once and <g_j, z_j''> channel by channel."""
    acceleration = gamma * BATCH.second(V, V)
    return Derivation(
        _steps(),
        definitions={V: BATCH.backward},
        scalars={LAYER_V @ HHAT(LAYER_V): LAYER_U @ H(LAYER_U) + ChannelSum(G @ acceleration)},
        rewrite=distribute,
    )


def _derive_second() -> Derivation:
    first = _derive()
    left, right = (first.insert(side).subs({rho: 1}) for side in (V @ HHAT(V), PRINTED.right))
    return Derivation(
        (Step("Theorem 4.2(i)", "the exact value of the left side", left, sp.expand(right)),),
        scalars={V @ HHAT(V): PRINTED.right + (1 - rho) * sp.Symbol("epsilon_terms", real=True)},
        certificate=Certificate((((gamma / s) ** 2, G @ H(G) - V @ H(V)),)),
    )


PRINTED = Claim(
    "theorem-4.2", "Effect of batch normalisation on the curvature along the gradient, one channel", _PRINTED,
    V @ HHAT(V), "==", (gamma / s) ** 2 * (V @ H(V)) + _printed_term, "sample",
    _derive, (TRAINING_MODE, READING, NO_EPSILON),
    remark='Printed with "<=": it is an equality at epsilon = 0 and can fail for epsilon > 0.',
)  # fmt: skip

EXACT = Claim(
    "theorem-4.2-exact", "Curvature along the gradient, one channel, exact identity", _EXACT,
    V @ HHAT(V), "==", U @ H(U) + _exact_term, "sample", _derive, (TRAINING_MODE, READING),
)  # fmt: skip

LAYER = Claim(
    "theorem-4.2-layer", "Effect of batch normalisation on the curvature along the gradient, whole layer", _PRINTED,
    LAYER_V @ HHAT(LAYER_V), "==", LAYER_U @ H(LAYER_U) + ChannelSum(_printed_term), "layer",
    _derive_layer, (TRAINING_MODE, READING, NO_EPSILON), remark="u = (gamma/s) v, channel by channel.",
)  # fmt: skip

LAYER_EXACT = Claim(
    "theorem-4.2-layer-exact", "Curvature along the gradient, whole layer, exact identity", _EXACT,
    LAYER_V @ HHAT(LAYER_V), "==", LAYER_U @ H(LAYER_U) + ChannelSum(_exact_term), "layer",
    _derive_layer, (TRAINING_MODE, READING),
)  # fmt: skip

LESS_CURVED = Hypothesis(
    "v'Hv <= g'Hg", "the loss after the layer is curved along v at most as much as along g", sp.Ge(G @ H(G), V @ H(V))
)

SECOND = Claim(
    "theorem-4.2-ii", "Curvature along v against curvature along g, one channel",
    Source("Santurkar et al. 2018", "Theorem 4.2(ii), corrected"),
    V @ HHAT(V), "<=", (gamma / s) ** 2 * (G @ H(G)) + _printed_term, "sample",
    _derive_second, (TRAINING_MODE, READING, NO_EPSILON, LESS_CURVED),
    remark="Printed under the hypothesis that H preserves the relative norms of g and v, which does not suffice: with "
    "H = I and gamma/s = 10 it fails.",
)  # fmt: skip
