r"""L1 and Linf normalisation: their scales' gradients, and how much they can enlarge a gradient at worst.

The factor of `normalizer-worst-factor`, |n||yhat|, is 1 for batch norm. It can come as close as one likes to
sqrt(m/2) for L1 (m even; sqrt(m/2) sqrt(1 - 1/m^2) for m odd, as then the signs cannot balance) and to sqrt(m - 1)
for Linf (m even; (m - 1)/sqrt(m) for m odd). For any p >= 1 it lies between 1 and m^|1/2 - 1/p|, by the power-mean
inequality.
"""

from __future__ import annotations

from functools import partial

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, PairSum, Vector, m, single_atom
from bnverify.theory.normalizers.known import L1, LINF, PEAK
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source
from bnverify.theory.proof.hypotheses import NO_EPSILON, TRAINING_MODE
from bnverify.theory.proof.quantities import NORMALISED, SIGNS, N, W
from bnverify.theory.results.general.any_normalizer import SMOOTH

_claim = partial(Claim, about=("l1",), chapter="lp_normalisation")
_of_linf = partial(Claim, about=("linf",), chapter="lp_normalisation")

_THIS = Source("this work", "after Santurkar et al. 2018, section 3.3")
POSITIVE = Vector.atom("positive", latex=r"\hat y_{+}", entrywise=True)
NEGATIVE = Vector.atom("negative", latex=r"\hat y_{-}", entrywise=True)
ROOM = Vector.atom("room", latex=r"(1-\hat y^{2})", entrywise=True)
IS_L1 = Hypothesis(
    "L1", "s is the mean of |y - mu|, without epsilon; yhat is split by sign: <1, yhat+> = <1, yhat-> = m/2, as yhat "
    "is centred and the mean of |yhat| is 1, and no entry is zero",
    equations={
        ONE @ POSITIVE: m / 2, ONE @ NEGATIVE: m / 2, SIGNS @ SIGNS: m,
        L1.normalised.squared: POSITIVE.squared + NEGATIVE.squared,
    },
)  # fmt: skip
IS_LINF = Hypothesis(
    "Linf", "s is the largest |y - mu|, without epsilon; e is plus or minus the unit vector of the largest entry, and "
    "no |yhat_i| exceeds 1",
    equations={
        PEAK @ PEAK: sp.Integer(1), (ONE @ PEAK) ** 2: sp.Integer(1), LINF.normalised.squared: m - ONE @ ROOM,
    },
)  # fmt: skip
_factor2 = (N @ N) * (NORMALISED @ NORMALISED)


def _derive_l1() -> Derivation:
    p, q = single_atom(POSITIVE), single_atom(NEGATIVE)
    return Derivation(L1, Certificate(
        ((L1.n, PairSum(p)), (L1.n, PairSum(q)), ((ONE @ SIGNS) ** 2, 1 / m, sp.Rational(1, 2)))
    ))  # fmt: skip


def _derive_linf() -> Derivation:
    return Derivation(LINF, Certificate(((m - 1, 1 / m, ONE @ ROOM),)))


L1_GRADIENT = _claim(
    "l1-scale-gradient", "Gradient of the L1 scale", _THIS,
    W @ N, "==", (W @ SIGNS - (ONE @ W) * (ONE @ SIGNS) / m) / m, "channel",
    _derive_l1, (TRAINING_MODE, SMOOTH, IS_L1), remark="Stated for every w.",
)  # fmt: skip

L1_WORST = _claim(
    "l1-worst-factor", "L1 normalisation enlarges no gradient by more than sqrt(m/2)", _THIS,
    _factor2, "<=", m / 2, "channel", _derive_l1, (TRAINING_MODE, SMOOTH, IS_L1, NO_EPSILON),
    remark="Beyond gamma/s. Approached for even m: one large positive and one large negative value, the rest near the "
    "mean, half on each side. For Gaussian values the factor is sqrt(pi/2) = 1.25.",
)  # fmt: skip

LINF_WORST = _of_linf(
    "linf-worst-factor", "Linf normalisation enlarges no gradient by more than sqrt(m - 1)", _THIS,
    _factor2, "<=", m - 1, "channel", _derive_linf, (TRAINING_MODE, SMOOTH, IS_LINF, NO_EPSILON),
    remark="Beyond gamma/s. Approached for even m by values that are all nearly the largest in magnitude.",
)  # fmt: skip
