r"""AUDIT: the printed formulas about batch normalisation, each with its verdict, its correction and its counterexample.

The counterexamples are what `Printed.search` finds first; a test searches again and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from functools import partial

import sympy as sp

from bnverify.theory.algebra.jet import NotRational
from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.audit.printed import Printed, Verdict
from bnverify.theory.audit.search import examples
from bnverify.theory.audit.small_networks import (
    MOVED_V,
    PLAIN_WEIGHT_GRADIENT,
    Inputs,
    LeastSquares,
    LinearLayer,
    Ray,
    followed_by_norm,
    inputs,
    largest_plain,
    least_squares,
    linear_layers,
    rays,
)  # fmt: skip
from bnverify.theory.normalizers.known import L1, L1_UNCENTRED, L4, LINF, LINF_UNCENTRED
from bnverify.theory.proof.claim import Source
from bnverify.theory.proof.example import Example, algebraic
from bnverify.theory.proof.quantities import (
    HHAT,
    JX,
    W0,
    WSTAR,
    YHAT,
    Z_REPARAMETRISED,
    G,
    H,
    V,
    W,
    X,
    Z,
    a,
    design_norm2,
    distance2,
    frozen_normalised,
    frozen_plain,
    gamma,
    grad_beta,
    grad_gamma,
    grad_mu,
    grad_sigma2,
    s,
)  # fmt: skip
from bnverify.theory.results.catalogue import Catalogue

_PAPER = "Santurkar et al. 2018"
_gain = (gamma / s) ** 2
_lipschitz = _gain * (G @ G - (ONE @ G) ** 2 / m - a**2 / m)
_centred_only = _gain * (G @ G - (ONE @ G) ** 2 / m)
_not_zero = sp.Gt(G @ G, 0, evaluate=False)
_curvature = _gain * (V @ H(V)) - gamma * a / (m * s**2) * (V @ V)


def _le(left: sp.Expr, right: sp.Expr) -> sp.Rel:
    return sp.Le(left, right, evaluate=False)


def _eq(left: sp.Expr, right: sp.Expr) -> sp.Rel:
    return sp.Eq(left, right, evaluate=False)


def _row(*entries: int | str) -> tuple[Fraction, ...]:
    return tuple(Fraction(e) for e in entries)


def _identity(size: int, factor: int) -> tuple[tuple[Fraction, ...], ...]:
    return tuple(_row(*(factor * (i == k) for k in range(size))) for i in range(size))


def _followed() -> Iterator[Example]:
    """Examples whose loss is another batch norm and a linear function."""
    for example in examples(sizes=(2, 4)):
        with suppress(NotRational):
            yield followed_by_norm(example)


_THEOREM_4_1 = (
    Printed(
        "4.1-v3", "Theorem 4.1 with 1/sqrt(m) before the squared alignment",
        Source(_PAPER, "Theorem 4.1 (arXiv v3, 27 Oct 2018)"),
        _le(V @ V, _gain * (G @ G - (ONE @ G) ** 2 / m - a**2 / sp.sqrt(m))), Verdict.FALSE,
        ("theorem-4.1", "theorem-4.1-exact"),
        "False whenever <g, yhat> is not 0, m > 1 and epsilon = 0: the coefficient is 1/m.",
        Example(_row(0, 1), _row(0, 1)),
        candidates=examples,
    ),
    Printed(
        "4.1", "Theorem 4.1 with 1/m", Source(_PAPER, "Theorem 4.1 (later version)"),
        _le(V @ V, _lipschitz), Verdict.TRUE, ("theorem-4.1", "theorem-4.1-exact"),
        "True for every epsilon; an equality at epsilon = 0, with slack (gamma^2/s^2)(1 - rho) a^2/m otherwise.",
    ),
    Printed(
        "4.1-plain-left", "Theorem 4.1 with the plain gradient on the left", Source("readers' notes", "Theorem 4.1"),
        _le(G @ G, _lipschitz), Verdict.FALSE, ("theorem-4.1",),
        "The left side is the gradient through the normalisation.",
        Example(_row(0, 1), _row(0, 1)),
        candidates=examples,
    ),
    Printed(
        "4.1-smaller", "Batch norm makes the gradient smaller", Source("readers' notes", "Theorem 4.1 in words"),
        _le(V @ V, G @ G), Verdict.FALSE, ("theorem-4.1-exact",),
        "Not where gamma/s is large: the theorem bounds |v| by (gamma/s)|g|.",
        Example(_row(0, 0, 1, 1), _row(0, 0, 0, 1)),
        candidates=lambda: examples(gammas=(1, 2, 10)),
    ),
)  # fmt: skip

_BACKWARD = (
    Printed(
        "c.2-misprint", "Fact C.2 with an equals sign for the minus", Source("readers' notes", "Fact C.2"),
        _eq(W @ JX, (sp.Piecewise((1, sp.Eq(W @ X, 1 / m)), (0, True)) - (W @ YHAT) * (X @ YHAT) / m) / s),
        Verdict.MISPRINT, ("fact-c2",),
        "For unit vectors w = e_b and x = e_k: 1[b = k] - 1/m was set as 1[b = k] = 1/m, read here as an indicator.",
        Example(_row(0, 1), _row(0, 1), w=_row(1, 0), x=_row(1, 0)),
        premises=(_eq(W @ W, sp.Integer(1)), _eq(X @ X, sp.Integer(1))),
        candidates=lambda: examples(tests=True),
    ),
    Printed(
        "backward-variance-blog", "Gradient of the variance from dl/dx", Source("a widely read blog", "backward pass"),
        _eq(grad_sigma2, -(YHAT @ V) / (2 * s**2)), Verdict.MISPRINT, ("backward-variance",),
        "dl/dx_i stands where dl/dxhat_i belongs.",
        Example(_row(0, 1), _row(0, 1)),
        candidates=examples,
    ),
    Printed(
        "backward-mean-blog", "Gradient of the mean from dl/dx", Source("a widely read blog", "backward pass"),
        _eq(grad_mu, -(ONE @ V) / s), Verdict.MISPRINT, ("backward-mean",),
        "dl/dx_i stands where dl/dxhat_i belongs; the printed right side is always 0.",
        Example(_row(0, 1), _row(0, 1)),
        candidates=examples,
    ),
    Printed(
        "backward-chain-blog", "Last line of the backward pass", Source("a widely read blog", "backward pass"),
        _eq(W @ V, gamma / s * (W @ G) + 2 * s / m * (W @ YHAT) + (ONE @ W) / m), Verdict.MISPRINT,
        ("backward-chain", "fact-c1"), "The factors dl/dsigma^2 and dl/dmu are missing.",
        Example(_row(0, 1), _row(1, 0), w=_row(1, 0), x=_row(1, 0)),
        candidates=lambda: examples(tests=True),
    ),
)  # fmt: skip

_THEOREM_4_2 = (
    Printed(
        "4.2-i", "Theorem 4.2(i) at epsilon = 0", Source(_PAPER, "Theorem 4.2(i)"),
        _le(V @ HHAT(V), _curvature), Verdict.EQUALITY, ("theorem-4.2", "theorem-4.2-exact", "theorem-4.2-layer"),
        "At epsilon = 0, the paper's setting, both sides are equal.",
    ),
    Printed(
        "4.2-i-epsilon", "Theorem 4.2(i) for the batch norm of programs, epsilon > 0",
        Source(_PAPER, "Theorem 4.2(i)"),
        _le(V @ HHAT(V), _curvature), Verdict.CONDITIONAL, ("theorem-4.2-exact",),
        "Needs epsilon = 0; otherwise a negative alignment can break it at first order in 1 - rho.",
        Example(_row(0, 1), _row(0, -1), epsilon=Fraction(15, 4), H=_identity(2, 0)),
        candidates=lambda: examples(epsilon=True, hessians=(0,)),
    ),
    Printed(
        "4.2-ii", "Theorem 4.2(ii) where H preserves the relative norms of g and v",
        Source(_PAPER, "Theorem 4.2(ii)"),
        _le(V @ HHAT(V), _gain * (G @ H(G) - a / (m * gamma) * (V @ V))), Verdict.FALSE, ("theorem-4.2-ii",),
        "H = I preserves all norms, and with gamma/s large |v| exceeds |g|. It holds iff v'Hv <= g'Hg.",
        Example(_row(0, 0, 1, 1), _row(0, 0, 0, 1), H=_identity(4, 1)),
        candidates=lambda: examples(gammas=(1, 2, 10), hessians=(1,)),
    ),
    Printed(
        "4.2-alignment", "<g, yhat> > 0 as a mild assumption", Source(_PAPER, "after Theorem 4.2"),
        sp.Gt(a, 0, evaluate=False), Verdict.FALSE, ("sum-rule", "sum-rule-exact"),
        "Not in a network whose next layer is normalised too: with beta = 0 and one channel the alignment is 0, and "
        "with several channels and gamma > 0 it is positive in one only if it is negative in another.",
        followed_by_norm(Example(_row(0, 0, 1, 1), _row(0, 0, 0, 1))),
        candidates=_followed, premises=(_not_zero,),
    ),
    Printed(
        "4.2-psd", "H positive semidefinite as a mild assumption", Source(_PAPER, "after Theorem 4.2"),
        sp.Ge(G @ H(G), 0, evaluate=False), Verdict.FALSE, ("theorem-4.2-exact", "hessian"),
        "A later batch norm can bend the loss downwards along its gradient, even if what follows it is linear.",
        followed_by_norm(Example(_row(0, 0, 1, 1), _row(0, 0, 0, 1))),
        candidates=_followed,
    ),
)  # fmt: skip

_OBSERVATION_4_3 = (
    Printed(
        "4.3-minima", "All minima are preserved", Source(_PAPER, "Observation 4.3, second sentence"),
        _eq(grad_gamma**2 + grad_beta**2, sp.Integer(0)), Verdict.FALSE,
        ("observation-4.3-minima", "observation-4.3"),
        "False for the layer without bias that the paper sets up; true with a bias.",
        LeastSquares((_row(0), _row(1)), _row(1, 1)),
        candidates=least_squares, premises=(_eq(PLAIN_WEIGHT_GRADIENT.squared, sp.Integer(0)),),
    ),
)  # fmt: skip

_THEOREM_4_4 = (
    Printed(
        "4.4", "Theorem 4.4", Source(_PAPER, "Theorem 4.4"),
        _le(frozen_normalised, _gain * (frozen_plain**2 - (ONE @ G) ** 2 / m - design_norm2 * a**2)), Verdict.MISPRINT,
        ("theorem-4.4", "theorem-4.4-layer-bound"),
        "g_j is already a squared norm; mu_g^2 lacks lambda^2 and a^2 lacks 1/m.",
        Inputs(Example(_row(0, 1), _row(0, 1)), Fraction(1), _identity(2, 0)),
        candidates=lambda: inputs(examples(), projectors=False),
    ),
    Printed(
        "4.4-gamma", "Theorem 4.4 with gamma for gamma^2", Source("readers' notes", "Theorem 4.4"),
        _le(frozen_normalised, gamma / s**2 * (frozen_plain - design_norm2 * ((ONE @ G) ** 2 / m + a**2 / m))),
        Verdict.MISPRINT, ("theorem-4.4",), "The factor is (gamma/s)^2.",
        Inputs(Example(_row(0, 0, 1, 1), _row(0, 0, 0, 1), gamma=Fraction(2)), Fraction(1), _identity(4, 0)),
        candidates=lambda: inputs(examples(gammas=(2,)), projectors=False),
    ),
    Printed(
        "c.1", "Minimax smoothness", Source(_PAPER, "Theorem C.1"),
        _le(MOVED_V @ HHAT(MOVED_V), _gain * (largest_plain - design_norm2**2 * a / (m * gamma) * (V @ V))),
        Verdict.FALSE, ("theorem-4.2-ii", "theorem-4.2", "theorem-4.4"),
        "The left side stands for one X of the maximum, here X = 0; H = 0, so that the largest plain value is 0. With "
        "both values taken at the same X with XX' = lambda^2 I it is Theorem 4.2(ii), and needs v'Hv <= g'Hg.",
        Inputs(Example(_row(0, 0, 1, 1), _row(0, 0, 0, 1)), Fraction(1), _identity(4, 0)),
        candidates=lambda: inputs(examples()),
    ),
    Printed(
        "c.1-step-58", "The maximum over X of v'XX'HXX'v is lambda^4 v'Hv", Source(_PAPER, "equation (58)"),
        _le(MOVED_V @ H(MOVED_V), design_norm2**2 * (V @ H(V))), Verdict.FALSE, ("theorem-4.4",),
        "Stated as what it implies for every X of norm lambda. False for positive semidefinite H too, unless H is a "
        "multiple of I: an X that turns v towards larger curvature gains more than its norm.",
        Inputs(Example(_row(0, 0, 1, 1), _row(0, 0, 0, 1), H=_identity(4, -1)), Fraction(1), _identity(4, 0)),
        candidates=lambda: inputs(examples(hessians=(-1,))),
    ),
)  # fmt: skip

_nearest = W0 @ W0 - 2 * (W0 @ WSTAR) + WSTAR @ WSTAR - (WSTAR @ WSTAR - W0 @ WSTAR) ** 2 / (WSTAR @ WSTAR)
_LEMMA_4_5 = (
    Printed(
        "4.5-optimum", "kW* must be an optimum of the normalised network", Source(_PAPER, "Lemma 4.5, premise"),
        _eq(grad_gamma**2 + grad_beta**2, sp.Integer(0)), Verdict.FALSE,
        ("invariance-scale", "observation-4.3-minima", "lemma-4.5"),
        "False in general (Dannemann and Junike 2025), here at k = 1 without a bias; true for a layer with bias, "
        "gamma = s(W*), beta = mu(W*).",
        LeastSquares((_row(0), _row(1)), _row(1, 1)),
        candidates=least_squares, premises=(_eq(PLAIN_WEIGHT_GRADIENT.squared, sp.Integer(0)),),
    ),
    Printed(
        "4.5-obtuse", "Lemma 4.5 without <W0, W*> > 0", Source("a reproduction", "Lemma 4.5"),
        _le(distance2, _nearest), Verdict.CONDITIONAL, ("lemma-4.5-filter", "lemma-4.5"),
        "Needs <W0, W*> > 0: otherwise the nearest point of the line is not on the ray.",
        Ray(_row(-1), _row(1)),
        candidates=rays,
    ),
)  # fmt: skip

_NORMALISERS = tuple(
    Printed(
        f"lp-{normalizer.name}", f"{name} normalisation smooths as batch norm does",
        Source(_PAPER, "section 3.3"), _le(V @ V, _centred_only), Verdict.FALSE,
        claims, remark, Example(_row(*y), _row(*g), normalizer=normalizer),
        candidates=partial(examples, normalizer, bound=3),
    )
    for normalizer, name, y, g, claims, remark in (
        (L1_UNCENTRED, "l_1", (1, 2), (0, 1), ("normalizer-gradient",),
         "Theorem 4.1 even without its gain, |v| <= (gamma/s)|Cg|, fails for the paper's l_1 (uncentred norm)."),
        (LINF_UNCENTRED, "l_inf", (1, -1, 2), (0, 1, 0), ("normalizer-gradient",),
         "Theorem 4.1 even without its gain, |v| <= (gamma/s)|Cg|, fails for the paper's l_inf (uncentred norm)."),
        (L1, "Centred L1", (0, 1, -2), (0, 2, 1), ("normalizer-gradient", "l1-worst-factor"),
         "It can enlarge the gradient beyond gamma/s, by a factor of at most sqrt(m/2)."),
        (LINF, "Centred Linf", (0, 1, -2), (0, 2, 1), ("normalizer-gradient", "linf-worst-factor"),
         "It can enlarge the gradient beyond gamma/s, by a factor of at most sqrt(m - 1)."),
    )
)  # fmt: skip

_L4 = (
    Printed(
        "lp-l4", "Centred L4 normalisation smooths as batch norm does", Source(_PAPER, "section 3.3"),
        _le(V @ V, _centred_only), Verdict.FALSE,
        ("normalizer-gradient", "normalizer-worst-factor", "normalizer-worst-factor-floor"),
        "Any p other than 2 fails: only for p = 2 is the gradient of the scale parallel to the normalised values. For "
        "p = 4 and three values summing to zero it is parallel too (their cubes are a multiple of them, up to a "
        "constant), so four values are needed.",
        algebraic(Example(_row(0, 1, 1, -1), _row(0, 1, 1, 1), normalizer=L4)),
        candidates=lambda: map(algebraic, examples(L4, sizes=(4,), bound=1)),
    ),
)  # fmt: skip

_KOHLER = (
    Printed(
        "kohler-mean", "Batch norm is a linear layer with weights gamma W/sqrt(W'SW)",
        Source("Kohler et al. 2018", "equation (3)"), _eq(W @ Z, W @ Z_REPARAMETRISED), Verdict.CONDITIONAL,
        ("kohler-reparametrisation",), "Needs inputs of mean zero, which activations after a ReLU are not.",
        LinearLayer(_row(0, 1), _row(1, 0)),
        candidates=linear_layers,
    ),
)  # fmt: skip

AUDIT: Catalogue[Printed] = Catalogue(
    "audit record",
    (
        *_THEOREM_4_1, *_BACKWARD, *_THEOREM_4_2, *_OBSERVATION_4_3, *_THEOREM_4_4, *_LEMMA_4_5, *_NORMALISERS, *_L4,
        *_KOHLER,
    ),
)  # fmt: skip
