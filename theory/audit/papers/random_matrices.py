r"""Expectations beside what is proved: Daneshmand 2021, Meterez 2024, Xiong 2020, and what is recalled."""

from __future__ import annotations

import math

from bnverify.theory.audit.evidence import Proved
from bnverify.theory.audit.expectations import Expectation, Measured
from bnverify.theory.audit.papers.layer_norm import XIONG
from bnverify.theory.audit.papers.short import formula, point, transcribed
from bnverify.theory.audit.random_layers import apart, deep, last_gradient, rectified, shrunk
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.ruling import Known, Party, Ruling, Text
from bnverify.theory.proof.claim import Source

_FLOOR = 1 / math.sqrt(12)  # of V with the mean, for n = 4
ORTHOGONAL = (
    Expectation("E V after 4 layers of 4 samples, width 32", deep(4, 32, 4, mean=False, of=apart), 30, "<",
                3 * 4 * 2 / math.sqrt(32) / 15, "a fifteenth of the printed floor with alpha = 1/sqrt(n)"),
    Expectation("E V after 4 layers of 4 samples, width 64", deep(4, 64, 4, mean=False, of=apart), 30, "<",
                3 * 4 * 2 / math.sqrt(64) / 15, "the same fraction of the floor there: the rate is right"),
)  # fmt: skip
SIMPLEX = (
    Expectation("E V with the mean, 4 layers of 4 samples, width 32", deep(4, 32, 4, mean=True, of=apart), 30, ">",
                _FLOOR, "the floor 1/sqrt(n(n-1))"),
    Expectation("E V without the mean, the same", deep(4, 32, 4, mean=False, of=apart), 30, "<", _FLOOR,
                "the floor that holds with the mean"),
)  # fmt: skip
ISOMETRY = (
    Expectation("E(gap after 8 layers of orthogonal weights - gap exp(-8/k)), d = n = 4, k = d^2(1 + d gap)",
                shrunk(4, 8), 200, "<", 0.0, "so the theorem's bound holds on average with C = 1"),
)  # fmt: skip

RECORDS = (
    Record(
        key="xiong-1", title="The gradient of the last layer of a post-LN network is of the order d sqrt(ln d)",
        source=Source(XIONG, "Theorem 1"),
        text=transcribed(r"\left\|\frac{\partial\tilde{\mathcal L}}{\partial W^{2,L}}\right\|_F \le O(d\sqrt{\ln d})",
                         "https://arxiv.org/abs/2002.04745"),
        ruling=Ruling.TRUE,
        evidence=Measured(
            Proved((
                (formula("grad(dot(v, h*w + r), w) = h*v", "v w r", {"h": "real"}),
                 point(h=2, v=(1, 0), w=(0, 1), r=(1, 1))),
                (formula("dot(J, J)*var(y) <= dot(g, g)", "y g", J="grad(dot(g, bn(y)), y)"),
                 point(y=(0, 1), g=(1, 0))),
            )),
            (Expectation("E |dL/dW2|_F for |g| = 1, d = 16", last_gradient(16), 60, "<",
                         16 * math.sqrt(math.log(16)) / 10, "a tenth of d sqrt(ln d); sqrt(d/3) is 2.31"),
             Expectation("E |dL/dW2|_F for |g| = 1, d = 64", last_gradient(64), 24, "<",
                         64 * math.sqrt(math.log(64)) / 20, "a twentieth of it there; sqrt(d/3) is 4.62")),
        ),
        remark="True and loose by about sqrt(3 d ln d): the gradient is |h| |J'g|, near sqrt(d/3) |g| at the start. "
        "The two transcriptions at hand print different probabilities for the bound (0.99 - delta - eps/(0.9 + eps) "
        "and 0.9 eps/(1 + eps) in it); none is judged. Its proof uses Lemma 3 (xiong-3), so small means.",
        reading="Post-LN, one position, at the start, entries of variance 1/d. Proved: the gradient by a row of W2 is "
        "that row's entry of h = ReLU(W1 x) times v = J'g, and |v| is at most |g|/sigma. Its size is measured.",
        instead="|dL/dW2|_F = |h| |J'g| <= |h| |g|/sigma(y), of the order sqrt(d) |g|.",
    ),
    Record(
        key="xiong-2", title="The squared norm of a pre-LN stream grows by d/2 to 3d/2 a layer",
        source=Source(XIONG, "Lemma 2"),
        text=transcribed(r"(1+\tfrac l2)d \le E\|x^{pre}_{l,i}\|^2 \le (1+\tfrac{3l}{2})d",
                         "https://arxiv.org/abs/2002.04745"),
        ruling=Ruling.TRUE,
        evidence=Measured(
            Proved((
                (formula("dot(bn(x), bn(x)) = m", "x", given=("var(x) > 0",)), point(x=(0, 1))),
                (formula("dot(p, p) + dot(q, q) = (dot(u, u) + dot(v, v))/2", "u v", p="(u + v)/2", q="(u - v)/2"),
                 point(u=(1, 0), v=(0, 1))),
            )),
            (Expectation("E |W2 ReLU(W1 u)|^2/|u|^2, d = 12", rectified(12), 1500, "~", 0.5,
                         "what the second sublayer adds, over d"),),
        ),
        remark="True without epsilon: a layer adds E|mean_j LN(x_j)|^2, between 0 and d by convexity, and d/2. The "
        "upper end is attained for sequences of one token. With epsilon every LN(x) has rho d for d.",
        reading="At the start, W^Q = W^K = 0, entries of variance 1/d, E|x_0|^2 = d. Proved for two tokens: the norm "
        "of LN(x), and that of a mean, at most the mean of the norms as |q|^2 >= 0; the expectation of the second "
        "sublayer is measured.",
        instead="E|x_(l+1)|^2 = E|x_l|^2 + E|mean_j LN(x_j)|^2 + d/2.",
    ),
    Record(
        key="joudaki-gain", title="Normalizing rows gains isometry by the spread of their norms",
        source=Source("recalled", "isometry gain of a normalization"),
        text=Text(r"I(\tilde G)/I(G) \ge 1+\mathrm{Var}(a)/\bar a^2", Known.MEMORY), party=Party.OURS,
        ruling=Ruling.TRUE,
        evidence=Proved((
            (formula("(a**2 + b**2)/2/(a*b) >= 1 + ((a - b)/2)**2/((a + b)/2)**2",
                     symbols={"a": "positive", "b": "positive"}, sizes=(1,)), point(a=1, b=2, m=1)),
        )),
        remark="An equality is: the ratio of the isometries is mean(a^2)/GM(a)^2, GM the geometric mean, and GM is at "
        "most the mean.",
        reading="Proved for two rows of norms a and b; I = det(G)^(1/n)/(tr G/n).",
        instead="I(G~)/I(G) = mean(a^2)/GM(a)^2.",
    ),
)  # fmt: skip
