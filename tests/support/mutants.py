"""Wrong versions of a claim: the negative controls of every proof and of every numerical check."""

from __future__ import annotations

import dataclasses

import sympy as sp

from bnverify.theory import Claim, m
from bnverify.theory.algebra.channel_sum import distribute


def mutants(claim: Claim) -> list[tuple[str, Claim]]:
    """The claim with one term of its right side dropped, doubled, negated or divided by m; or a term added to 0."""
    terms = sp.Add.make_args(distribute(claim.right))
    if claim.right == 0:
        return [("1/m added", dataclasses.replace(claim, right=sp.Integer(1) / m))]
    out = []
    for i, term in enumerate(terms):
        rest = sp.Add(*(t for j, t in enumerate(terms) if j != i))
        changes = {"dropped": sp.Integer(0), "doubled": 2 * term, "negated": -term, "divided by m": term / m}
        out += [(f"term {i} {name}", dataclasses.replace(claim, right=rest + new)) for name, new in changes.items()]
    return out
