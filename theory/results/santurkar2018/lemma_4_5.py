r"""Lemma 4.5: where every kW*, k > 0, is an optimum, the nearest one to W0 is at squared distance
|W0|^2 - <W*, W0>^2 / |W*|^2 = |W0 - W*|^2 - (|W*|^2 - <W*, W0>)^2 / |W*|^2 (the printed form), if <W*, W0> > 0."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source, Step
from bnverify.theory.proof.hypotheses import FILTER_ACUTE, LAYER_ACUTE
from bnverify.theory.proof.quantities import (
    LAYER_W0,
    LAYER_WSTAR,
    QUANTITIES,
    W0,
    WSTAR,
    ChannelSum,
    distance2,
    distribute,
)

_SOURCE = Source("Santurkar et al. 2018", "Lemma 4.5")
_OPTIMUM = Hypothesis(
    "kW* is an optimum of the normalised network",
    "layer with bias, gamma = s(W*), beta = mu(W*), W the whole scale-invariant block; needed to read the distance "
    "to the ray as the distance to an optimum, not for the distance itself (invariance-scale: every kW* computes what "
    "W* computes; observation-4.3-minima: W* stays stationary)",
)
_layer_distance2 = QUANTITIES["layer_distance2"].symbol
_k = sp.Symbol("k", real=True)


def printed(start, end) -> sp.Expr:
    """The right side as printed: |W0 - W*|^2 - (|W*|^2 - <W*, W0>)^2 / |W*|^2."""
    return (start - end).squared - (end.squared - end @ start) ** 2 / end.squared


def reduced(start, end) -> sp.Expr:
    """The same, reduced: |W0|^2 - <W*, W0>^2 / |W*|^2."""
    return start.squared - (start @ end) ** 2 / end.squared


def _derive(start, end, measured) -> Derivation:
    along_ray = (start - _k * end).squared
    slope = sp.expand(sp.diff(along_ray, _k))
    nearest = -slope.coeff(_k, 0) / slope.coeff(_k, 1)
    steps = (
        Step("nearest point", "the derivative in k vanishes at k = <W*, W0>/|W*|^2, which is positive",
             nearest, (start @ end) / end.squared),
        Step("it is a minimum", "completing the square: the excess is |W*|^2 (k - k*)^2",
             along_ray - along_ray.subs(_k, nearest), end.squared * (_k - nearest) ** 2),
        Step("printed form", "the printed right side is it", along_ray.subs(_k, nearest), printed(start, end)),
    )  # fmt: skip
    return Derivation(steps, scalars={measured: along_ray.subs(_k, nearest)})


def _derive_rows() -> Derivation:
    """With k_j = p_j/n_j per filter and k = sum p/sum n for the layer, the gain is sum n_j (k_j - k)^2."""
    n, p = WSTAR.squared, W0 @ WSTAR
    total_n, total_p = LAYER_WSTAR.squared, LAYER_W0 @ LAYER_WSTAR
    gain = ChannelSum(n * (p / n - _k) ** 2)
    sums = {ChannelSum(n): total_n, ChannelSum(p): total_p, ChannelSum(W0.squared): LAYER_W0.squared}
    expanded = distribute(gain, (_k,)).xreplace(sums).subs(_k, total_p / total_n)
    steps = (
        Step("the gain of one k per filter", "expand the square and sum over filters",
             expanded, ChannelSum(p**2 / n) - total_p**2 / total_n),
    )  # fmt: skip
    square = ChannelSum(n * (p / n - total_p / total_n) ** 2)
    return Derivation(
        steps,
        rewrite=lambda e: distribute(e).xreplace(sums),
        certificate=Certificate(((square,),), normal_form=lambda e: distribute(
            e.xreplace({square: gain}), (_k,)).xreplace(sums).subs(_k, total_p / total_n)),
    )  # fmt: skip


LAYER = Claim(
    "lemma-4.5", "Distance from the initialisation to the ray of optima, whole layer", _SOURCE,
    _layer_distance2, "==", reduced(LAYER_W0, LAYER_WSTAR), "layer",
    lambda: _derive(LAYER_W0, LAYER_WSTAR, _layer_distance2), (LAYER_ACUTE, _OPTIMUM),
)  # fmt: skip

FILTER = Claim(
    "lemma-4.5-filter", "Distance from the initialisation to the ray of optima, one filter", _SOURCE,
    distance2, "==", reduced(W0, WSTAR), "channel", lambda: _derive(W0, WSTAR, distance2), (FILTER_ACUTE, _OPTIMUM),
)  # fmt: skip

ROWS = Claim(
    "lemma-4.5-rows", "A separate k for every filter gives a stronger bound than one k for the layer",
    Source("this work", "Lemma 4.5"),
    ChannelSum(reduced(W0, WSTAR)), "<=", reduced(LAYER_W0, LAYER_WSTAR), "layer", _derive_rows,
    (), remark="Lagrange's form of the Cauchy-Schwarz inequality. The left side is the squared distance to the rays "
    "of the filters where <W0, W*> > 0 for each of them.",
)  # fmt: skip
