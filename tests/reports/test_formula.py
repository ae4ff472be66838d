"""Expressions in LaTeX: readable, unchanged in value, within the width, and parsable by matplotlib."""

import re

import pytest

from bnverify.reports import formula
from bnverify.reports.pages import parses
from bnverify.reports.theory_chapters import ROOM, statement
from bnverify.theory import AUDIT, CLAIMS, QUANTITIES, SelfAdjoint, Vector
from bnverify.theory.algebra.vectors import Atom, PairSum

NARROW = 120.0


def expressions():
    for claim in CLAIMS.values():
        yield claim.left, claim.right
        for step in claim.prove():
            yield step.left, step.right


def symbols(rows):
    """What is printed, without brackets' sizes, line breaks and spaces."""
    text = "".join(row.lead + row.body for row in rows)
    return re.sub(r"\\quad|\\[bB]igg?[lr]|\s", "", text)


def test_theorem_4_1_reads_as_in_print():
    (row,) = statement(CLAIMS["theorem-4.1"])
    assert row.lead == r"\lVert v\rVert^{2}"
    assert row.body == (
        r"\le \frac{\gamma^{2}}{s^{2}}\Bigl(\lVert g\rVert^{2} - \frac{\langle \mathbf 1, g\rangle^{2}}{m} - "
        r"\frac{a^{2}}{m}\Bigr)"
    )


def test_a_is_an_abbreviation_with_its_definition_in_the_notation():
    assert formula.latex(QUANTITIES["a"].symbol) == "a"
    assert formula.symbol("a") == r"a = \langle g, \hat y\rangle"


def test_rows_fit_and_breaking_changes_nothing_but_the_breaks():
    broken = 0
    for left, right in expressions():
        wide, narrow = formula.rows(left, "=", right, 4000.0), formula.rows(left, "=", right, ROOM)
        assert symbols(wide) == symbols(narrow)
        assert all(formula.width(row.lead) + formula.width(row.body) <= ROOM for row in narrow)
        broken += len(narrow) > len(wide)
    assert broken >= 5


def test_a_narrow_page_opens_brackets():
    claim = CLAIMS["theorem-4.1"]
    rows = formula.rows(claim.left, "=", claim.right, NARROW)
    assert len(rows) > 1
    assert all(formula.width(row.body) <= NARROW for row in rows)


def test_matplotlib_sets_every_row():
    for left, right in expressions():
        for row in formula.rows(left, "=", right, ROOM):
            for part in filter(None, row):
                assert parses(f"${formula.to_mathtext(part)}$"), part


def certificates():
    for claim in CLAIMS.values():
        certificate = claim.prove().certificate
        if certificate is not None:
            yield certificate


def test_certificates_fit_and_are_broken_where_they_are_long():
    rows = [formula.certificate_rows(certificate.terms, ROOM) for certificate in certificates()]
    assert len(rows) >= 8
    for row in (row for display in rows for row in display):
        assert formula.width(row.body) <= ROOM
        assert parses(f"${formula.to_mathtext(row.body)}$"), row.body
    assert any(len(display) > 1 for display in rows)


def test_a_vector_in_a_certificate_is_its_squared_norm():
    ((factor, *_), *_) = CLAIMS["normalizer-worst-factor-floor"].prove().certificate.terms
    (row,) = formula.certificate_rows(((factor,),), ROOM)
    assert row.body == r"\lVert \hat y\rVert^{2}"


def test_names_of_several_letters_are_closed_before_an_index_or_a_transposition():
    pair = PairSum(Atom("p", latex=r"\hat y_{+}", entrywise=True))
    assert formula.latex(pair) == r"\sum_{i\neq k} (\hat y_{+})_i\, (\hat y_{+})_k"
    moved, hessian = Vector.atom("Av", latex="Av"), SelfAdjoint("H")
    longer = Vector.atom("XXv", latex=r"XX^{\top}v")
    assert formula.latex(moved @ hessian(moved)) == r"Av^{\top} H Av"
    assert formula.latex(longer @ hessian(longer)) == r"(XX^{\top}v)^{\top} H (XX^{\top}v)"


def test_an_indicator_is_one_in_brackets():
    relation = AUDIT["c.2-misprint"].relation
    (row,) = formula.rows(relation.lhs, "=", relation.rhs, ROOM)
    assert r"1[\langle w, x\rangle = \frac{1}{m}]" in row.body


def test_powers_of_norms_have_one_exponent():
    v = Vector.atom("v")
    assert formula.latex((v @ v) ** 2) == r"\lVert v\rVert^{4}"
    assert formula.latex(QUANTITIES["design_norm2"].symbol ** 2) == r"\lambda^{4}"


def test_spelled_out_nothing_is_abbreviated():
    a = QUANTITIES["a"].symbol
    assert formula.rows(a, ">", 0, ROOM, spelled=True) == [formula.Row(r"\langle g, \hat y\rangle", "> 0")]
    assert formula.rows(a, ">", 0, ROOM) == [formula.Row("a", "> 0")]


def test_the_translation_to_mathtext_is_needed():
    assert not parses(r"$\lVert v\rVert$")
    assert parses("$" + formula.to_mathtext(r"\lVert v\rVert") + "$")


@pytest.mark.parametrize("key", CLAIMS)
def test_both_sides_appear_in_the_statement(key):
    claim = CLAIMS[key]
    printed = symbols(statement(claim))
    assert symbols([formula.Row("", formula.latex(claim.left))]) in printed
