r"""Readers' notes on Santurkar et al. 2018, by people who can be found; the paper is not what is judged here."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import sympy as sp

from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.audit.evidence import Computed, Refuted, require
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.points import point
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.ruling import Known, Party, Ruling, Text
from bnverify.theory.audit.search import examples
from bnverify.theory.audit.small_networks import Inputs, inputs
from bnverify.theory.audit.stated import Stated
from bnverify.theory.proof.claim import Source
from bnverify.theory.proof.example import Example
from bnverify.theory.proof.quantities import (
    HHAT,
    JX,
    YHAT,
    G,
    H,
    V,
    W,
    X,
    a,
    design_norm2,
    frozen_normalised,
    frozen_plain,
    gamma,
    s,
)

NOTES = "RRoundTable's notes 2019"
BLOG = "Flaherty's blog 2019"
_NOTES_AT = "https://github.com/RRoundTable/FastPages"
_gain = (gamma / s) ** 2


def _row(*entries: int) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, entries))


def _le(left: sp.Expr, right: sp.Expr) -> sp.Rel:
    return sp.Le(left, right, evaluate=False)


def _zeros(size: int) -> tuple[tuple[Fraction, ...], ...]:
    return tuple(_row(*(0,) * size) for _ in range(size))


def _notes(quote: str) -> Text:
    return Text(quote, Known.ITSELF, "", _NOTES_AT)


_01 = Example(_row(0, 1), _row(0, 1), H=_zeros(2))


def _flat() -> Iterator[Example]:
    """Examples whose loss is linear in z."""
    return examples(hessians=(0,))


def _covariate_shift() -> dict[str, Any]:
    """Two weights in a row, L = (w2 w1 x - t)^2/2: the gradient by a variable that the function does not contain."""
    w1, w2, later, x, t = sp.symbols("w1 w2 w2_later x t")
    loss = (w2 * w1 * x - t) ** 2 / 2
    printed = sp.diff(loss, later)
    meant = sp.diff(loss, w2)
    at = {w1: 1, w2: 1, x: 1, t: 0}
    require(printed == 0 and meant.subs(at) == 1, "the gradient by W_i at t + 1 of what holds W_i at t is 0")
    return {"L": loss, "gradient by W_i(t+1), as printed": printed, "gradient by W_i(t)": meant,
            "at w1 = w2 = x = 1, t = 0": f"{printed} and {meant.subs(at)}"}  # fmt: skip


RECORDS = (
    Record(
        key="notes-4.1", title="Theorem 4.1 with the plain gradient on the left", source=Source(NOTES, "Theorem 4.1"),
        text=_notes(
            r"\rVert\nabla_{y_i}\mathcal{L}\rVert^2 \le \frac{\gamma^2}{\sigma_j^2}\left(\rVert\nabla_{y_i}\mathcal{L}"
            r"\rVert^2 - \frac{1}{m}\left\langle 1,\nabla_{y_i}\mathcal{L}\right\rangle^2 - \frac{1}{m}\left\langle"
            r"\nabla_{y_i}\mathcal{L},\hat{y}_j\right\rangle^2\right)"
        ),
        party=Party.ELSEWHERE, ruling=Ruling.MISPRINT,
        evidence=Stated(
            _le(G @ G, _gain * (G @ G - (ONE @ G) ** 2 / m - a**2 / m)), Example(_row(0, 1), _row(0, 1)),
            candidates=examples,
        ),
        remark="The left side is the gradient through the normalisation; its hat is lost.",
        reading="As printed, with the plain gradient on both sides. The paper is right here.",
        corrected=("theorem-4.1",),
    ),
    Record(
        key="notes-c.2", title="Fact C.2 with an equals sign for the minus", source=Source(NOTES, "Fact C.2"),
        text=_notes(
            r"\frac{\partial \hat{y}^{(b)}}{\partial y^{(k)}} = \frac{1}{\sigma}\left(1[b=k] =\frac{1}{m} - \frac{1}{m}"
            r"\hat{y}^{(b)}\hat{y}^{(k)}\ \right)"
        ),
        party=Party.ELSEWHERE, ruling=Ruling.MISPRINT,
        evidence=Stated(
            sp.Eq(
                W @ JX,
                (sp.Piecewise((1, sp.Eq(W @ X, 1 / m)), (0, True)) - (W @ YHAT) * (X @ YHAT) / m) / s,
                evaluate=False,
            ),
            Example(_row(0, 1), _row(0, 1), w=_row(1, 0), x=_row(1, 0)),
            premises=(sp.Eq(W @ W, sp.Integer(1), evaluate=False), sp.Eq(X @ X, sp.Integer(1), evaluate=False)),
            candidates=lambda: examples(tests=True),
        ),
        remark="For unit vectors w = e_b and x = e_k: 1[b = k] - 1/m was set as 1[b = k] = 1/m, read here as an "
        "indicator of the condition (1[b = k] = 1/m).",
        reading="As printed; it has no other meaning. The paper is right here.", corrected=("fact-c2",),
    ),
    Record(
        key="notes-4.2-i", title="Theorem 4.2(i) with two of the hats lost", source=Source(NOTES, "Theorem 4.2"),
        text=_notes(
            r"\left(\nabla_{y_i}\hat{\mathcal{L}}\right)^T\frac{\partial\hat{\mathcal{L}}}{\partial{y_i}\partial{y_i}}"
            r"\left(\nabla_{y_i}\hat{\mathcal{L}}\right) \le \frac{\gamma^2}{\sigma_j^2}\left(\frac{\partial"
            r"\hat{\mathcal{L}}}{\partial{y_i}}\right) H_{jj}\left(\frac{\partial\mathcal{L}}{\partial{y_i}}\right) - "
            r"\frac{\gamma}{m\sigma^2}\left\langle\hat{g_j},\hat{y_j}\right\rangle\rVert\frac{\partial\mathcal{L}}"
            r"{\partial{y_i}}\rVert^2"
        ),
        party=Party.ELSEWHERE, ruling=Ruling.MISPRINT,
        evidence=Stated(_le(V @ HHAT(V), -gamma * a / (m * s**2) * (G @ G)), _01, candidates=_flat),
        remark="The last factor is the squared norm of the gradient through the normalisation, not of g.",
        reading="Stated for H = 0 (a loss linear in z), where the first term of the right side is 0.",
        corrected=("theorem-4.2",),
    ),
    Record(
        key="notes-4.2-ii", title="Theorem 4.2(ii) with its bracket closed too early",
        source=Source(NOTES, "Theorem 4.2"),
        text=_notes(
            r"\ldots \le \frac{\gamma^2}{\sigma_j^2}\left(\hat{g_i}^TH_{jj}\hat{g}_i - \frac{1}{m\gamma}\left\langle"
            r"\hat{g_j},\hat{y_j}\right\rangle\right)\rVert\frac{\partial\mathcal{L}}{\partial{y_i}}\rVert^2"
        ),
        party=Party.ELSEWHERE, ruling=Ruling.MISPRINT,
        evidence=Stated(_le(V @ HHAT(V), _gain * (G @ H(G) - a / (m * gamma)) * (G @ G)), _01, candidates=_flat),
        remark="The squared norm belongs to the second term alone, and is that of the gradient through the "
        "normalisation.",
        reading="As printed. H = 0 preserves every ratio of norms.", corrected=("theorem-4.2-ii",),
    ),
    Record(
        key="notes-4.4", title="Theorem 4.4 with gamma for gamma^2", source=Source(NOTES, "Theorem 4.4"),
        text=_notes(
            r"\hat{g}_j \le \frac{\gamma}{\sigma_j^2}\left( g_j^2 - mu^2_{g_j} -\lambda^2\left\langle"
            r"\nabla_{y_j}\mathcal{L}, \hat{y}_j\right\rangle^2 \right)"
        ),
        party=Party.ELSEWHERE, ruling=Ruling.MISPRINT,
        evidence=Stated(
            _le(frozen_normalised, gamma / s**2 * (frozen_plain**2 - ((ONE @ G) / m) ** 2 - design_norm2 * a**2)),
            Inputs(Example(_row(0, 1), _row(0, 1)), Fraction(1), _zeros(2)),
            candidates=lambda: inputs(examples(gammas=(1, 2)), projectors=False),
        ),
        remark="The factor is (gamma/s)^2, g_j is already a squared norm, and the other two terms lack lambda^2 m and "
        "1/m. Some of this is the paper's (4.4).",
        reading="y, s, yhat and g held fixed while X varies, as in the paper's proof; mu_g the mean of g.",
        corrected=("theorem-4.4",),
    ),
    Record(
        key="notes-ics", title="Internal covariate shift with the gradient by W_i at t + 1",
        source=Source(NOTES, "internal covariate shift"),
        text=_notes(
            r"\acute{G_{t, i}} = \nabla_{W_i^{(t+1)}}\mathcal{L(W_1^{(t+1)}, \cdots W_{i-1}^{(t+1)},W_{i}^{(t)}, "
            r"W_{i+1}^{(t)} \cdots W_k^{(t)} ;x^{(t), y^{(t)}} )}"
        ),
        party=Party.ELSEWHERE, ruling=Ruling.MISPRINT,
        evidence=Computed("the gradient by W_i(t+1) of a function of W_i(t) is the gradient by W_i(t)",
                          _covariate_shift, refutes=True),
        remark="The function does not contain W_i(t+1), so that the printed gradient is 0; the index is t.",
        reading="As printed. With W_i(t) it is the paper's Definition 2.1.",
    ),
    Record(
        key="blog-4.5", title="Lemma 4.5 without its last square", source=Source(BLOG, "Batch Normalization (Part 2)"),
        text=Text(
            r"\left\Vert W_0-\hat{W}^*\right\Vert^2 \leq \left\Vert W_0-W^*\right\Vert^2 - \frac{1}{\|W^*\|^2}\left("
            r"\|W^*\|^2 - \left<W^*,W_0\right>\right)", Known.ITSELF, "", "J. A. Flaherty's blog, 28 April 2019",
        ),
        party=Party.ELSEWHERE, ruling=Ruling.MISPRINT,
        evidence=Refuted(
            Formula("dot(u - k*w, u - k*w) <= dot(u - w, u - w) - (dot(w, w) - dot(w, u))/dot(w, w)",
                    symbols={"k": "positive"}, vectors=("u", "w"), given=("k*dot(w, w) = dot(u, w)",), sizes=(1, 2)),
            point(k="1/2", u=("1/2",), w=(1,)),
            ((Formula("dot(u - k*w, u - k*w) = dot(u - w, u - w) - (dot(w, w) - dot(w, u))**2/dot(w, w)",
                      symbols={"k": "positive"}, vectors=("u", "w"), given=("k*dot(w, w) = dot(u, w)",),
                      sizes=(1, 2)), point(k="1/2", u=("1/2",), w=(1,))),),
        ),
        remark="The bracket is to be squared; as printed its two sides do not scale alike.",
        reading="kW* with the best k > 0, u = W_0 and w = W*, the reading most favourable to it.",
        corrected=("lemma-4.5",),
    ),
)  # fmt: skip
