r"""Weight decay, rotation, schedules: Wan 2021, Wen 2025, Amin 2026, Li and Arora 2020, Salimans 2016, and others."""

from __future__ import annotations

from typing import Any

import sympy as sp

from bnverify.theory.audit.bounds import Asymptotic
from bnverify.theory.audit.evidence import Computed, Proved, Refuted, require
from bnverify.theory.audit.papers.short import formula, point, quote, transcribed, written_by
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.ruling import Known, Party, Ruling, Text
from bnverify.theory.proof.claim import Source

WAN, WEN, AMIN, LI = "Wan et al. 2021", "Wen et al. 2025", "Amin et al. 2026", "Li and Arora 2020"
SALIMANS, MEHMETI, HEO = "Salimans and Kingma 2016", "Mehmeti-Göpel and Wand 2024", "Heo et al. 2021"
_x, _b = sp.symbols("x beta", positive=True)
_rates = {"eta": "positive", "lam": "positive", "L": "positive", "q": "positive"}
_step = "q = (1 - eta*lam)**2*q + eta**2*L"

WAN_RECORDS = (
    Record(
        key="wan-1", title="The equilibrium norm of scale-invariant weights under SGD",
        source=Source(WAN, "Theorem 1"),
        text=transcribed(
            r"E[\|w_t\|^2-(w^*)^2]^2 \le (1-2\lambda\eta)^tB+\frac{2V\eta^2}{l(1-2\lambda\eta)}, \quad "
            r"(w^*)^4=\frac{L\eta}{2\lambda}", "https://arxiv.org/abs/2006.08419",
        ),
        ruling=Ruling.ASYMPTOTIC,
        evidence=Asymptotic(
            Refuted(
                formula("q = L*eta/(2*lam)", symbols=_rates | {"l": "positive"},
                        given=(_step, "2*eta*lam < 1", "l <= L", "8*(eta*lam)**2*L < l*(1 - "
                            "2*eta*lam)**2"), sizes=(1,)),
                point(eta=1, lam="1/10", L=1, l=1, q="100/19", m=1),
            ),
            ((formula("q = L*eta/(lam*(2 - eta*lam))", symbols=_rates,
                      given=(_step, "eta*lam < 2"), sizes=(1,)),
              point(eta=1, lam="1/10", L=1, q="100/19", m=1)),),
            (2 - _x) / 2, _x, -_x / 2,
        ),
        remark="Exact is (w*)^4 = L eta/(lambda (2 - eta lambda)). For unit gradients of constant norm V may be "
        "taken as "
        "0, and the printed right side tends to 0 while the left does not.",
        reading="Constant unit gradient norm L = l, V = 0, t -> infinity, q = |w|^4; at eta = 1, lambda = 1/10 all the "
        "printed conditions hold: 2 eta lambda < 1 and l > 2 (2 lambda eta/(1 - 2 lambda eta))^2 L.",
        instead="(w*)^4 = L eta/(lambda (2 - eta lambda)); printed/exact = 1 - eta lambda/2, x = eta lambda below.",
    ),
    Record(
        key="wan-2", title="The equilibrium norm under SGD with momentum", source=Source(WAN, "Theorem 2"),
        text=transcribed(r"(w^*)^4=\frac{L\eta}{\lambda(1-\alpha)(2-\frac{\lambda\eta}{1+\alpha})}",
                         "https://arxiv.org/abs/2006.08419"),
        ruling=Ruling.EQUALITY,
        evidence=Proved((
            (formula("A**2*x*(1 - al)*(2 - x/(1 + al)) = eta**2*L",
                     symbols={"A": "positive", "B": "real", "x": "real", "al": "real", "eta": "real", "L": "real"},
                     given=("B*(1 + al) = (1 - x + al)*A",
                            "A = (1 - x + al)**2*A + al**2*A - 2*al*(1 - x + al)*B + eta**2*L/A"), sizes=(1,)),
             point(A=1, al="1/2", x="3/4", eta=1, L="9/16", B="1/2", m=1)),
        )),
        remark="Exact in stationarity for uncorrelated gradients; at alpha = 0 it contradicts Theorem 1 (wan-1) and "
        "agrees with the exact value.",
        reading="A = E|w_t|^2, B = E<w_t, w_(t-1)>, x = eta lambda; the gradient is orthogonal to w_t and uncorrelated "
        "with w_(t-1), its unit norm constant.",
    ),
)  # fmt: skip

WEN_RECORDS = (
    Record(
        key="wen-chord", title="The effective learning rate as a chord on the sphere",
        source=Source(WEN, "blog of 14 December 2025"),
        text=written_by(
            r"\eta_{\mathrm{eff}} = \|\hat W_{t+1}-\hat W_t\| = \frac{1}{1+\alpha\beta_1}\sqrt{(1-\alpha^2)"
            r"(1-\beta_1^2)}", "blog", "From Weight Decay to Hyperball (Part 2), 14 December 2025",
        ),
        party=Party.ELSEWHERE, ruling=Ruling.ASYMPTOTIC,
        evidence=Asymptotic(
            Refuted(
                formula("c = (1 - al**2)*(1 - be**2)/(1 + al*be)**2",
                        symbols={"al": "positive", "be": "positive", "c": "nonnegative"},
                        given=("c = 2 - 2*(al + be)/(1 + al*be)", "al < 1", "be < 1"), sizes=(1,)),
                point(al="1/2", be="1/2", c="2/5", m=1),
            ),
            ((formula("c = 2*(1 - al)*(1 - be)/(1 + al*be)",
                      symbols={"al": "positive", "be": "positive", "c": "nonnegative"},
                      given=("c = 2 - 2*(al + be)/(1 + al*be)",), sizes=(1,)),
              point(al="1/2", be="1/2", c="2/5", m=1)),),
            (2 - _x) * (1 + _b) / (2 * (1 + (1 - _x) * _b)), _x, _x * (_b - 1) / (2 * (_b + 1)),
        ),
        remark="What is printed is the sine of the angle; the chord is sqrt(2(1 - alpha)(1 - beta)/(1 + alpha beta)).",
        reading="c is the squared chord 2 - 2 cos, cos = (alpha + beta)/(1 + alpha beta), alpha = 1 - eta lambda.",
        instead="The squared chord is 2(1 - alpha)(1 - beta)/(1 + alpha beta); x = 1 - alpha below.",
    ),
)  # fmt: skip

AMIN_RECORDS = (
    Record(
        key="amin-2.1", title="The schedule law for the norm", source=Source(AMIN, "Theorem 2.1"),
        text=transcribed(
            r"r_{t+1}^2 = r_t^2a_t^2(1+\Phi_t^2\|\bar g_t\|^2), \quad \Phi_t = \frac{\eta_t}{a_tr_t^2}, \quad "
            r"\Phi_{t+1} = \frac{B_t\Phi_t}{1+\Phi_t^2\|\bar g_t\|^2}, \quad B_t = \frac{\eta_{t+1}}{\eta_ta_ta_{t+1}}",
            "https://arxiv.org/abs/2609.09116",
        ),
        ruling=Ruling.TRUE,
        evidence=Proved((
            (formula("dot(n, n) = dot(w, w)*a**2*(1 + Phi**2*dot(w, w)*dot(g, g))", "w g",
                     {"a": "positive", "eta": "positive"}, ("dot(w, g) = 0",), n="a*w - eta*g",
                     Phi="eta/(a*dot(w, w))"), point(a="1/2", eta=1, w=(1, 0), g=(0, 1))),
            (formula("eta2/(a2*dot(n, n)) = eta2/(eta*a*a2)*Phi/(1 + Phi**2*dot(w, w)*dot(g, g))", "w g",
                     {"a": "positive", "eta": "positive", "a2": "positive", "eta2": "positive"}, ("dot(w, g) = 0",),
                     n="a*w - eta*g", Phi="eta/(a*dot(w, w))"),
             point(a="1/2", eta=1, a2=1, eta2=1, w=(1, 0), g=(0, 1))),
            (formula("eta2/(a2*dot(n, n)) = eta2/(eta*a*a2)*Phi/(1 - 2*Phi*dot(w, g) + Phi**2*dot(w, w)*dot(g, g))",
                     "w g", {"a": "positive", "eta": "positive", "a2": "positive", "eta2": "positive"}, (),
                     n="a*w - eta*g", Phi="eta/(a*dot(w, w))"),
             point(a="1/2", eta=1, a2=1, eta2=1, w=(1, 0), g=(1, 1))),
        )),
        remark="True for scale-invariant losses, that is without epsilon. With epsilon the last formula is exact: the "
        "term -2 Phi <u, gbar> stays, and <w, g> is the sum of gamma (1 - rho) a over the channels.",
        reading="gbar = |w| g and u = w/|w|; g orthogonal to w is what scale invariance gives.",
        instead="With epsilon: Phi_(t+1) = B Phi/(1 - 2 Phi <u, gbar> + Phi^2 |gbar|^2).",
        corrected=("weight-gradient",),
    ),
    Record(
        key="amin-3.6", title="The two-dimensional map spirals out at its fixed point",
        source=Source(AMIN, "Propositions 3.5 and 3.6"),
        text=transcribed(r"\text{eigenvalues of modulus } \sqrt{1+a-a^2} > 1", "https://arxiv.org/abs/2609.09116"),
        ruling=Ruling.TRUE,
        evidence=Proved((
            (formula("1 + a - a**2 > 1", symbols={"a": "positive"}, given=("a < 1",), sizes=(1,)), point(a="1/2", m=1)),
            (formula("(3*a**2 + a - 2)**2 < 4*(1 + a - a**2)", symbols={"a": "positive"}, given=("a < 1",), sizes=(1,)),
             point(a="1/2", m=1)),
        )),
        remark="True for every a in (0, 1): the determinant exceeds 1 and the discriminant is negative there.",
        reading="Trace 3a^2 + a - 2 and determinant 1 + a - a^2 of the Jacobian at the fixed point, as the paper gives "
        "them.",
    ),
)  # fmt: skip


def _per_iteration() -> dict[str, Any]:
    momentum, product = sp.Rational(9, 10), sp.Rational(5, 10**5)
    middle = 1 + momentum - product
    root = (middle + sp.sqrt(middle**2 - 4 * momentum)) / 2
    factor = root**-2
    require(sp.Rational(10010, 10000) < factor < sp.Rational(10011, 10000), "a factor of 1.0010 an iteration")
    epoch = sp.N(factor, 60) ** 391
    require(sp.Rational(1481, 1000) < epoch < sp.Rational(1482, 1000), "a factor of 1.481 in 391 iterations")
    return {"alpha^-2 an iteration": sp.N(factor, 10), "its 391st power, an epoch": sp.N(epoch, 7)}


_real_root = "(1 + g - x)**2 - 4*g >= 0"
LI_RECORDS = (
    Record(
        key="li-root", title="An exponential learning rate replaces weight decay with momentum",
        source=Source(LI, "main theorem, as on the authors' blog"),
        text=written_by(
            r"\tilde\eta_t = \alpha^{-2t-1}\eta, \quad \alpha \text{ a non-zero root of } x^2-(1+\gamma-\lambda\eta)x+"
            r"\gamma=0", "blog", "https://www.offconvex.org, ExpLR1",
        ),
        party=Party.ELSEWHERE, ruling=Ruling.CONDITIONAL,
        evidence=Refuted(
            formula(_real_root, symbols={"g": "positive", "x": "positive"}, given=("g < 1", "x < 1"), sizes=(1,)),
            point(g="1/4", x="1/2", m=1),
            ((formula(_real_root, symbols={"g": "positive", "x": "positive"}, given=("x <= (1 - sqrt(g))**2",),
                      sizes=(1,)), point(g="1/4", x="1/4", m=1)),),
        ),
        remark="A real root needs lambda eta <= (1 - sqrt(gamma))^2: 0.0026 at gamma = 0.9. The buffer of the momentum "
        "has to be matched as well, and epsilon is 0, or grows with the squared length of the weights.",
        reading="The discriminant of the quadratic, g = gamma and x = lambda eta in (0, 1). The theorem in the "
        "paper is "
        "not what is judged.",
        instead="Real roots iff lambda eta <= (1 - sqrt(gamma))^2, for 0 < gamma, lambda eta < 1.",
        corrected=("exponential-rate", "exponential-rate-root"),
    ),
    Record(
        key="li-factor", title="The learning rate grows by 1.481 an iteration",
        source=Source(LI, "authors' blog, ExpLR1, caption of a figure"),
        text=written_by(r"\text{at iteration } t \text{ the learning rate is } 0.1\times 1.481^t", "blog",
                        "https://www.offconvex.org, ExpLR1"),
        party=Party.ELSEWHERE, ruling=Ruling.MISPRINT,
        evidence=Computed("alpha^-2 = 1.481 for gamma = 0.9, lambda eta = 5e-5", _per_iteration, refutes=True),
        remark="1.481 is the factor of an epoch of 391 iterations; an iteration's is 1.0010. The paper is not "
        "concerned.",
        reading="gamma = 0.9, lambda = 5e-4, eta = 0.1, the larger root, batches of 128 of 50,000 images.",
    ),
)  # fmt: skip

OTHER_RECORDS = (
    Record(
        key="wn-gradient", title="The gradient of weight normalisation", source=Source(SALIMANS, "equation (3)"),
        text=quote(r"\nabla_vL=\frac{g}{\|v\|}\left(I-\frac{vv^\top}{\|v\|^2}\right)\nabla_wL", "a reader",
                   "https://arxiv.org/abs/1602.07868"),
        ruling=Ruling.TRUE,
        evidence=Proved(((formula("grad(c*dot(u, w/norm(w)), w) = c/norm(w)*(u - dot(w, u)/dot(w, w)*w)", "w u",
                                  {"c": "real"}), point(c=2, w=(0, 1), u=(1, 1))),)),
        remark="True.", reading="w = v, u the gradient by the weights, c the gain g.",
    ),
    Record(
        key="wn-growth", title="A step lengthens a weight-normalised vector", source=Source(SALIMANS, "section 2"),
        text=quote(r"\|v'\| = \sqrt{1+c^2}\,\|v\|", "a reader", "https://arxiv.org/abs/1602.07868"),
        ruling=Ruling.TRUE,
        evidence=Proved(((formula("dot(w - eta*d, w - eta*d) = (1 + eta**2*dot(d, d)/dot(w, w))*dot(w, w)", "w u",
                                  {"eta": "positive"}, (), d="grad(dot(u, w/norm(w)), w)"),
                          point(eta="3/4", w=(0, 1), u=(1, 0))),)),
        remark="True: the gradient is orthogonal to the vector.", reading="Plain gradient descent, c the length of the "
        "step divided by that of the vector; a loss that is linear in w/|w|.",
    ),
    Record(
        key="mehmeti-ratio", title="Ratios of effective learning rates converge to "
        "1", source=Source(MEHMETI, "abstract"),
        text=Text(r"\text{when training with any constant learning rate, ELR ratios converge to } "
            r"1", Known.ABSTRACT, "",
                  "https://proceedings.mlr.press/v235"),
        party=Party.OURS, ruling=Ruling.TRUE,
        evidence=Proved((
            (formula("e/(q + e**2/q) = u/(1 + u**2)", symbols={"e": "positive", "q": "positive"}, u="e/q", sizes=(1,)),
             point(e=1, q=2, m=1)),
            (formula("u/(1 + u**2)*w < w/(1 + w**2)*u", symbols={"u": "positive", "w": "positive"}, given=("u > w",),
                     sizes=(1,)), point(u=2, w=1, m=1)),
        )),
        remark="In the simplest model: u -> u/(1 + u^2) whatever the gradient's constant is, so the larger of two "
        "rates "
        "always loses against the smaller, for every learning rate.",
        reading="Formalised with |grad| = c/|w|, u = eta |grad|/|w|, q = |w|^2, e = eta c. With eta/|w|^2 as the "
        "rate the "
        "ratios need not tend to 1. The paper's 'critical learning rate' is not in this model.",
    ),
    Record(
        key="adamp-growth", title="Growth of the norm under momentum", source=Source(HEO, "section 2, as recalled"),
        text=Text(r"\|w_{t+1}\|^2=\|w_t\|^2+\eta^2\|p_t\|^2+2\eta^2\sum_{k<t}\beta^{t-k}\|p_k\|^2", Known.MEMORY),
        party=Party.OURS, ruling=Ruling.TRUE,
        evidence=Proved((
            (formula("dot(w - eta*p, beta*p + g) = beta*(dot(w, p) - eta*dot(p, p))", "w p g",
                     {"eta": "real", "beta": "real"}, ("dot(w, g) = eta*dot(p, g)",)),
             point(eta=1, beta="1/2", w=(1, 1), p=(1, 0), g=(1, 0))),
            (formula("dot(w - eta*p, w - eta*p) = dot(w, w) - 2*eta*dot(w, p) + eta**2*dot(p, p)", "w p",
                     {"eta": "real"}), point(eta=1, w=(1, 1), p=(1, 0))),
        )),
        remark="True for scale-invariant losses: S = <w, p> obeys S' = beta (S - eta |p|^2), which sums to the "
        "formula.",
        reading="p' = beta p + g at w' = w - eta p with <w', g> = 0, from p = 0.",
    ),
)  # fmt: skip

RECORDS = (*WAN_RECORDS, *WEN_RECORDS, *AMIN_RECORDS, *LI_RECORDS, *OTHER_RECORDS)
