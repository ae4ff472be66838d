r"""Sun et al. 2025, "The Curse of Depth in Large Language Models": products and recurrences over depth."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.audit.papers.short import transcribed
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.ruling import Party, Ruling, Text
from bnverify.theory.audit.sequences import AtLeast, Identity, NotNegative, Product, Recurrence, Sequence, n
from bnverify.theory.proof.claim import Source

PAPER = "Sun et al. 2025"
_x = sp.Symbol("x", positive=True)
_root = sp.sqrt(n)


def _text(latex: str) -> Text:
    return transcribed(latex, "https://arxiv.org/abs/2502.05795v5")


_third = sp.Rational(1, 3)
_QUADRATIC = (
    AtLeast((_x + sp.Rational(1, 2)) ** 2, _x**2 + _x, _x, sp.Integer(0), "so sigma grows by at most 1/2 a layer"),
    AtLeast(_x**2 + _x, (_x + _third) ** 2, _x, _third, "so sigma grows by at least 1/3 a layer, from 1/3 on"),
)
_next, _before = sp.sqrt(n + 1), sp.sqrt(n - 1)
_CONVERGENT = (
    NotNegative(2 / _root - 2 / _next - 1 / _next**3,
                (2 * _next + _root) / (_root * _next**3 * (_next + _root) ** 2),
                "so the sum of l^(-3/2) is at most 1 + 2 = 3"),
    NotNegative(1 / n - 1 / (n + 1) - 1 / (n + 1) ** 2, 1 / (n * (n + 1) ** 2),
                "so the sum of l^(-2), and of l^(-3), is at most 2"),
)  # fmt: skip

RECORDS = (
    Record(
        key="sun-7", title="The variance of a pre-LN stream lies between linear and exponential growth",
        source=Source(PAPER, "Lemma 3.2, equation (7)"),
        text=_text(r"\Theta(L) \le \sigma^2_{x_L} \le \Theta(\exp(L))"), ruling=Ruling.VACUOUS,
        evidence=Sequence(
            "x_(k+1)^2 = x_k^2 + x_k, x = sigma, is at least linear and at most exponential", _QUADRATIC,
            "1/3 + (L-1)/3 <= sigma_L <= sigma_1 + (L-1)/2 from sigma_1 >= 1/3: sigma^2 grows like L^2, strictly "
            "inside", refutes=False,
        ),
        remark="True, but neither end is ever attained: by its own recurrence (6) the variance is of the order L^2 "
        "from "
        "every start, so (10) and (11) speak of cases that do not occur.",
        reading="(6) as a recurrence, sigma^2_(k+1) = sigma^2_k (1 + 1/sigma_k), its Theta read as equality.",
        instead="sigma^2_L is of the order L^2.",
    ),
    Record(
        key="sun-10", title="The bound of Theorem 3.3 converges where the variance grows exponentially",
        source=Source(PAPER, "Theorem 3.3, equation (10)"),
        text=_text(r"\sigma^2_{x_\ell} \sim \exp(\ell), \quad \left\|\frac{\partial y_L}{\partial x_1}\right\|_2 "
            r"\le M"),
        ruling=Ruling.TRUE,
        evidence=Sequence(
            "the product of 1 + A/sigma_l + B/sigma_l^2 is bounded for sigma_l^2 = e^l",
            (Identity(sp.Sum(sp.exp(-n / 2), (n, 1, sp.oo)), 1 / (sp.exp(sp.Rational(1, 2)) - 1),
                      "a geometric series"),
             Identity(sp.Sum(sp.exp(-n), (n, 1, sp.oo)), 1 / (sp.E - 1), "a geometric series")),
            "as log(1 + x) <= x, the product is at most exp(A/(sqrt(e) - 1) + B/(e - 1))", refutes=False,
        ),
        remark="True, for a growth that the lemma's own recurrence does not have (sun-7).",
        reading="A, B > 0 constant; the printed bound (9) evaluated at sigma_l = e^(l/2).",
    ),
    Record(
        key="sun-11", title="The bound of Theorem 3.3 is linear where the variance grows linearly",
        source=Source(PAPER, "Theorem 3.3, equation (11)"),
        text=_text(r"\sigma^2_{x_\ell} \sim \ell, \quad \left\|\frac{\partial y_L}{\partial x_1}\right\|_2 \le "
            r"\Theta(L)"),
        ruling=Ruling.FALSE,
        evidence=Sequence(
            "whatever satisfies (9) with sigma_l^2 = l and A = B = 1 is at most a constant times L",
            (Identity(1 + 1 / _root + 1 / n, (1 + 1 / n) * (1 + _root / (n + 1))),
             Product(1 + 1 / n, n),
             NotNegative(_root / (n + 1) - 1 / (2 * _root), (n - 1) / (2 * _root * (n + 1))),
             NotNegative(1 / _root - (_root - _before), _before / (_root * (_root + _before)),
                         "so the sum of 1/sqrt(l) over l < L is at least sqrt(L - 1)")),
            "the product (9) is L times the product of 1 + sqrt(l)/(l+1), hence at least L (1 + sqrt(L-1)/2): more "
            "than "
            "c L for L > 4 c^2 + 1, whatever c is", refutes=True,
        ),
        remark="False as an evaluation of (9): a Jacobian whose norm equals the bound satisfies (9) and exceeds c L. "
        "For A = B = 1 the logarithm of the product grows like 2 sqrt(L), not like log L. The network itself may "
        "well be "
        "tamer than the bound.",
        reading="As a consequence of (9), A = B = 1, sigma_l^2 = l exactly. True for A = 0, B = 1, where the "
        "product is L.",
        instead="The bound is of the order exp(2 A sqrt(L)) L^(B - A^2/2).",
    ),
    Record(
        key="sun-14", title="With LayerNorm Scaling the variance lies between L and L^(2 - eps)",
        source=Source(PAPER, "Lemma 4.1, equation (14)"),
        text=_text(r"\Theta(L) \le \sigma^2_{x_L} \le \Theta(L^{(2-\epsilon)}), \quad 1/2 \le \epsilon < 1"),
        ruling=Ruling.TRUE,
        evidence=Sequence(
            "x_(k+1) = x_k (1 + 1/(sqrt(k) sqrt(x_k))), x = sigma^2, has the solution x_k = k",
            (Recurrence(_x * (1 + 1 / (sp.sqrt(n) * sp.sqrt(_x))), _x, n, sp.Integer(1)),),
            "sigma_k^2 = k from sigma_1 = 1: the lower end, exactly", refutes=False,
        ),
        remark="True; the lower end is attained exactly, the upper one by no start.",
        reading="(13) as a recurrence, its Theta read as equality, from sigma_1 = 1.", instead="sigma_k^2 = k.",
    ),
    Record(
        key="sun-16", title="With LayerNorm Scaling the bound is omega(1) at the upper growth",
        source=Source(PAPER, "Theorem 4.2, equation (16)"),
        text=_text(r"\sigma^2_{x_\ell} \sim \ell^{(2-\epsilon)}, \quad \left\|\frac{\partial y_L}{\partial "
            r"x_1}\right\|_2 "
                   r"\le \omega(1)"),
        ruling=Ruling.VACUOUS,
        evidence=Sequence(
            "the product of 1 + A/(l sigma_l) + B/(l^2 sigma_l^2) is bounded for sigma_l^2 >= l", _CONVERGENT,
            "the product is at most exp(3 A + 2 B) for every L: below any omega(1) from some L on", refutes=False,
        ),
        remark="True as an inequality and weaker than the bound (15) it comes from, which stays below a constant.",
        reading="sigma_l^2 = l^(2 - eps) is at least l, so the terms are at most A l^(-3/2) + B l^(-3).",
        instead="The norm is at most exp(3 A + 2 B), whatever the depth.",
    ),
    Record(
        key="sun-16-words", title="With LayerNorm Scaling the norm has no strict upper bound and grows with depth",
        source=Source(PAPER, "after Theorem 4.2"),
        text=_text(r"\partial y_L/\partial x_1 \text{ no longer possesses a strict upper bound ... continues to grow}"),
        party=Party.OURS, ruling=Ruling.FALSE,
        evidence=Sequence(
            "the right side of (15) tends to infinity for sigma_l^2 = l^(2 - eps)", _CONVERGENT,
            "it is at most exp(3 A + 2 B) for every L", refutes=True,
        ),
        remark="By the paper's own bound the norm is bounded, and by a smaller constant than without scaling.",
        reading="Formalised as: the bound (15) grows beyond every constant. A, B > 0.",
        instead="The bound (15) converges.",
    ),
    Record(
        key="sun-17", title="With LayerNorm Scaling the bound is linear at linear growth",
        source=Source(PAPER, "Theorem 4.2, equation (17)"),
        text=_text(r"\sigma^2_{x_\ell} \sim \ell, \quad \left\|\frac{\partial y_L}{\partial x_1}\right\|_2 \le "
            r"\Theta(L)"),
        ruling=Ruling.VACUOUS,
        evidence=Sequence(
            "the product of 1 + A/l^(3/2) + B/l^3 is bounded", _CONVERGENT,
            "the product is at most exp(3 A + 2 B) for every L, less than L from some L on", refutes=False,
        ),
        remark="True as an inequality and far weaker than the bound (15) it comes from. Read as a rate (the norm grows "
        "linearly) it is false for the same reason.",
        reading="As an upper bound, which is what is printed.", instead="The norm is at most exp(3 A + 2 B).",
    ),
)  # fmt: skip
