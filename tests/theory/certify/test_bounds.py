"""Documents that would keep `bnverify certify` for ever are refused at once, and their neighbours are not."""

import copy
import json
import time
from fractions import Fraction

import pytest
from certifying import document, stated

from bnverify.commands.certify import _document
from bnverify.errors import InputError
from bnverify.theory.certify import certificate, witness
from bnverify.theory.certify.document import read
from bnverify.theory.certify.expressions import BITS, DEGREE, Refused, parse, raised

TOWER = "p"
for _ in range(8):
    TOWER = f"({TOWER})**32"


def hypothesis(left, relation, right):
    condition = {"left": left, "relation": relation, "right": right}
    return {"name": "h", "statement": "", "flag": None, "condition": condition, "sets": {}, "equations": []}


def changed(**tables):
    exported = document("fact-c1-beta", key="mine")
    return exported | {name: exported[name] | more if isinstance(more, dict) else more for name, more in tables.items()}


@pytest.mark.parametrize(
    "text", [TOWER, "((p**2)**12)**3", "((p**2)**(1/2))**99", "(a + b + c)**32", "((a + b)**12 + c)**12", "1" * 41,
             "p**2**2**2**2**2", "(a + b)**32*(a + c)**32", "sqrt((p**32)**32)"],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_formulas_that_would_grow_for_ever_are_refused(text):
    with pytest.raises(Refused):
        parse(text)
    wrong = changed(hypotheses=[hypothesis(text, ">", "0")], symbols=dict.fromkeys("abcp", "positive"))
    with pytest.raises(Refused):
        read(wrong)


@pytest.mark.parametrize(
    "text", ["((p**2)**8)**4", "sqrt(p)**32", "(a + b)**12*(a + c)", "1" * 40, "+".join("a" * 300)]
)
def test_formulas_below_the_bounds_are_read(text):
    assert parse(text)


def test_numbers_are_bounded_before_they_are_raised():
    assert raised(Fraction(2, 3), -3) == Fraction(27, 8) and raised(Fraction(-2), 5) == -32
    assert raised(Fraction(2), BITS // 2 - 1) == 2 ** (BITS // 2 - 1)
    for base, exponent in ((Fraction(2), BITS), (Fraction(1, 2**500), 32), (Fraction(10) ** 40, -(DEGREE**2))):
        with pytest.raises(Refused):
            raised(base, exponent)


STAIRS = {f"e{i}": f"e{i + 1}**32" for i in range(8)}
ENDLESS = {
    "powers through names": changed(
        symbols=dict.fromkeys([*STAIRS, "e8"], "positive"), scalars=STAIRS, hypotheses=[hypothesis("e0", ">", "0")]
    ),
    "numbers through names": changed(
        symbols=dict.fromkeys([*STAIRS, "e8"], "positive"), scalars=STAIRS | {"e8": "2"},
        statement={"left": "e0", "right": "e0", "relation": "==", "shape": "channel"},
    ),
    "sums through names": changed(
        symbols=dict.fromkeys([*STAIRS, "e8", "p"], "positive"), scalars={"e7": "(e8 + p)**32", "e6": "(e7 + p)**32"},
        statement={"left": "e6", "right": "e6 + 0", "relation": "==", "shape": "channel"},
    ),
    "a definition of itself": changed(
        operators={"A": {"space": "m", "is": "self-adjoint"}}, vectors={"u": {"space": "m", "entries": "any"}},
        definitions={"u": {"A u": "2"}}, inner_products={"u_u": "<u, u>"},
        statement={"left": "u_u", "right": "u_u", "relation": "==", "shape": "channel"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", ENDLESS)
def test_what_grows_through_its_tables_comes_to_an_end(fault):
    """A refusal, or files for Coq and no example: in no case for ever."""
    start = time.process_time()
    found = certificate._known(ENDLESS[fault], True, ["mine"])
    if isinstance(found, certificate.Certificate):
        assert found.verdict == certificate.REFUSED and found.reason
        assert fault != "a definition of itself" or "has no end" in found.reason
    else:
        witness.search(found.document)  # finds 1 to the powers, or nothing
    assert time.process_time() - start < 20


@pytest.mark.parametrize("number", ["1e999999999", "1" * 50, "0.5", "1/0"])
def test_numbers_of_an_example_are_read_as_the_re_checker_reads_them(number):
    exported = copy.deepcopy(document("exponential-rate"))
    assert witness._own(read(exported)) is not None
    exported["example"]["channels"][0]["symbols"]["k"] = number
    start = time.process_time()
    assert witness._own(read(exported)) is None and time.process_time() - start < 2


def test_a_file_nested_too_deep_is_bad_input(tmp_path):
    for name, text in (("deep", "[" * 100_000), ("cut", json.dumps(stated("fact-c1", right="a"))[:-1])):
        (tmp_path / f"{name}.json").write_text(text)
        with pytest.raises(InputError, match="a proof as JSON"):
            _document(tmp_path / f"{name}.json")
