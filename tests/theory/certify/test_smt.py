"""The second opinion: z3 agrees with claims and finds numbers against mutants."""

import sys

import pytest
from certifying import document

from bnverify.theory.certify import smt

pytest.importorskip("z3", reason="the extra smt is not installed")


def test_z3_agrees():
    found = list(smt.opinions([document("theorem-4.1"), document("fact-c2"), document("normalised-norm")]))
    assert all(found) and {each.answer for each in found} == {"no counterexample"}


def test_z3_objects():
    exported = document("fact-c2")
    conclusion = exported["conclusion"]
    wrong = exported | {"conclusion": conclusion | {"right": f"2*({conclusion['right']})"}}
    (found,) = smt.opinions([wrong])
    assert found.answer == "counterexample" and not found
    (bound,) = smt.opinions([document("theorem-4.1", certificate={"slack": "0", "products": []})])
    assert not bound


def test_what_is_malformed_is_refused():
    assert [each.answer for each in smt.opinions([document("fact-c2", facts=3), {}])] == ["refused", "refused"]


def test_without_z3_one_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "z3", None)
    with pytest.raises(smt.NoSolver, match="smt"):
        list(smt.opinions([]))
