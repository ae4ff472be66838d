r"""Ioffe and Szegedy 2015, section 3.3: what multiplying the weights by a scalar leaves alone."""

from __future__ import annotations

from bnverify.theory.audit.evidence import Refuted
from bnverify.theory.audit.papers.short import formula, point, transcribed
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.ruling import Ruling
from bnverify.theory.proof.claim import Source

PAPER = "Ioffe and Szegedy 2015"
_AT = "https://arxiv.org/abs/1502.03167"
_scalar, _positive = {"a": "nonzero"}, {"a": "positive"}
_remark = "Needs a > 0 and epsilon = 0: for a < 0 the sign of the output turns, and a is a scalar in the text."

RECORDS = (
    Record(
        key="ioffe-scalar", title="A scalar factor of the weights is not seen", source=Source(PAPER, "section 3.3"),
        text=transcribed(r"\mathrm{BN}(W\mathrm u) = \mathrm{BN}((aW)\mathrm u)", _AT), ruling=Ruling.CONDITIONAL,
        evidence=Refuted(
            formula("bn(a*y) = bn(y)", "y", _scalar), point(a=-1, y=(0, 1)),
            ((formula("bn(a*y) = bn(y)", "y", _positive), point(a=2, y=(0, 1))),
             (formula("bn(a*y, eps) = bn(y, eps/a**2)", "y", {"a": "positive", "eps": "positive"}),
              point(a=2, eps=1, y=(0, 1)))),
        ),
        remark=_remark, reading="y = Wu, one channel over the batch, epsilon = 0. True for every a > 0.",
        instead="BN_eps(ay) = BN_(eps/a^2)(y) for a > 0, whatever epsilon is.",
        corrected=("invariance-scale", "invariance-scale-epsilon"),
    ),
    Record(
        key="ioffe-scalar-input", title="A scalar factor leaves the gradient by the input alone",
        source=Source(PAPER, "section 3.3"),
        text=transcribed(
            r"\frac{\partial\mathrm{BN}((aW)\mathrm u)}{\partial\mathrm u} = \frac{\partial\mathrm{BN}(W\mathrm u)}"
            r"{\partial\mathrm u}", _AT,
        ),
        ruling=Ruling.CONDITIONAL,
        evidence=Refuted(
            formula("grad(dot(g, bn(a*u)), u) = grad(dot(g, bn(u)), u)", "u g", _scalar, sizes=(3,)),
            point(a=-1, u=(0, 0, 1), g=(0, 1, 0)),
            ((formula("grad(dot(g, bn(a*u)), u) = grad(dot(g, bn(u)), u)", "u g", _positive),
              point(a=2, u=(0, 0, 1), g=(0, 1, 0))),),
        ),
        remark=_remark, reading="One channel with W = 1, tested on every g. True for every a > 0.",
        instead="The gradient by u is that of W, times "
        "sign(a).", corrected=("invariance-scale", "invariance-scale-epsilon"),
    ),
    Record(
        key="ioffe-scalar-weights", title="The gradient by the weights is divided by the scalar",
        source=Source(PAPER, "section 3.3"),
        text=transcribed(
            r"\frac{\partial\mathrm{BN}((aW)\mathrm u)}{\partial(aW)} = \frac1a\cdot\frac{\partial\mathrm{BN}(W"
            r"\mathrm u)}{\partial W}", _AT,
        ),
        ruling=Ruling.CONDITIONAL,
        evidence=Refuted(
            formula("grad(dot(g, bn(z)), z) = grad(dot(g, bn(z/a)), z)", "z g", _scalar, sizes=(3,)),
            point(a=-1, z=(0, 0, 1), g=(0, 1, 0)),
            ((formula("grad(dot(g, bn(z)), z) = grad(dot(g, bn(z/a)), z)", "z g", _positive),
              point(a=2, z=(0, 0, 1), g=(0, 1, 0))),),
        ),
        remark="Needs a > 0 and epsilon = 0; for a < 0 the factor is 1/|a|.",
        reading="z = (aW)u; by the chain rule the right side is the gradient by z of BN(z/a). True for every a > 0.",
        instead="The factor is 1/|a| at epsilon = 0.", corrected=("invariance-scale-gradient",),
    ),
)  # fmt: skip
