"""The second opinion: z3 agrees with claims, and is not asked about what the re-checker refuses."""

import sys

import pytest
from certifying import document
from typer.testing import CliRunner

from bnverify.cli import app
from bnverify.errors import InputError
from bnverify.theory import CLAIMS, to_json
from bnverify.theory.certify import smt
from bnverify.theory.proof.recheck import Recheck

pytest.importorskip("z3", reason="the extra smt is not installed")


def test_z3_agrees():
    found = list(smt.opinions([document("theorem-4.1"), document("fact-c2"), document("normalised-norm")]))
    assert all(found) and {each.answer for each in found} == {"no counterexample"}


@pytest.mark.slow
def test_no_claim_is_refused():
    found = list(smt.opinions(map(to_json, CLAIMS.values())))
    assert {each.answer for each in found} == {"no counterexample", "unknown"}
    assert sum(map(bool, found)) > 0.85 * len(CLAIMS)


def test_numbers_that_vectors_need_not_have_are_no_counterexample():
    """What the document says of <v, R v> z3 does not see; the claim is true."""
    (found,) = smt.opinions([document("theorem-4.4-layer-bound")])
    assert found.answer == "unknown" and not found


def false(**changes):
    exported = document("fact-c2")
    return exported | {name: change(exported[name]) for name, change in changes.items()}


def contradictory():
    """A false conclusion under gamma < 0 and gamma > 0."""
    signs = [
        {"name": sign, "statement": sign, "flag": None, "sets": {}, "equations": [],
         "condition": {"left": "gamma", "relation": sign, "right": "0"}} for sign in "<>"
    ]  # fmt: skip
    return false(conclusion=twice, hypotheses=lambda old: [*old, *signs])


def twice(formula):
    return formula | {"right": f"2*({formula['right']})"}


def with_more(text):
    return lambda formula: formula | {"right": f"2*({formula['right']}) + {text}"}


FALSE = {
    "a factor in the conclusion": lambda: false(conclusion=twice),
    "a factor in the statement": lambda: false(statement=twice),
    "a root of a negative number": lambda: false(conclusion=with_more("0*sqrt(-1)")),
    "nothing divided by nothing": lambda: false(conclusion=with_more("0/(s-s)")),
    "a relation of one's own": lambda: false(relations=lambda old: {"gamma": "2*gamma"}),
    "premises that contradict each other": contradictory,
    "a certificate that does not add up": lambda: document("theorem-4.1", certificate={"slack": "0", "products": []}),
    "a negative factor": lambda: document(
        "theorem-4.1",
        certificate={"slack": "-1", "products": [[{"value": "-1", "because": "square", "of": "gamma"}]]},
    ),
}


@pytest.mark.parametrize("name", FALSE)
def test_of_a_false_document_there_is_no_opinion(name):
    (found,) = smt.opinions([FALSE[name]()])
    assert found.answer == "refused" and found.reason and not found


@pytest.mark.parametrize(
    ("left", "right", "answer"),
    [
        ("gamma", "gamma", "no counterexample"), ("gamma", "2*gamma", "unknown"),
        ("gamma**0", "1", "no counterexample"),
        ("gamma**0", "1/gamma", "unknown"), ("sqrt(gamma**2)", "gamma", "unknown"),
        ("sqrt(s**2)", "s", "no counterexample"), ("gamma", "2*gamma+0*sqrt(-s)", "refused"),
        ("gamma", "2*gamma+0/(s-s)", "refused"), ("s", "s + 0*sqrt(a**2)", "no counterexample"),
        ("sqrt(a**2)*sqrt(a**2) - 1", "a**2", "unknown"),
    ],
)  # fmt: skip
def test_z3_reads_formulas_as_they_are_meant(monkeypatch, left, right, answer):
    """The re-checker apart: what is assumed for a formula to have a value proves nothing."""
    monkeypatch.setattr(smt, "recheck", lambda document: Recheck("", (), (), ()))
    exported = document("fact-c2")
    (found,) = smt.opinions([exported | {"conclusion": exported["conclusion"] | {"left": left, "right": right}}])
    assert found.answer == answer, found


def test_what_is_malformed_is_refused():
    assert [each.answer for each in smt.opinions([document("fact-c2", facts=3), {}, [1]])] == 3 * ["refused"]


def test_without_z3_one_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "z3", None)
    with pytest.raises(smt.NoSolver, match="smt"):
        list(smt.opinions([]))


@pytest.mark.parametrize(
    ("keys", "status"), [(("sun-11",), 2), (("sun-11", "fact-c2"), 0), (("theorem-4.4-layer",), 3)]
)
def test_the_command_says_what_was_not_asked(keys, status):
    done = CliRunner().invoke(app, ["certify", *keys, "--smt"])
    said = str(done.exception) if status == 2 else done.output
    assert isinstance(done.exception, InputError) if status == 2 else done.exit_code == status
    assert ("laws and refutations" in said) == ("sun-11" in keys)
