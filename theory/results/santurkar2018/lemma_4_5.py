r"""Lemma 4.5: where every kW*, k > 0, is an optimum, the nearest one to W0 is at squared distance
|W0|^2 - <W*, W0>^2 / |W*|^2 = |W0 - W*|^2 - (|W*|^2 - <W*, W0>)^2 / |W*|^2 (the printed form), if <W*, W0> > 0."""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.algebra.channel_sum import ChannelSum
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source
from bnverify.theory.proof.hypotheses import FILTER_ACUTE, FILTERS_NONZERO, LAYER_ACUTE
from bnverify.theory.proof.quantities import LAYER_W0, LAYER_WSTAR, QUANTITIES, W0, WSTAR, distance2

_claim = partial(Claim, chapter="lemma_4_5")

_SOURCE = Source("Santurkar et al. 2018", "Lemma 4.5")
_OPTIMUM = Hypothesis(
    "kW* is an optimum of the normalised network",
    "layer with bias, gamma = s(W*), beta = mu(W*), W the whole scale-invariant block; needed to read the distance "
    "to the ray as the distance to an optimum, not for the distance itself (invariance-scale: every kW* computes what "
    "W* computes; observation-4.3-minima: W* stays stationary)",
)
_layer_distance2 = QUANTITIES["layer_distance2"].symbol


def printed(start, end) -> sp.Expr:
    """The right side as printed: |W0 - W*|^2 - (|W*|^2 - <W*, W0>)^2 / |W*|^2."""
    return (start - end).squared - (end.squared - end @ start) ** 2 / end.squared


def reduced(start, end) -> sp.Expr:
    """The same, reduced: |W0|^2 - <W*, W0>^2 / |W*|^2."""
    return start.squared - (start @ end) ** 2 / end.squared


def _derive() -> Derivation:
    return Derivation()


def _derive_rows() -> Derivation:
    """With k_j = p_j/n_j per filter and k = sum p/sum n for the layer, the gain is sum n_j (k_j - k)^2."""
    n, p = WSTAR.squared, W0 @ WSTAR
    of_layer = (LAYER_W0 @ LAYER_WSTAR) / LAYER_WSTAR.squared
    return Derivation(certificate=Certificate(((ChannelSum(n * (p / n - of_layer) ** 2),),)))


LAYER = _claim(
    "lemma-4.5", "Distance from the initialisation to the ray of optima, whole layer", _SOURCE,
    _layer_distance2, "==", reduced(LAYER_W0, LAYER_WSTAR), "layer",
    _derive, (LAYER_ACUTE, _OPTIMUM),
)  # fmt: skip

FILTER = _claim(
    "lemma-4.5-filter", "Distance from the initialisation to the ray of optima, one filter", _SOURCE,
    distance2, "==", reduced(W0, WSTAR), "channel", _derive, (FILTER_ACUTE, _OPTIMUM),
)  # fmt: skip

ROWS = _claim(
    "lemma-4.5-rows", "A separate k for every filter gives a stronger bound than one k for the layer",
    Source("this work", "Lemma 4.5"),
    ChannelSum(reduced(W0, WSTAR)), "<=", reduced(LAYER_W0, LAYER_WSTAR), "layer", _derive_rows,
    (FILTERS_NONZERO,),
    remark="Lagrange's form of the Cauchy-Schwarz inequality. The left side is the squared distance to the rays of "
    "the filters where <W0, W*> > 0 for each of them.",
)  # fmt: skip
