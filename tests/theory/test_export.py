"""Exported proofs: plain data, complete, deterministic."""

import dataclasses
import json
import re

import pytest
import sympy as sp
from documents import document
from sampled import sampled

from bnverify.theory import CLAIMS, QUANTITIES, ChannelSum, ProofError, Vector, m, rho
from bnverify.theory.algebra.channel_sum import distribute
from bnverify.theory.proof.export import to_json
from bnverify.theory.proof.recheck import parse
from bnverify.theory.proof.signs import reasons

KEYS = list(CLAIMS)


@pytest.mark.parametrize("key", sampled(KEYS, 3))
def test_document_is_complete(key):
    claim, exported = CLAIMS[key], document(key)
    assert (exported["key"], exported["title"], exported["source"]["place"]) == (key, claim.title, claim.source.place)
    assert exported["source"]["citation"]
    assert [h["name"] for h in exported["hypotheses"]] == [h.name for h in claim.hypotheses]
    assert [step["number"] for step in exported["steps"]] == list(range(1, exported["conclusion"]["number"]))
    assert all(step["name"] and step["reason"] and step["written"] for step in exported["steps"])
    tables = ("facts", "definitions", "scalars", "relations")
    entries = [(table, name) for table in tables for name in exported[table]]
    established = [tuple(step["establishes"].values()) for step in exported["steps"] if step["establishes"]]
    assert sorted(entries) == sorted(established)
    assert exported["example"]["channels"] and exported["about"] and exported["chapter"]
    assert (exported["certificate"] is not None) == (claim.relation == "<=")


@pytest.mark.parametrize("key", sampled(KEYS, 3))
def test_statement_reads_back(key):
    """The text of the statement, its names replaced by quantities, is the statement."""
    claim, exported = CLAIMS[key], document(key)
    names = {name: quantity.symbol for name, quantity in QUANTITIES.items()}
    for side, expression in (("left", claim.left), ("right", claim.right)):
        text = exported["statement"][side]
        sums = {name: body for name, body in exported["sums_over_channels"].items() if name in re.findall(r"\w+", text)}
        channels = {name: ChannelSum(parse(body, names)) for name, body in sums.items()}
        assert distribute(parse(text, names | channels) - expression) == 0


@pytest.mark.parametrize("key", ["theorem-4.1", "hessian", "lemma-4.5-rows"])
def test_data_is_plain(key):
    exported = to_json(CLAIMS[key])
    assert json.loads(json.dumps(exported)) == exported == document(key)  # and the same each time


def test_inner_products_are_readable():
    assert document("theorem-4.1")["inner_products"]["a"] == "<g, yhat>"


def test_a_claim_that_does_not_hold_is_not_exported():
    with pytest.raises(ProofError):
        to_json(dataclasses.replace(CLAIMS["fact-c1"], right=2 * CLAIMS["fact-c1"].right))


x, y = sp.symbols("x y", real=True)
p, q = sp.symbols("p q", positive=True)
u = Vector.atom("u")


@pytest.mark.parametrize(
    ("factor", "because"),
    [
        (x**2 / p**4, ["square"]),
        (3 * p / q, ["positive number", "declared sign", "declared sign"]),
        (1 - rho, ["affine in a number between 0 and 1"]),
        (m**2 - m, ["polynomial in a positive integer minus 1, no coefficient negative"]),
        (p + x**2, ["sum"]),
        (sp.sqrt(p + q), ["power"]),
        (u @ u, ["squared norm"]),
        (u - u / 2, ["squared norm"]),
    ],
    ids=str,
)
def test_reasons(factor, because):
    assert sorted(reason.because for reason in reasons(factor)) == sorted(because)


@pytest.mark.parametrize("factor", [x, -p, p - q, m - 2, rho - 1, x * y, u @ Vector.atom("w"), sp.Integer(-1)], ids=str)
def test_no_reason_is_invented(factor):
    with pytest.raises(ValueError, match="expected one that cannot be negative"):
        reasons(factor)
