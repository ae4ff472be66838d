r"""Theorem 4.2(i): the second derivative of the loss along the gradient, for one channel and for a whole layer."""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.algebra.channel_sum import ChannelSum
from bnverify.theory.algebra.vectors import m
from bnverify.theory.normalizers.normalizer import BATCH
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source
from bnverify.theory.proof.hypotheses import NO_EPSILON, READING, TRAINING_MODE
from bnverify.theory.proof.quantities import (
    HHAT,
    LAYER_U,
    LAYER_V,
    G,
    H,
    U,
    V,
    a,
    gamma,
    rho,
    s,
)  # fmt: skip

_claim = partial(Claim, chapter="theorem_4_2")

_PRINTED = Source("Santurkar et al. 2018", "Theorem 4.2(i)")
_EXACT = Source("this work", "Theorem 4.2(i)")
_c = gamma * a * (1 - rho) / (s * m)
# What the curvature of the normalisation adds to u'Hu, per channel, for v the gradient of Lhat.
_printed_term = -gamma * a / (m * s**2) * (V @ V)
_exact_term = _printed_term - 2 * gamma * _c / s**2 * (G @ V) + 3 * gamma * a * _c**2 / s**2


def _derive() -> Derivation:
    """v'Hess v by the chain rule of second order for a generic v, then v = the backward pass and u = D z[v]."""
    return Derivation(BATCH)


def _derive_second() -> Derivation:
    return Derivation(BATCH, Certificate((((gamma / s) ** 2, G @ H(G) - V @ H(V)),)))


PRINTED = _claim(
    "theorem-4.2", "Effect of batch normalisation on the curvature along the gradient, one channel", _PRINTED,
    V @ HHAT(V), "==", (gamma / s) ** 2 * (V @ H(V)) + _printed_term, "sample",
    _derive, (TRAINING_MODE, READING, NO_EPSILON),
    remark='Printed with "<=": it is an equality at epsilon = 0 and can fail for epsilon > 0.',
)  # fmt: skip

EXACT = _claim(
    "theorem-4.2-exact", "Curvature along the gradient, one channel, exact identity", _EXACT,
    V @ HHAT(V), "==", U @ H(U) + _exact_term, "sample", _derive, (TRAINING_MODE, READING),
)  # fmt: skip

LAYER = _claim(
    "theorem-4.2-layer", "Effect of batch normalisation on the curvature along the gradient, whole layer", _PRINTED,
    LAYER_V @ HHAT(LAYER_V), "==", LAYER_U @ H(LAYER_U) + ChannelSum(_printed_term), "layer",
    _derive, (TRAINING_MODE, READING, NO_EPSILON), remark="u = (gamma/s) v, channel by channel.",
)  # fmt: skip

LAYER_EXACT = _claim(
    "theorem-4.2-layer-exact", "Curvature along the gradient, whole layer, exact identity", _EXACT,
    LAYER_V @ HHAT(LAYER_V), "==", LAYER_U @ H(LAYER_U) + ChannelSum(_exact_term), "layer",
    _derive, (TRAINING_MODE, READING),
)  # fmt: skip

LESS_CURVED = Hypothesis(
    "v'Hv <= g'Hg", "the loss after the layer is curved along v at most as much as along g", sp.Ge(G @ H(G), V @ H(V))
)

SECOND = _claim(
    "theorem-4.2-ii", "Curvature along v against curvature along g, one channel",
    Source("Santurkar et al. 2018", "Theorem 4.2(ii), corrected"),
    V @ HHAT(V), "<=", (gamma / s) ** 2 * (G @ H(G)) + _printed_term, "sample",
    _derive_second, (TRAINING_MODE, READING, NO_EPSILON, LESS_CURVED),
    remark="Printed under the hypothesis that H preserves the relative norms of g and v, which does not suffice: with "
    "H = I and gamma/s = 10 it fails.",
)  # fmt: skip
