r"""Printed against coded in a widely read tutorial, and learning rates that are said not to matter: Cai 2019."""

from __future__ import annotations

import struct
from typing import Any

import sympy as sp

from bnverify.theory.audit.evidence import Computed, Family, Refuted, require
from bnverify.theory.audit.papers.further import LABML
from bnverify.theory.audit.papers.short import formula, point
from bnverify.theory.audit.record import Record
from bnverify.theory.audit.ruling import Known, Party, Ruling, Text
from bnverify.theory.proof.claim import Source

_CODE = "code, snapshot of August 2025"
_K = sp.Symbol("K", positive=True)


def _single(number: float) -> float:
    """The nearest number of single precision."""
    return struct.unpack("f", struct.pack("f", number))[0]


def single_variance(values: tuple[float, ...]) -> float:
    """E[x^2] - E[x]^2 in single precision, every operation rounded, sums from left to right."""
    total = squares = 0.0
    for x in map(_single, values):
        total, squares = _single(total + x), _single(squares + _single(x * x))
    mean = _single(total / len(values))
    return _single(_single(squares / len(values)) - _single(mean * mean))


def _negative() -> dict[str, Any]:
    values = (1000.1,) * 5
    found = single_variance(values)
    require(found < -1e-5, "below -epsilon = -1e-5, so that the root of variance + epsilon is no number")
    return {"x": values, "variance as coded": found, "variance": 0}


RECORDS = (
    Record(
        key="labml-ws", title="Weight standardization as printed and as coded",
        source=Source(LABML, "normalization/weight_standardization"),
        text=Text(r"\text{docstring } \sigma^2=\tfrac1I\sum_i W_i^2-\mu^2, \text{ code } \texttt{torch.var\_mean}",
                  Known.AUTHORS, _CODE),
        party=Party.ELSEWHERE, ruling=Ruling.FALSE,
        evidence=Refuted(
            formula("dot(center(w), center(w))/(dot(center(w), center(w))/(m - 1)) = m", "w",
                    given=("dot(center(w), center(w)) > 0",), sizes=(2, 3)), point(w=(0, 1)),
            ((formula("dot(center(w), center(w))/(dot(center(w), center(w))/m) = m", "w",
                      given=("dot(center(w), center(w)) > 0",)), point(w=(0, 1))),),
        ),
        remark="The code divides by I - 1: the standardized weights have the squared norm I - 1, not I.",
        reading="That the code computes what its docstring prints; the squared norm of the result.",
    ),
    Record(
        key="labml-bcn", title="The running variance of estimated batch norm as printed and as coded",
        source=Source(LABML, "normalization/batch_channel_norm"),
        text=Text(r"\text{docstring } \hat\sigma^2 \leftarrow \hat\sigma^2+r\left(\tfrac1m\sum(X-\hat\mu)^2-\hat"
                  r"\sigma^2\right), \text{ code with the batch mean}", Known.AUTHORS, _CODE),
        party=Party.ELSEWHERE, ruling=Ruling.FALSE,
        evidence=Refuted(
            formula("var(x) = dot(x - u*one, x - u*one)/m", "x", {"u": "real", "r": "positive"}, ("u = r*mean(x)",)),
            point(x=(0, 2), u="1/10", r="1/10"),
            ((formula("dot(x - u*one, x - u*one)/m = var(x) + (mean(x) - u)**2", "x", {"u": "real"}),
              point(x=(0, 2), u="1/10")),),
        ),
        remark="The two differ by the squared distance of the means: 1.81 and 1 in the first step from 0.",
        reading="That the code computes what its docstring prints; u is the running mean after one step from 0 with "
        "the weight r. True once the running mean is that of the batch.",
    ),
    Record(
        key="labml-bn", title="The variance of batch norm as printed and as coded",
        source=Source(LABML, "normalization/batch_norm"),
        text=Text(r"\text{docstring } Var[x], \text{ code } \texttt{mean(x**2) - mean(x)**2}", Known.AUTHORS, _CODE),
        party=Party.ELSEWHERE, ruling=Ruling.FALSE,
        evidence=Computed("a variance computed so is not below -epsilon in single precision", _negative, refutes=True),
        remark="Equal in real numbers. In single precision a constant batch far from 0 has a negative variance, and "
        "its batch norm is not a number.",
        reading="As computed in single precision, sums from left to right, epsilon = 1e-5.",
    ),
    Record(
        key="cai-insensitive", title="Batch norm makes gradient descent insensitive to the learning rate",
        source=Source("Cai et al. 2019", "abstract"),
        text=Text(r"\text{insensitivity to the choice of learning rates}", Known.ABSTRACT, "",
                  "https://arxiv.org/abs/1810.00122"),
        party=Party.OURS, ruling=Ruling.CONDITIONAL,
        evidence=Family(
            formula("1 <= K*u/(1 + u**2)", symbols={"K": "positive", "u": "positive"}, sizes=(1,)), "K",
            lambda k: point(K=k, u=2 * k, m=1), (1 + 2 * _K**2) / (1 + 4 * _K**2),
            ((formula("u/(1 + u**2) < 1/u", symbols={"u": "positive"}, sizes=(1,)), point(u=2, m=1)),),
        ),
        remark="Convergence for every rate is not questioned; its time is. After one step of a large rate u the "
        "effective rate is below 1/u and never grows again, so the time grows in proportion to the rate. Insensitive "
        "only up to rates of order 1.",
        reading="Formalised as: the effective rate after the first step is bounded from below for all rates. The "
        "simplest scale-invariant model, u -> u/(1 + u^2), u = eta |grad|/|w|.",
        instead="The effective rate after a step of a large rate is about its inverse.",
    ),
)  # fmt: skip
