r"""Layer norm, AdaNorm, RMS norm, DyT: Xiong 2020, Xu 2019, Zhang and Sennrich 2019, Jiang 2023, Stollenwerk 2025."""

from __future__ import annotations

from typing import Any

import sympy as sp

from bnverify.theory.audit.evidence import Computed, Family, Proved, Refuted, require
from bnverify.theory.audit.papers.short import formula, point, quote, transcribed, written_by
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.ruling import Party, Ruling
from bnverify.theory.proof.claim import Source

XIONG, XU, ZHANG = "Xiong et al. 2020", "Xu et al. 2019", "Zhang and Sennrich 2019"
JIANG, STOLLENWERK, QK = "Jiang et al. 2023", "Stollenwerk 2025", "Henry et al. 2020"
_XU_POSTER = "https://github.com/lancopku/AdaNorm"
_K = sp.Symbol("K", positive=True)
_J, _R = "grad(dot(w, bn(x)), x)", "grad(dot(w, rms(x)), x)"
_V = "grad(dot(g, bn(x)), x)"

XIONG_RECORDS = (
    Record(
        key="xiong-3", title="The Jacobian of layer norm is at most a constant times sqrt(d)/|x|",
        source=Source(XIONG, "Lemma 3"),
        text=transcribed(r"\|J_{LN}(x)\|_2 = O\left(\frac{\sqrt d}{\|x\|_2}\right)", "https://arxiv.org/abs/2002.04745"),
        ruling=Ruling.FALSE,
        evidence=Family(
            formula("dot(J, J)*dot(x, x) <= K**2*m*dot(w, w)", "x w", {"K": "positive"}, J=_J), "K",
            lambda k: point(K=k, x=(k, k, k + 1), w=(1, -1, 0)), 21 * _K**2 + 18 * _K + 9,
            ((formula("dot(J, J)*var(x) <= dot(w, w)", "x w", J=_J), point(x=(0, 0, 1), w=(1, -1, 0))),
             (formula("dot(J, J)*dot(x, x) <= m*dot(w, w)", "x w", J=_R), point(x=(0, 0, 1), w=(1, -1, 0)))),
        ),
        remark="No constant K works: x = (K, K, K + 1). The last step of the proof replaces the centred norm by |x|, "
        "which is larger, not smaller. With epsilon > 0 nothing changes for large x.",
        reading="For every x, d = 3; J w for the direction w = (1, -1, 0) bounds the norm of J from below. True where "
        "|x| <= kappa |Cx|, with the constant kappa, and true for RMS norm with the constant 1.",
        instead="|J w| <= |w|/sigma, that is sqrt(d)/|Cx|, with equality for d >= 3 in a direction orthogonal to 1 "
        "and x.",
        corrected=("jacobian-norm",),
    ),
)  # fmt: skip

XU_RECORDS = (
    Record(
        key="xu-1-b", title="Layer norm divides the variance of the gradient by at least the variance of the input",
        source=Source(XU, "Theorem 1 (1)"), text=written_by(r"D_b \le \frac{D_g}{\sigma^2}", "poster", _XU_POSTER),
        ruling=Ruling.TRUE,
        evidence=Proved((
            (formula("var(v)*var(x) <= var(g)", "x g", v=_V), point(x=(0, 1), g=(0, 1))),
            (formula("mean(v) = 0", "x g", v=_V), point(x=(0, 1), g=(0, 1))),
            (formula("var(v)*var(x) = var(g) - (dot(g, y)/m)**2", "x g", v=_V, y="bn(x)"), point(x=(0, 1), g=(0, 1))),
            (formula("var(v)*(var(x) + eps) = var(g) - (2 - rho)*(dot(g, y)/m)**2", "x g", {"eps": "nonnegative"},
                     v="grad(dot(g, bn(x, eps)), x)", y="bn(x, eps)", rho="var(x)/(var(x) + eps)"),
             point(x=(0, 1), g=(0, 1), eps="3/4")),
        )),
        remark="True, and an equality is: the slack is the squared alignment (<g, y>/H)^2.",
        reading="H entries, epsilon = 0, gain 1.", instead="D_b = (D_g - (<g, y>/H)^2)/sigma^2.",
    ),
    Record(
        key="xu-1-misprint", title="The third case of Theorem 1 names the wrong variance",
        source=Source(XU, "Theorem 1 (3), on the authors' poster"),
        text=written_by(r"\bar d = 0, \quad D_c = \frac{D_g}{\sigma^2}", "poster", _XU_POSTER),
        party=Party.ELSEWHERE, ruling=Ruling.MISPRINT,
        evidence=Refuted(
            formula("var(g - dot(g, y)/m*y)/var(x) = var(g)/var(x)", "x g", y="bn(x)"), point(x=(0, 1), g=(0, 1)),
            ((formula("var(g - mean(g)*one)/var(x) = var(g)/var(x)", "x g"), point(x=(0, 1), g=(0, 1))),),
        ),
        remark="D_d is meant: with sigma detached. D_c, with mu detached, belongs to case (2), where it is smaller.",
        reading="Literally, D_c being the variance of the gradient with mu detached.", instead="D_d = D_g/sigma^2.",
    ),
    Record(
        key="xu-2", title="phi(y) = C(1 - ky) is the only solution", source=Source(XU, "Theorem 2"),
        text=quote(
            r"\tfrac1H\textstyle\sum_i\phi(y_i) = C > 0,\ \left|\tfrac1H\sum_i z_i\right| < M: \quad "
            r"\phi(y_i) = C(1 - ky_i) \text{ is the unique solution}",
            "a reader's notes", "https://arxiv.org/abs/1911.07013",
        ),
        ruling=Ruling.FALSE,
        evidence=Refuted(
            formula("phi = C*(1 - k*t)", symbols={"C": "positive", "k": "positive", "c": "real", "t": "real"},
                    phi="C*(1 - k*t) + c*(t**2 - 1)"),
            point(C=1, k="1/10", c="1/10", t=0, m=2),
            ((formula("C*(1 - k*mean(y)) + c*(dot(y, y)/m - 1) = "
                "C", "y", {"C": "positive", "k": "positive", "c": "real"},
                      ("sum(y) = 0", "dot(y, y) = m")), point(C=1, k="1/10", c="1/10", y=(1, -1))),),
        ),
        remark="C(1 - ky) + c(y^2 - 1) has mean C for every c as well, and its mean of z is bounded for each H: the "
        "entries of a normalised vector are at most sqrt(H) in size. Shown at C = 1, k = c = 1/10, where the two "
        "differ "
        "at y = 0.",
        reading="H fixed, as in a layer. True among affine functions; and among polynomials if M may not grow with H.",
        instead="Unique among affine functions.",
    ),
)  # fmt: skip

ZHANG_RECORDS = (
    Record(
        key="rms-9", title="The Jacobian of RMS norm", source=Source(ZHANG, "equation (9)"),
        text=quote(r"R = \frac{1}{\mathrm{RMS}(a)}\left(I - \frac{(Wx)(Wx)^\top}{n\,\mathrm{RMS}(a)^2}\right)",
                   "two readers who agree", "https://arxiv.org/abs/1910.07467"),
        ruling=Ruling.TRUE,
        evidence=Proved((
            (formula(f"{_R} = (w - dot(x, w)/(m*r**2)*x)/r", "x w", r="sqrt(dot(x, x)/m)"), point(x=(1, 1), w=(1, 0))),
            (formula("grad(dot(w, rms(x, eps)), x) = (w - dot(x, w)/(m*r**2)*x)/r", "x w", {"eps": "nonnegative"},
                     r="sqrt(dot(x, x)/m + eps)"), point(x=(1, 1), w=(1, 0), eps=3)),
        )),
        remark="True, and with epsilon too if RMS contains it.", reading="x = Wx, tested on every w.",
    ),
    Record(
        key="rms-10", title="The Jacobian of RMS norm is divided by the scale", source=Source(ZHANG, "equation (10)"),
        text=quote(r"R' = \frac1\delta R", "two readers who agree", "https://arxiv.org/abs/1910.07467"),
        ruling=Ruling.CONDITIONAL,
        evidence=Refuted(
            formula("grad(dot(w, rms(z)), z) = grad(dot(w, rms(z/delta)), z)", "z w", {"delta": "nonzero"}),
            point(delta=-1, z=(1, 1), w=(0, 1)),
            ((formula("grad(dot(w, rms(z)), z) = grad(dot(w, rms(z/delta)), z)", "z w", {"delta": "positive"}),
              point(delta=2, z=(1, 1), w=(0, 1))),
             (formula("grad(dot(w, rms(z, eps)), z) = grad(dot(w, rms(z/delta, eps/delta**2)), z)", "z w",
                      {"delta": "positive", "eps": "positive"}), point(delta=2, eps=3, z=(1, 1), w=(0, 1)))),
        ),
        remark="Needs delta > 0 and epsilon = 0; for delta < 0 the factor is 1/|delta|.",
        reading="z = (delta W)x; by the chain rule the right side is the gradient by z of RMS(z/delta).",
        instead="R_eps(delta W) = R_(eps/delta^2)(W)/delta for delta > 0.",
    ),
)  # fmt: skip

JIANG_RECORDS = (
    Record(
        key="jiang-4", title="Layer norm is RMS norm of the centred vector", source=Source(JIANG, "equation (4)"),
        text=transcribed(r"\mathrm{LN}(x) = \mathrm{RMSNorm}(x - \mu\mathbf 1)", "https://arxiv.org/abs/2305.11403"),
        ruling=Ruling.TRUE,
        evidence=Proved(((formula("center(x)/sqrt(dot(x, x)/m - mean(x)**2 + eps) = rms(center(x), "
            "eps)", "x", {"eps": "nonnegative"}),
                          point(eps="3/4", x=(0, 1))),)),
        remark="True, and epsilon survives.", reading="Gain 1, no shift, the variance as E[x^2] - mu^2, as the "
        "paper's (1) has it. The equivalence of networks needs a stream "
        "that "
        "is read through norms only: pre-LN, not post-LN.",
    ),
    Record(
        key="jiang-index", title="The last entry of a centred vector from the others",
        source=Source(JIANG, "compression of the stream"),
        text=transcribed(r"x_d = -\sum_{i=0}^{d-1}x_i", "https://arxiv.org/abs/2305.11403"),
        ruling=Ruling.MISPRINT,
        evidence=Refuted(
            formula("y[2] = -sum(y)", "y", given=("sum(y) = 0",), sizes=(2,)), point(y=(1, -1)),
        ),
        remark="Entries counted from 0 and from 1 are mixed: a vector of d entries has no x_d beside x_0, ..., "
        "x_(d-1), and the sum of all of them is 0.",
        reading="d = 2, the printed sum taken over all d entries, x_d being the last.",
        instead="x_(d-1) = -(x_0 + ... + x_(d-2)).",
    ),
)  # fmt: skip


def _dyt() -> dict[str, Any]:
    x, rho, d = sp.symbols("x rho d", positive=True)

    def gap(y: sp.Expr) -> sp.Expr:
        return sp.simplify(sp.diff(y, x) - rho * (1 - y**2 / d))

    printed, right = sp.sqrt(d) * sp.tanh(x / (rho * sp.sqrt(d))), sp.sqrt(d) * sp.tanh(rho * x / sp.sqrt(d))
    at_zero = sp.simplify(gap(printed).subs(x, 0))
    require(sp.simplify(at_zero - (1 / rho - rho)) == 0, "the printed slope at 0 is 1/rho")
    require(gap(right) == 0, "sqrt(d) tanh(rho x/sqrt(d)) solves the equation")
    return {"left minus right at x = 0, printed": at_zero, "at rho = 2": at_zero.subs(rho, 2),
            "of sqrt(d)*tanh(rho*x/sqrt(d))": 0}  # fmt: skip


def _dyisru() -> dict[str, Any]:
    x, c, d = sp.symbols("x C d", positive=True)
    y = sp.sqrt(d) * x / sp.sqrt(x**2 + c)
    diagonal = sp.sqrt(d) / sp.sqrt(x**2 + c) * (1 - x**2 / (x**2 + c))
    require(sp.simplify(sp.diff(y, x) - diagonal) == 0, "the derivative is the diagonal of the Jacobian")
    return {"dy/dx": sp.factor(sp.simplify(sp.diff(y, x))), "|x|^2": "x^2 + C"}


STOLLENWERK_RECORDS = (
    Record(
        key="dyt-solution", title="The solution of the differential equation of DyT",
        source=Source(STOLLENWERK, "derivation of DyT"),
        text=quote(r"\frac{dy}{dx} = \rho\left(1 - \frac{y^2}{d}\right), \quad y = \sqrt d\tanh\left(\frac{x}"
                   r"{\rho\sqrt d}\right)", "a reader", "https://arxiv.org/abs/2503.21708"),
        ruling=Ruling.MISPRINT,
        evidence=Computed("y = sqrt(d)*tanh(x/(rho*sqrt(d))) solves dy/dx = rho*(1 - y^2/d)", _dyt, refutes=True),
        remark="rho belongs into the numerator; at x = 0 the slope is 1/rho instead of rho. At rho = 1 both agree.",
        reading="d, rho > 0, y(0) = 0.", instead="y = sqrt(d) tanh(rho x/sqrt(d)).",
    ),
    Record(
        key="dyisru-diagonal", title="DyISRU has the diagonal of RMS norm's Jacobian as its slope",
        source=Source(STOLLENWERK, "DyISRU"),
        text=quote(r"y = \frac{\sqrt d\,x}{\sqrt{x^2 + C}}", "a reader", "https://arxiv.org/abs/2503.21708"),
        ruling=Ruling.TRUE,
        evidence=Computed("dy/dx is the diagonal entry of RMS norm's Jacobian, |x|^2 = x_i^2 + C", _dyisru, False),
        remark="True for the diagonal; what lies off it is dropped.", reading="C the squared norm of the other "
        "entries.",
    ),
)  # fmt: skip

QK_RECORDS = (
    Record(
        key="qk-bound", title="Normalised queries and keys bound the attention logits",
        source=Source(QK, "and later users of QK norm"),
        text=quote(r"\text{QK-norm bounds the attention logits}", "readers", "https://arxiv.org/abs/2010.04245"),
        party=Party.OURS, ruling=Ruling.CONDITIONAL,
        evidence=Family(
            formula("c*dot(rms(q), rms(k)) <= K*m", "q k", {"c": "positive", "K": "positive"}), "K",
            lambda k: point(c=k + 1, K=k, q=(1, 1), k=(1, 1)), sp.Integer(2),
            ((formula("dot(rms(q), rms(k))**2 <= m**2", "q k"), point(q=(1, 1), k=(1, 1))),),
        ),
        remark="A bound only while the gains are bounded: a common gain c multiplies the logit by c.",
        reading="Formalised with a learned gain c: some K bounds every logit by K m. Without gains K = 1 does.",
        instead="|<q, k>| <= m max|gain_q gain_k|.",
    ),
)  # fmt: skip

RECORDS = (
    *XIONG_RECORDS, *XU_RECORDS, *ZHANG_RECORDS, *JIANG_RECORDS, *STOLLENWERK_RECORDS, *QK_RECORDS,
)  # fmt: skip
