r"""L1 and Linf normalisation: their scales' gradients, and how much they can enlarge a gradient at worst.

The factor of `normalizer-worst-factor`, |n||yhat|, is 1 for batch norm. It can come as close as one likes to
sqrt(m/2) for L1 (m even; sqrt(m/2) sqrt(1 - 1/m^2) for m odd, as then the signs cannot balance) and to sqrt(m - 1)
for Linf (m even; (m - 1)/sqrt(m) for m odd). For any p >= 1 it lies between 1 and m^|1/2 - 1/p|, by the power-mean
inequality.
"""

from __future__ import annotations

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, PairSum, Vector, m, single_atom
from bnverify.theory.normalizers.known import L1, LINF, PEAK
from bnverify.theory.normalizers.normalizer import centre
from bnverify.theory.proof.claim import Certificate, Claim, Derivation, Hypothesis, Source, Step
from bnverify.theory.proof.hypotheses import NO_EPSILON, TRAINING_MODE
from bnverify.theory.proof.quantities import NORMALISED, SIGNS, N, W
from bnverify.theory.results.general.any_normalizer import SMOOTH

_THIS = Source("this work", "after Santurkar et al. 2018, section 3.3")
IS_L1 = Hypothesis("L1", "s is the mean of |y - mu|, without epsilon")
IS_LINF = Hypothesis("Linf", "s is the largest |y - mu|, without epsilon")
POSITIVE = Vector.atom("positive", latex=r"\hat y_{+}", entrywise=True)
NEGATIVE = Vector.atom("negative", latex=r"\hat y_{-}", entrywise=True)
ROOM = Vector.atom("room", latex=r"(1-\hat y^{2})", entrywise=True)
_factor2 = (N @ N) * (NORMALISED @ NORMALISED)


def _entry_step() -> Step:
    entry = sp.Symbol("e", real=True, nonzero=True)
    return Step("one entry", "the derivative of |e| is its sign", sp.diff(sp.Abs(entry), entry), sp.sign(entry))


def _derive_l1() -> Derivation:
    return Derivation(
        (_entry_step(), Step("centring", "D s[w] = <sgn(Cy), Cw>/m, and C is symmetric",
                             (SIGNS @ centre(W)) / m, W @ centre(SIGNS) / m)),
        definitions={N: L1.n},
    )  # fmt: skip


def _derive_l1_worst() -> Derivation:
    # yhat = p - q by sign: <1, p> = <1, q> = m/2, as yhat is centred and the mean of |yhat| is 1; no entry is zero.
    p, q = single_atom(POSITIVE), single_atom(NEGATIVE)
    known = {ONE @ POSITIVE: m / 2, ONE @ NEGATIVE: m / 2, SIGNS @ SIGNS: m}
    n2 = L1.n.squared

    def insert(expression: sp.Expr) -> sp.Expr:
        return sp.expand(expression.replace(PairSum, lambda e: PairSum(e).doit()).xreplace(known))

    steps = (
        _entry_step(),
        Step("gradient", "|n|^2 = 1/m - <1, sgn>^2/m^3", insert(n2), 1 / m - (ONE @ SIGNS) ** 2 / m**3),
        Step("values", "|yhat|^2 = |p|^2 + |q|^2, each <1, .>^2 less a sum of products of its entries",
             insert(m**2 / 2 - PairSum(p) - PairSum(q)), POSITIVE.squared + NEGATIVE.squared),
    )  # fmt: skip
    return Derivation(
        steps,
        definitions={N: L1.n},
        scalars={NORMALISED @ NORMALISED: POSITIVE.squared + NEGATIVE.squared},
        rewrite=insert,
        certificate=Certificate(
            ((L1.n, PairSum(p)), (L1.n, PairSum(q)), ((ONE @ SIGNS) ** 2, 1 / m, sp.Rational(1, 2))),
            normal_form=insert,
        ),
    )


def _derive_linf_worst() -> Derivation:
    # e is plus or minus a unit vector, so <1, e>^2 = 1; no |yhat_i| exceeds 1, so 1 - yhat^2 has no negative entry.
    known = {(ONE @ PEAK) ** 2: sp.Integer(1)}

    def insert(expression: sp.Expr) -> sp.Expr:
        return sp.expand(sp.expand(expression).xreplace(known))

    steps = (
        Step("gradient", "|C e|^2 = 1 - 1/m", insert(LINF.n.squared), 1 - 1 / m),
        Step("values", "|yhat|^2 = m - <1, 1 - yhat^2>", ONE @ (ONE - ROOM), m - ONE @ ROOM),
    )
    return Derivation(
        steps,
        definitions={N: LINF.n},
        scalars={NORMALISED @ NORMALISED: m - ONE @ ROOM},
        rewrite=insert,
        certificate=Certificate(((m - 1, 1 / m, ONE @ ROOM),), normal_form=insert),
    )


L1_GRADIENT = Claim(
    "l1-scale-gradient", "Gradient of the L1 scale", _THIS,
    W @ N, "==", (W @ SIGNS - (ONE @ W) * (ONE @ SIGNS) / m) / m, "channel",
    _derive_l1, (TRAINING_MODE, SMOOTH, IS_L1), remark="Stated for every w.",
)  # fmt: skip

L1_WORST = Claim(
    "l1-worst-factor", "L1 normalisation enlarges no gradient by more than sqrt(m/2)", _THIS,
    _factor2, "<=", m / 2, "channel", _derive_l1_worst, (TRAINING_MODE, SMOOTH, IS_L1, NO_EPSILON),
    remark="Beyond gamma/s. Approached for even m: one large positive and one large negative value, the rest near the "
    "mean, half on each side. For Gaussian values the factor is sqrt(pi/2) = 1.25.",
)  # fmt: skip

LINF_WORST = Claim(
    "linf-worst-factor", "Linf normalisation enlarges no gradient by more than sqrt(m - 1)", _THIS,
    _factor2, "<=", m - 1, "channel", _derive_linf_worst, (TRAINING_MODE, SMOOTH, IS_LINF, NO_EPSILON),
    remark="Beyond gamma/s. Approached for even m by values that are all nearly the largest in magnitude.",
)  # fmt: skip
