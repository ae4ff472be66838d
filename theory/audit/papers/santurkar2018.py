r"""Santurkar, Tsipras, Ilyas, Madry 2018: the theorems as printed, and sentences of the paper formalised by us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from functools import partial

import sympy as sp

from bnverify.theory.algebra.jet import NotRational
from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.ruling import Known, Party, Ruling, Text
from bnverify.theory.audit.search import examples
from bnverify.theory.audit.small_networks import (
    NORMALISED_WEIGHT_GRADIENT,
    PLAIN_WEIGHT_GRADIENT,
    Inputs,
    LeastSquares,
    Mixed,
    followed_by_norm,
    inputs,
    least_squares,
    mixed,
)
from bnverify.theory.audit.stated import Stated
from bnverify.theory.normalizers.known import L1, L1_UNCENTRED, L4, LINF, LINF_UNCENTRED
from bnverify.theory.proof.claim import Source
from bnverify.theory.proof.example import Example, algebraic
from bnverify.theory.proof.quantities import (
    HHAT,
    G,
    H,
    V,
    a,
    design_norm2,
    frozen_normalised,
    frozen_plain,
    gamma,
    s,
)
from bnverify.theory.results.catalogue import CLAIMS

PAPER = "Santurkar et al. 2018"
ARXIV = "https://arxiv.org/abs/1805.11604"
_gain = (gamma / s) ** 2
_curvature = _gain * (V @ H(V)) - gamma * a / (m * s**2) * (V @ V)


def quoted(quote: str) -> Text:
    """Taken from the preprint when the audit was begun, not compared with the PDF since."""
    return Text(quote, Known.QUOTED, "this project's first notes of arXiv:1805.11604", ARXIV)


def _noted(quote: str) -> Text:
    """Found word for word in two readers' notes, which agree."""
    return Text(quote, Known.QUOTED, "two readers' notes that agree (RRoundTable, J. A. Flaherty, both 2019)", ARXIV)


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


_READINGS = "The plain gradient g is that of the rest of the network at z (same upstream, or gamma = s and beta = mu)."

FACTS = tuple(
    Record(
        key=key, title=title, source=Source(PAPER, place), text=quoted(quote), ruling=ruling,
        evidence=Stated(_eq(CLAIMS[claim].left, CLAIMS[claim].right)), remark=remark, reading=reading,
        corrected=(claim,),
    )
    for key, title, place, quote, ruling, claim, remark, reading in (
        ("c.1-fact", "Gradient through batch norm", "Fact C.1",
         r"\frac{\partial f}{\partial A^{(b)}} = \frac{\gamma}{m\sigma}\left(m\frac{\partial f}{\partial C^{(b)}} - "
         r"\sum_k \frac{\partial f}{\partial C^{(k)}} - B^{(b)}\sum_k \frac{\partial f}{\partial "
         r"C^{(k)}}B^{(k)}\right)",
         Ruling.TRUE, "fact-c1", "True for every epsilon, with sigma read as s = sqrt(sigma^2 + epsilon).",
         "Tested against every vector w, which is the same as in every entry."),
        ("c.2-fact", "Gradient of the normalised outputs", "Fact C.2",
         r"\frac{\partial \hat y^{(b)}}{\partial y^{(k)}} = \frac1\sigma\left(\mathbf 1[b=k] - \frac1m - "
         r"\frac1m \hat y^{(b)}\hat y^{(k)}\right)",
         Ruling.TRUE, "fact-c2", "True for every epsilon, with sigma read as s.",
         "Tested on all vectors w and x, which is the same as on all unit vectors."),
        ("41-42", "Hessian of the normalised loss", "equations (41)-(42)",
         r"\frac{\partial^2\hat{\mathcal L}}{\partial y_j \partial y_j} = \frac{\gamma^2}{\sigma^2}"
         r"P H_{jj} P - \frac{\gamma}{m\sigma^2}(\ldots), \quad P = I - \tfrac1m\mathbf 1\mathbf 1^\top - "
         r"\tfrac1m\hat y_j\hat y_j^\top",
         Ruling.TRUE, "hessian", "True for every epsilon, with sigma read as s.",
         "Tested on all vectors w and x; the bracket is written out in the claim."),
    )
)  # fmt: skip

THEOREM_4_1 = (
    Record(
        key="4.1-v3", title="Theorem 4.1 with 1/sqrt(m) before the squared alignment",
        source=Source(PAPER, "Theorem 4.1 (arXiv v3, 27 Oct 2018)"),
        text=quoted(
            r"\|\nabla_{y_j}\hat{\mathcal L}\|^2 \le \frac{\gamma^2}{\sigma_j^2}\left(\|\nabla_{y_j}\mathcal L\|^2 - "
            r"\frac1m\langle\mathbf 1,\nabla_{y_j}\mathcal L\rangle^2 - \frac{1}{\sqrt m}\langle\nabla_{y_j}\mathcal L,"
            r"\hat y_j\rangle^2\right)"
        ),
        ruling=Ruling.FALSE,
        evidence=Stated(
            _le(V @ V, _gain * (G @ G - (ONE @ G) ** 2 / m - a**2 / sp.sqrt(m))),
            Example(_row(0, 1), _row(0, 1)), candidates=examples,
        ),
        remark="False whenever <g, yhat> is not 0, m > 1 and epsilon = 0: the coefficient is 1/m.",
        reading=f"{_READINGS} True in no reading with an alignment: in the paper's setting the theorem is an equality "
        "with 1/m.",
        corrected=("theorem-4.1", "theorem-4.1-exact"),
    ),
    Record(
        key="4.1", title="Theorem 4.1 with 1/m", source=Source(PAPER, "Theorem 4.1 (later version)"),
        text=_noted(
            r"\|\nabla_{y_j}\hat{\mathcal L}\|^2 \le \frac{\gamma^2}{\sigma_j^2}\left(\|\nabla_{y_j}\mathcal L\|^2 - "
            r"\frac1m\langle\mathbf 1,\nabla_{y_j}\mathcal L\rangle^2 - \frac1m\langle\nabla_{y_j}\mathcal L,"
            r"\hat y_j\rangle^2\right)"
        ),
        ruling=Ruling.TRUE, evidence=Stated(_le(V @ V, _gain * (G @ G - (ONE @ G) ** 2 / m - a**2 / m))),
        remark="True for every epsilon; an equality at epsilon = 0, with slack (gamma^2/s^2)(1 - rho) a^2/m otherwise.",
        reading=_READINGS, corrected=("theorem-4.1", "theorem-4.1-exact"),
    ),
    Record(
        key="4.1-smaller", title="Batch norm makes the gradient smaller", source=Source(PAPER, "Theorem 4.1 in words"),
        text=quoted(r"\|\nabla_{y_j}\hat{\mathcal L}\| \le \|\nabla_{y_j}\mathcal L\|"), party=Party.OURS,
        ruling=Ruling.CONDITIONAL,
        evidence=Stated(
            _le(V @ V, G @ G), Example(_row(0, 0, 1, 1), _row(0, 0, 0, 1)),
            candidates=lambda: examples(gammas=(1, 2, 10)),
        ),
        remark="Not where gamma/s is large: the theorem bounds |v| by (gamma/s)|g|.",
        reading="Tested for any gamma and s. True in the matched reading, gamma = s, and wherever gamma <= s.",
        corrected=("theorem-4.1-exact",),
    ),
)  # fmt: skip

THEOREM_4_2 = (
    Record(
        key="4.2-i", title="Theorem 4.2(i)", source=Source(PAPER, "Theorem 4.2(i)"),
        text=_noted(
            r"(\nabla_{y_j}\hat{\mathcal L})^\top\frac{\partial\hat{\mathcal L}}{\partial y_j\partial y_j}"
            r"(\nabla_{y_j}\hat{\mathcal L}) \le \frac{\gamma^2}{\sigma^2}\left(\frac{\partial\hat{\mathcal L}}"
            r"{\partial y_j}\right)^\top H_{jj}\left(\frac{\partial\hat{\mathcal L}}{\partial y_j}\right) - "
            r"\frac{\gamma}{m\sigma^2}\langle\hat g_j,\hat y_j\rangle\left\|\frac{\partial\hat{\mathcal L}}"
            r"{\partial y_j}\right\|^2"
        ),
        ruling=Ruling.EQUALITY, evidence=Stated(_le(V @ HHAT(V), _curvature)),
        remark="At epsilon = 0, the paper's setting, both sides are equal.", reading=_READINGS,
        corrected=("theorem-4.2", "theorem-4.2-exact", "theorem-4.2-layer"),
    ),
    Record(
        key="4.2-i-epsilon", title="Theorem 4.2(i) for the batch norm of programs, epsilon > 0",
        source=Source(PAPER, "Theorem 4.2(i), a setting the paper does not claim"),
        text=quoted(r"\text{4.2(i) with } \sigma^2 \text{ read as } \sigma^2 + \epsilon"), party=Party.OURS,
        ruling=Ruling.CONDITIONAL,
        evidence=Stated(
            _le(V @ HHAT(V), _curvature), Example(_row(0, 1), _row(0, -1), epsilon=Fraction(15, 4), H=_identity(2, 0)),
            candidates=lambda: examples(epsilon=True, hessians=(0,)),
        ),
        remark="Needs epsilon = 0; otherwise a negative alignment can break it at first order in 1 - rho.",
        reading="The paper has no epsilon, and is right without one.", corrected=("theorem-4.2-exact",),
    ),
    Record(
        key="4.2-ii", title="Theorem 4.2(ii) where H preserves the relative norms of g and v",
        source=Source(PAPER, "Theorem 4.2(ii)"),
        text=_noted(
            r"(\nabla_{y_j}\hat{\mathcal L})^\top\frac{\partial\hat{\mathcal L}}{\partial y_j\partial y_j}"
            r"(\nabla_{y_j}\hat{\mathcal L}) \le \frac{\gamma^2}{\sigma^2}\left(\hat g_j^\top H_{jj}\hat g_j - "
            r"\frac{1}{m\gamma}\langle\hat g_j,\hat y_j\rangle\left\|\frac{\partial\hat{\mathcal L}}{\partial y_j}"
            r"\right\|^2\right)"
        ),
        ruling=Ruling.CONDITIONAL,
        evidence=Stated(
            _le(V @ HHAT(V), _gain * (G @ H(G) - a / (m * gamma) * (V @ V))),
            Example(_row(0, 0, 1, 1), _row(0, 0, 0, 1), H=_identity(4, 1)),
            candidates=lambda: examples(gammas=(1, 2, 10), hessians=(1,)),
        ),
        remark="H = I preserves all norms, and with gamma/s large |v| exceeds |g|. It holds iff v'Hv <= g'Hg.",
        reading="Tested for any gamma and s. True in the matched reading with H = I, where |v| <= |g|.",
        corrected=("theorem-4.2-ii",),
    ),
    Record(
        key="4.2-alignment", title="<g, yhat> >= 0 as a mild assumption", source=Source(PAPER, "after Theorem 4.2"),
        text=quoted(r"\langle\hat y_j,\hat g_j\rangle \text{ is non-negative}"), party=Party.OURS,
        ruling=Ruling.CONDITIONAL,
        evidence=Stated(
            sp.Ge(a, 0, evaluate=False),
            Mixed(_row(1, 1, -1, -1), _row(1, -1, 1, -1), (Fraction(3), Fraction(4)), _row(0, 0, 0, 1)),
            candidates=mixed,
        ),
        remark="Not for every channel of a network whose next layer is normalised too: there the sum of gamma a + beta "
        "<1, g> over the channels is 0, so that with beta = 0 and gamma > 0 one positive alignment forces a negative "
        "one. Two channels, mixed with weights 3 and 4, then a batch norm and a linear loss.",
        reading="Formalised as: in every channel. a = 0 is allowed, and is what a single channel has there.",
        corrected=("sum-rule", "sum-rule-exact"),
    ),
    Record(
        key="4.2-psd", title="H positive semidefinite as a mild assumption", source=Source(PAPER, "after Theorem 4.2"),
        text=quoted(r"H_{jj} \succeq 0"), party=Party.OURS, ruling=Ruling.CONDITIONAL,
        evidence=Stated(
            sp.Ge(G @ H(G), 0, evaluate=False), followed_by_norm(Example(_row(0, 0, 1, 1), _row(0, 0, 0, 1))),
            candidates=_followed,
        ),
        remark="A later batch norm can bend the loss downwards along its gradient, even if what follows it is linear.",
        reading="True for what the paper names: one batch norm, piecewise linear after it, a convex loss. Tested for "
        "a network with a second batch norm.",
        corrected=("theorem-4.2-exact", "hessian"),
    ),
)  # fmt: skip

_MINIMUM = LeastSquares((_row(1, 0), _row(0, 0), _row(0, 1)), _row(0, 1, 1))
_preserved = Stated(
    _eq(NORMALISED_WEIGHT_GRADIENT.squared, sp.Integer(0)), _MINIMUM,
    premises=(_eq(PLAIN_WEIGHT_GRADIENT.squared, sp.Integer(0)),), candidates=least_squares,
)  # fmt: skip
MINIMA = (
    Record(
        key="4.3-minima", title="All of the minima are preserved",
        source=Source(PAPER, "Observation 4.3, second sentence"),
        text=quoted(r"\text{all of the minima in the normal landscape are preserved in the BatchNorm landscape}"),
        party=Party.OURS, ruling=Ruling.CONDITIONAL, evidence=_preserved,
        remark="False for the layer without bias that the paper sets up; true with a bias.",
        reading="Minima over the weights W, gamma = s(W*) and beta = mu(W*) held constant as in the paper: X'v = 0 is "
        "tested at a minimum of the plain least squares.",
        corrected=("observation-4.3-minima", "observation-4.3"),
    ),
    Record(
        key="4.5-optimum", title="kW* is an optimum of the normalised network", source=Source(PAPER, "Lemma 4.5"),
        text=quoted(r"\hat W^* \text{ and } W^* \text{ local optima of the two networks, } \hat W^* = kW^*"),
        party=Party.OURS, ruling=Ruling.CONDITIONAL, evidence=_preserved,
        remark="False in general (Dannemann and Junike 2025), here at k = 1 without a bias; true for a layer with "
        "bias, "
        "gamma = s(W*), beta = mu(W*).",
        reading="Over the weights, gamma and beta constant.",
        corrected=("invariance-scale", "observation-4.3-minima", "lemma-4.5"),
    ),
)  # fmt: skip

THEOREM_4_4 = (
    Record(
        key="4.4", title="Theorem 4.4", source=Source(PAPER, "Theorem 4.4"),
        text=quoted(
            r"g_j = \max_{\|X\|\le\lambda}\|\nabla_W\mathcal L\|^2, \quad \hat g_j \le \frac{\gamma^2}{\sigma_j^2}"
            r"\left(g_j^2 - m\mu_{g_j}^2 - \lambda^2\langle\nabla_{y_j}\mathcal L,\hat y_j\rangle^2\right)"
        ),
        ruling=Ruling.MISPRINT,
        evidence=Stated(
            _le(frozen_normalised, _gain * (frozen_plain**2 - (ONE @ G) ** 2 / m - design_norm2 * a**2)),
            Inputs(Example(_row(0, 1), _row(0, 1)), Fraction(1), _identity(2, 0)),
            candidates=lambda: inputs(examples(), projectors=False),
        ),
        remark="g_j is already a squared norm; mu_g^2 lacks lambda^2 and a^2 lacks 1/m.",
        reading="y, s, yhat and g held fixed while X varies, as in the paper's proof.",
        corrected=("theorem-4.4", "theorem-4.4-layer-bound"),
    ),
)  # fmt: skip

_centred_only = _gain * (G @ G - (ONE @ G) ** 2 / m)
LP = tuple(
    Record(
        key=f"lp-{normalizer.name}", title=f"{name} normalisation smooths as batch norm does",
        source=Source(PAPER, "section 3.3"),
        text=quoted(r"\text{the same qualitative effect for } \ell_p\text{-normalisation, an empirical statement}"),
        party=Party.OURS, ruling=Ruling.FALSE,
        evidence=Stated(_le(V @ V, _centred_only), Example(_row(*y), _row(*g), normalizer=normalizer),
                        candidates=partial(examples, normalizer, bound=3)),
        remark=remark, corrected=claims,
        reading="Formalised as Theorem 4.1 without its gain, |v| <= (gamma/s)|Cg|. The paper prints no formula, and "
        "measures trained networks.",
    )
    for normalizer, name, y, g, claims, remark in (
        (L1_UNCENTRED, "l_1", (1, 2), (0, 1), ("normalizer-gradient",),
         "The bound fails for the paper's l_1 (uncentred norm)."),
        (LINF_UNCENTRED, "l_inf", (1, -1, 2), (0, 1, 0), ("normalizer-gradient",),
         "The bound fails for the paper's l_inf (uncentred norm)."),
        (L1, "Centred L1", (0, 1, -2), (0, 2, 1), ("normalizer-gradient", "l1-worst-factor"),
         "It can enlarge the gradient beyond gamma/s, by a factor of at most sqrt(m/2)."),
        (LINF, "Centred Linf", (0, 1, -2), (0, 2, 1), ("normalizer-gradient", "linf-worst-factor"),
         "It can enlarge the gradient beyond gamma/s, by a factor of at most sqrt(m - 1)."),
    )
)  # fmt: skip
L4_RECORD = (
    Record(
        key="lp-l4", title="Centred L4 normalisation smooths as batch norm does", source=Source(PAPER, "section 3.3"),
        text=quoted(r"\text{the same qualitative effect for } \ell_p\text{-normalisation, an empirical statement}"),
        party=Party.OURS, ruling=Ruling.FALSE,
        evidence=Stated(
            _le(V @ V, _centred_only), algebraic(Example(_row(0, 1, 1, -1), _row(0, 1, 1, 1), normalizer=L4)),
            candidates=lambda: map(algebraic, examples(L4, sizes=(4,), bound=1)),
        ),
        remark="Any p other than 2 fails: only for p = 2 is the gradient of the scale parallel to the normalised "
        "values. For p = 4 and three values summing to zero it is parallel too (their cubes are a multiple of them, up "
        "to a constant), so four values are needed.",
        reading="Formalised as Theorem 4.1 without its gain, |v| <= (gamma/s)|Cg|.",
        corrected=("normalizer-gradient", "normalizer-worst-factor", "normalizer-worst-factor-floor"),
    ),
)  # fmt: skip

RECORDS = (*FACTS, *THEOREM_4_1, *THEOREM_4_2, *MINIMA, *THEOREM_4_4, *LP, *L4_RECORD)
