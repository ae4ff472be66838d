r"""NORMALIZERS: batch normalisation and its relatives, each given by what is divided by what.

Layer, group and instance norm are batch norm over another set of values. Where gamma differs between the values of
one vector (layer, group, RMS), read g as the gradient with respect to yhat and gamma as 1.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from bnverify.theory.algebra.jet import largest, root
from bnverify.theory.algebra.vectors import SelfAdjoint, Vector, m
from bnverify.theory.normalizers.normalizer import BATCH, KnownScale, Normalizer, centre
from bnverify.theory.proof.quantities import SIGNS, YHAT, beta, d, epsilon, gamma, r, s

_PER_SAMPLE = "; gamma varies within the vector: g is the gradient at yhat and gamma is 1"
PEAK = Vector.atom("peak", latex="e")
POWERS = Vector.atom("powers", latex=r"q")
WEIGHTING = SelfAdjoint("D")
p = sp.Symbol("p", positive=True)


def _mean(entries, size):
    return sum(entries[1:], entries[0]) / size


def _l1(entries, size):
    return _mean([abs(e) for e in entries], size)


def _linf(entries, size):
    return largest([abs(e) for e in entries])


def _l4(entries, size):
    return root(root(_mean([e * e * e * e for e in entries], size)))


def _centred(norm):
    return lambda entries, size: norm([e - _mean(entries, size) for e in entries], size)


def _flat(x: Vector) -> Vector:
    """The Hessian of a scale that is linear near y."""
    return 0 * x


def _power_scale(project, of=None) -> KnownScale:
    """(mean |P y|^p)^(1/p) at epsilon = 0: n = P q/m with q = |yhat|^(p-1) sgn(yhat), D = diag |yhat|^(p-2)."""
    n = project(POWERS) / m
    return KnownScale(n, lambda x: (p - 1) / s * (project(WEIGHTING(project(x))) / m - (n @ x) * n), of)


LAYER = replace(BATCH, name="layer", over="all features of one sample" + _PER_SAMPLE)
GROUP = replace(BATCH, name="group", over="the features of one group of channels of one sample" + _PER_SAMPLE)
INSTANCE = replace(BATCH, name="instance", over="all positions of one channel of one sample")
RMS = Normalizer(
    "rms", centred=False, scale=lambda y: sp.sqrt(y.squared / m + epsilon), over=LAYER.over,
    values=Vector.atom("yhat_rms", latex=r"\hat y", norm2=YHAT.squared),
)  # fmt: skip
WEIGHT = Normalizer(
    "weight", centred=False, scale=lambda y: sp.sqrt(y.squared + epsilon), over="the weights of one filter",
    values=Vector.atom("what", latex=r"\hat w", norm2=YHAT.squared / m),
)  # fmt: skip
BATCH_RENORM = replace(BATCH, name="batch-renorm", gain=gamma * r, shift=gamma * d + beta)
L1 = Normalizer("l1", True, KnownScale(centre(SIGNS) / m, _flat, _centred(_l1)), BATCH.over)
LINF = Normalizer("linf", True, KnownScale(centre(PEAK), _flat, _centred(_linf)), BATCH.over)
LP = Normalizer("lp", True, _power_scale(centre), BATCH.over)
L4 = Normalizer("l4", True, _power_scale(centre, _centred(_l4)), BATCH.over)  # with p = 4
# Santurkar's l_p normalisation divides the centred values by the norm of the values that were not centred.
L1_UNCENTRED = Normalizer(
    "l1-uncentred", True, KnownScale(Vector.atom("signs_y", latex=r"\operatorname{sgn}(y)") / m, _flat, _l1),
    BATCH.over,
)  # fmt: skip
L2_UNCENTRED = Normalizer("l2-uncentred", True, lambda y: sp.sqrt(y.squared / m + epsilon), BATCH.over)
LINF_UNCENTRED = Normalizer("linf-uncentred", True, KnownScale(PEAK, _flat, _linf), BATCH.over)
LP_UNCENTRED = Normalizer("lp-uncentred", True, _power_scale(lambda x: x), BATCH.over)

NORMALIZERS: dict[str, Normalizer] = {
    normalizer.name: normalizer
    for normalizer in (
        BATCH, LAYER, GROUP, INSTANCE, RMS, WEIGHT, BATCH_RENORM, L1, LINF, LP, L4,
        L1_UNCENTRED, L2_UNCENTRED, LINF_UNCENTRED, LP_UNCENTRED,
    )
}  # fmt: skip
