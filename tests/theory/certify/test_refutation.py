"""False formulas are refuted in Coq, and true ones are not."""

import copy

import pytest
from certifying import needs_coq

from bnverify.theory import AUDIT
from bnverify.theory.certify import refutations, refute
from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.refutation import REFUTED, Refutation, refutation

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


@pytest.mark.parametrize("text", ["<v, Hhat v>", "|v|", "other", "__import__('os')", "<v, g", "1.5", "|v|² *) Axiom"])
def test_what_is_no_formula_of_one_channel_is_refused(text):
    with pytest.raises(Refused):
        refutation(record("4.1-smaller", [text, "<=", "|g|²"]))


@needs_coq
@pytest.mark.slow
def test_false_formulas_are_refuted_and_true_ones_are_not():
    true = record("4.1-v3", ["|v|²", "<=", "gamma**2*(|g|² - <1, g>**2/m - <g, yhat>**2/m)/s**2"])
    files = [Refutation(each["key"], refutation(each), "refuted") for each in (*map(record, KEYS), true)]
    *found, wrong = refute(files, fresh=True)
    assert [each.verdict for each in found] == [REFUTED] * len(KEYS)
    assert all(each.statement.startswith("~ (forall") for each in found)
    assert not wrong and wrong.reason
