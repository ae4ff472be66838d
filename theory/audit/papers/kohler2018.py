r"""Kohler et al. 2018: batch norm as a reparametrisation, which is printed with the assumption it needs."""

from __future__ import annotations

import sympy as sp

from bnverify.theory.audit.papers.santurkar2018 import quoted
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.ruling import Known, Ruling, Text
from bnverify.theory.audit.stated import Stated
from bnverify.theory.proof.claim import Source
from bnverify.theory.results.catalogue import CLAIMS

_claim = CLAIMS["kohler-reparametrisation"]

RECORDS = (
    Record(
        key="kohler-mean", title="Batch norm is a linear layer with weights gamma W/sqrt(W'SW)",
        source=Source("Kohler et al. 2018", "equation (3)"),
        text=Text(
            r"\mathbb E[x] = 0: \quad BN(x^\top w) = x^\top\tilde w + \beta, \quad \tilde w = \gamma\frac{w}{\|w\|_S}",
            Known.QUOTED, quoted("").through.replace("1805.11604", "1805.10694"), "https://arxiv.org/abs/1805.10694",
        ),
        ruling=Ruling.TRUE, evidence=Stated(sp.Eq(_claim.left, _claim.right, evaluate=False)),
        remark="True: the paper states the assumption it needs, inputs of mean zero.",
        reading="The batch is the distribution. Activations after a ReLU do not have mean zero.",
        corrected=("kohler-reparametrisation",),
    ),
)  # fmt: skip
