"""The numbers at which premises are shown to hold: drawn, or else the document's own, and never wrong ones."""

import copy

import pytest
from certifying import document

from bnverify.theory.certify import witness
from bnverify.theory.certify.consistency import consistency, number_in_coq
from bnverify.theory.certify.coqc import Theorem
from bnverify.theory.certify.document import read


def test_where_drawn_numbers_do_not_do_the_documents_own_example_is_taken():
    found = witness.search(read(document("exponential-rate")))
    own = document("exponential-rate")["example"]["channels"][0]
    assert {name: str(value) for name, value in found.numbers.items()} | {"m": str(found.m)} == own["symbols"]


@pytest.mark.parametrize(("table", "name", "value"), [
    ("symbols", "root", "1/2"), ("symbols", "k", "-3"), ("symbols", "k", "x"), ("vectors", "t_filter", ["3", "2"]),
    ("vectors", "g", ["1"]), ("symbols", "m", "3"),
])  # fmt: skip
def test_an_example_at_which_a_premise_fails_is_not_taken(table, name, value):
    wrong = copy.deepcopy(document("exponential-rate"))
    wrong["example"]["channels"][0][table][name] = value
    assert witness._own(read(wrong)) is None
    assert witness._own(read(wrong | {"example": None})) is None


def test_variables_of_one_kind_are_printed_without_parentheses():
    doc = read(document("exponential-rate-root"))
    example = witness.search(doc)
    names = ("momentum", "learning_rate", "weight_decay", "root")
    text = consistency(Theorem(f"forall {' '.join(names)} : R, root = 1 -> root <= 2", ()), example, "consistent")
    values = " ".join(f"({number_in_coq(example.numbers[name])})" for name in names)
    assert f"refine (F' {values} _)" in text
