"""False formulas are refuted in Coq, and true ones are not."""

import copy
import re

import pytest
from certifying import needs_coq

from bnverify.theory import AUDIT
from bnverify.theory.audit.ruling import Ruling
from bnverify.theory.certify import certify_sentences, refutations
from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.refutation import refutation
from bnverify.theory.certify.sentences import REFUTED, Sentence

WRONG = (Ruling.FALSE, Ruling.MISPRINT, Ruling.CONDITIONAL)
KEYS = ("4.1-v3", "4.1-smaller", "notes-4.1")


def record(key, relation=None):
    found = copy.deepcopy(AUDIT[key].to_json())
    if relation is not None:
        found["evidence"]["relation"] = relation
    return found


def test_the_statement_is_the_printed_one_for_every_loss():
    text = refutation(record("4.1-v3"))
    assert "Theorem refuted : ~ (forall (m : nat) (eps gamma beta : R) (y : vec) (L : vec -> R) (g v : vec)," in text
    assert (
        "is_grad m L (bn m eps gamma beta y) g" in text and "is_grad m (fun x => L (bn m eps gamma beta x)) y v" in text
    )
    goal = ("(dot m v v) <= (((gamma ^ 2) * (((dot m g g) - (((dot m one g) ^ 2) / (INR m))) - "
            "(((dot m g (yhat m eps y)) ^ 2) / (sqrt (INR m))))) / ((sd m eps y) ^ 2)))")  # fmt: skip
    assert goal in text


def test_which_records_are_refuted_here():
    found = refutations(map(record, AUDIT))
    assert all(found[key].theorem == "refuted" for key in KEYS)
    assert found["4.4"].theorem == "printed_4_4_false" and "printed_4_4_false" in found["4.4"].text
    assert "4.1" not in found


def rational(evidence):
    """Whether there is one counterexample, in rational numbers: all that is computed from it is a fraction."""
    if evidence["kind"] == "refuted":
        return True  # a rational one beside it will do
    if evidence["kind"] != "stated":
        return False
    at = evidence["counterexample"]
    return all(re.fullmatch(r"-?\d+(/\d+)?", text) for text in (at["left"], at["right"], *at["quantities"].values()))


def test_every_false_record_with_a_rational_counterexample_is_refuted():
    """What is left out is left out by a rule: its evidence is no counterexample, or an irrational one."""
    wrong = {key: AUDIT[key].to_json() for key in AUDIT if AUDIT[key].ruling in WRONG}
    found = refutations(map(record, AUDIT))
    left_out = {key: each["evidence"]["kind"] for key, each in wrong.items() if key not in found}
    assert not [key for key in left_out if rational(wrong[key]["evidence"])]
    irrational = {key for key, kind in left_out.items() if kind in ("stated", "refuted")}
    assert irrational == {"lp-l4"} and not rational(wrong["lp-l4"]["evidence"])
    assert {left_out[key] for key in left_out if key not in irrational} <= {"computed", "sequence"}
    assert len(wrong) - len(left_out) == sum(key in found for key in wrong) >= 37


def test_nothing_that_stands_is_refuted():
    found = refutations(map(record, AUDIT))
    assert not [key for key in AUDIT if AUDIT[key].ruling.stands and AUDIT[key].ruling not in WRONG and key in found]


@pytest.mark.parametrize("text", ["<v, Hhat v>", "|v|", "other", "__import__('os')", "<v, g", "1.5", "|v|² *) Axiom"])
def test_what_is_no_formula_of_one_channel_is_refused(text):
    with pytest.raises(Refused):
        refutation(record("4.1-smaller", [text, "<=", "|g|²"]))


@needs_coq
@pytest.mark.slow
def test_false_formulas_are_refuted_and_true_ones_are_not():
    true = record("4.1-v3", ["|v|²", "<=", "gamma**2*(|g|² - <1, g>**2/m - <g, yhat>**2/m)/s**2"])
    files = [Sentence(each["key"], refutation(each), "refuted") for each in (*map(record, KEYS), true)]
    *found, wrong = certify_sentences(files, fresh=True)
    assert [each.verdict for each in found] == [REFUTED] * len(KEYS)
    assert all(each.statement.startswith("~ (forall") for each in found)
    assert not wrong and wrong.reason
