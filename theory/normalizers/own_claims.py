r"""Claims about a normaliser of one's own, derived from its definition: a centring, and a scale in inner products.

To the general claims (`general.any_normalizer`), which speak of the gradient n of the scale whatever it is, come two in
which n is written out: n itself, and its effect on the gradient. For the biased standard deviation they are n = yhat/m
and Theorem 4.1.
"""

from __future__ import annotations

import sympy as sp

from bnverify.errors import InputError
from bnverify.theory.algebra.jet import NotRational, NotSmooth
from bnverify.theory.algebra.vectors import ONE, Inner, Vector, m
from bnverify.theory.normalizers.known import NORMALIZERS
from bnverify.theory.normalizers.normalizer import KnownScale, Normalizer
from bnverify.theory.proof.claim import Claim, Derivation, Source
from bnverify.theory.proof.hypotheses import READING, TRAINING_MODE
from bnverify.theory.proof.quantities import NORMALISED, YHAT, G, N, P, V, W, Y, a, epsilon, gamma, s
from bnverify.theory.proof.trial import NotComputable, trials
from bnverify.theory.proof.tried import combination
from bnverify.theory.results.catalogue import claims_for
from bnverify.theory.results.general.any_normalizer import AT_LEAST_ONE, GENERAL, SMOOTH, WORST
from bnverify.theory.results.general.values import ANY

_THIS = Source("this work", "from the definition of the scale")
SPREAD, TOTAL = sp.Dummy("spread", positive=True), sp.Dummy("total", real=True)
_MEASURED = frozenset(name for claim in GENERAL for name in claim.quantities) | {"one_w", "mu", "epsilon"}


def claims_of(normalizer: Normalizer) -> tuple[Claim, ...]:
    """The claims that speak of a normaliser: those of `claims_for` where it is one of ``NORMALIZERS``; else the general
    ones, without those about the worst factor unless it is `consistent`, and what its formula says of n."""
    if NORMALIZERS.get(normalizer.name) is normalizer:
        return claims_for(normalizer.name)
    normalizer.check()
    _compare(normalizer)
    worst = () if consistent(normalizer) else (WORST, AT_LEAST_ONE)
    general = tuple(claim for claim in GENERAL if claim not in worst)
    own = () if isinstance(normalizer.scale, KnownScale) else (scale_gradient(normalizer), gradient_effect(normalizer))
    return ANY + general + tuple(claim for claim in own if claim is not None)


def _compare(normalizer: Normalizer) -> None:
    """InputError where the declared gradient of a scale is not its derivative, at exact examples that can tell."""
    if not isinstance(normalizer.scale, KnownScale) or normalizer.scale.of is None:
        return
    for trial in trials(normalizer):
        for channel in trial.channels:
            try:
                declared = combination(normalizer.scale.gradient, trial, channel)
                right = channel.example.n
            except (NotComputable, NotSmooth, NotRational, ZeroDivisionError):
                continue
            if any(p != q for p, q in zip(declared, right, strict=True)):
                raise InputError(
                    got=f"the gradient {normalizer.scale.gradient!r} of the scale of {normalizer.name}",
                    expected=f"its derivative, which is {', '.join(map(str, right))} at y = {channel.example.y}, "
                    f"not {', '.join(map(str, declared))}",
                    advice="correct the gradient, or `of`",
                )  # fmt: skip


def consistent(normalizer: Normalizer) -> bool:
    """Whether, at epsilon = 0, the scale is proved not to see what P removes (Pn = n) and to be homogeneous
    (<n, y> = s): the hypothesis of the worst factor. False where SymPy cannot tell."""
    if isinstance(normalizer.scale, KnownScale):
        return False
    scale = scale_in_moments(normalizer).subs(epsilon, 0)
    by_spread, by_total = sp.diff(scale, SPREAD), sp.diff(scale, TOTAL)
    seen = by_total if normalizer.centred else sp.Integer(0)  # <1, n>
    along_y = 2 * SPREAD * by_spread + TOTAL * by_total
    return sp.simplify(seen) == 0 and sp.simplify(along_y - scale) == 0


def scale_in_moments(normalizer: Normalizer) -> sp.Expr:
    """The scale as a function of SPREAD = |Cy|^2, TOTAL = <1, y>, m and epsilon, in which no large numbers cancel;
    ValueError where it is no formula in <y, y> and <1, y>."""
    scale = sp.expand(normalizer.formula(Y).xreplace({Y @ Y: SPREAD + TOTAL**2 / m, ONE @ Y: TOTAL}))
    unknown = scale.atoms(Inner) or scale.free_symbols - {SPREAD, TOTAL, m, epsilon}
    if unknown:
        raise ValueError(
            f"got a scale of {normalizer.name} with {', '.join(sorted(map(str, unknown)))}; expected a formula in "
            "y @ y, ONE @ y, m and epsilon; insert numbers for constants"
        )
    return scale


def scale_gradient(normalizer: Normalizer) -> Claim | None:
    """<w, n> for every w, n written in 1 and yhat; None where that speaks of what is not measured."""
    return _claim(
        normalizer, "scale-gradient", "Gradient of the scale", W @ N, W @ normalizer.n, (TRAINING_MODE, SMOOTH)
    )


def gradient_effect(normalizer: Normalizer) -> Claim | None:
    """|v|^2 in |Pg|^2, <g, yhat> and the moments of y; None where that speaks of what is not measured."""
    yhat = normalizer.normalised
    squared, total = P(G) @ P(G), ONE @ P(G)
    pg = Vector.atom("Pg", norm2=squared, total=total)
    along_n = (pg @ normalizer.n).xreplace({pg @ yhat: G @ yhat})  # yhat = P yhat
    right = (gamma / s) ** 2 * (squared - 2 * (G @ yhat) * along_n + (G @ yhat) ** 2 * normalizer.n.squared)
    hypotheses = (TRAINING_MODE, READING, SMOOTH)
    return _claim(normalizer, "gradient", "Effect on the gradient, exact identity", V @ V, right, hypotheses)


def _claim(normalizer, key, title, left, right, hypotheses) -> Claim | None:
    """The claim with the measured yhat on its right side, if everything on it is measured."""
    yhat = normalizer.normalised
    right = right.xreplace({yhat.squared: NORMALISED.squared, G @ yhat: a, W @ yhat: W @ YHAT})
    right = sp.expand(right)
    claim = Claim(
        f"{normalizer.name}-{key}", f"{title} ({normalizer.name})", _THIS, left, "==", right, "channel",
        lambda: Derivation(normalizer), hypotheses, about=(normalizer.name,),
    )  # fmt: skip
    try:
        return claim if set(claim.quantities) <= _MEASURED else None
    except KeyError:  # a symbol on it is no quantity at all
        return None
