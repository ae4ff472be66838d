"""Expressions in LaTeX: what is printed is what was proved, and breaking it changes nothing but the breaks."""

import re

import pytest
import sympy as sp

from bnverify.reports.document import formula
from bnverify.theory import AUDIT, CLAIMS, QUANTITIES, SelfAdjoint, Vector
from bnverify.theory.algebra.vectors import Atom, PairSum


def statement(key):
    claim = CLAIMS[key]
    return formula.relation(claim.left, formula.SIGNS[claim.relation], claim.right)


def signs(pieces):
    """What is printed, without brackets' sizes and spaces."""
    return re.sub(r"\\[bB]igg?[lr]|\s", "", "".join(pieces))


def test_theorem_4_1_reads_as_in_print():
    assert statement("theorem-4.1") == (
        r"\lVert v\rVert^{2}",
        r"\le \frac{\gamma^{2}}{s^{2}}\Bigl(\lVert g\rVert^{2} - \frac{\langle \mathbf 1, g\rangle^{2}}{m} - "
        r"\frac{a^{2}}{m}\Bigr)",
    )


@pytest.mark.parametrize("key", CLAIMS)
def test_a_bound_is_printed_as_one_and_an_equality_as_one(key):
    printed = " ".join(statement(key))
    assert (r"\le " in re.sub(r"\\max_\{[^}]*\\le[^}]*\}", "", printed)) == (CLAIMS[key].relation == "<=")
    assert ("= " in printed.replace("1[", "")) == (CLAIMS[key].relation == "==")


LETTERS = {
    "rho": r"\rho", "s": "s", "gamma": r"\gamma", "beta": r"\beta", "mu": r"\mu", "m": "m",
    "g_g": r"\lVert g\rVert^{2}", "v_v": r"\lVert v\rVert^{2}", "one_g": r"\langle \mathbf 1, g\rangle",
    "layer_u_H_u": r"\mathbf u^{\top} H \mathbf u",
}  # fmt: skip


@pytest.mark.parametrize(("name", "shown"), LETTERS.items())
def test_every_quantity_has_its_own_letter(name, shown):
    assert formula.latex(QUANTITIES[name].symbol) == shown


def test_no_two_quantities_of_a_claim_share_a_letter():
    for claim in CLAIMS.values():
        shown = [formula.latex(QUANTITIES[name].symbol) for name in claim.quantities]
        assert len(shown) == len(set(shown)), claim.key


def test_the_coefficients_of_the_printed_statement_are_those_of_the_claim():
    """Every coefficient of a layer's curvature, read back from what is printed."""
    printed = "".join(statement("theorem-4.2-layer-exact"))
    assert r"\frac{3 \gamma^{3} (1 - \rho)^{2} a^{3}}{m^{2} s^{4}}" in printed
    assert r"- \frac{\gamma a \lVert v\rVert^{2}}{m s^{2}}" in printed
    assert r"- \frac{2 \gamma^{2} (1 - \rho) a \langle g, v\rangle}{m s^{3}}" in printed


def test_a_is_an_abbreviation_with_its_definition_in_the_notation():
    assert formula.latex(QUANTITIES["a"].symbol) == "a"
    assert formula.symbol("a") == r"a = \langle g, \hat y\rangle"
    assert formula.relation(QUANTITIES["a"].symbol, ">", sp.Integer(0), spelled=True) == (
        r"\langle g, \hat y\rangle", "> 0",
    )  # fmt: skip


def test_breaking_changes_nothing_but_the_breaks(monkeypatch):
    keys = ("theorem-4.1", "hessian", "theorem-4.2-layer-exact", "normalizer-curvature", "theorem-4.4-layer-bound")
    claims = [CLAIMS[key] for key in keys]
    expressions = [(step.left, step.right) for claim in claims for step in claim.prove()]
    monkeypatch.setattr(formula, "LONG", 20)
    narrow = [formula.relation(left, "=", right) for left, right in expressions]
    monkeypatch.setattr(formula, "LONG", 10**6)
    wide = [formula.relation(left, "=", right) for left, right in expressions]
    assert [signs(pieces) for pieces in narrow] == [signs(pieces) for pieces in wide]
    assert sum(len(one) > len(other) for one, other in zip(narrow, wide, strict=True)) >= 3


def test_a_vector_in_a_certificate_is_its_squared_norm_and_a_gram_determinant_is_named():
    ((_, factor, _), _) = CLAIMS["normalizer-worst-factor"].prove().certificate.terms
    ((gram,),) = CLAIMS["normalizer-worst-factor-floor"].prove().certificate.terms
    assert formula.certificate(((factor,),)) == (r"\lVert \hat y\rVert^{2}",)
    assert formula.certificate(((gram,),)) == (r"\operatorname{Gram}(n, \hat y)",)
    assert formula.certificate(((factor, sp.Integer(2)), (sp.Symbol("q"),))) == (
        r"\lVert \hat y\rVert^{2}", r"\cdot 2", "+ q",
    )  # fmt: skip


def test_names_of_several_letters_are_closed_before_an_index_or_a_transposition():
    pair = PairSum(Atom("p", latex=r"\hat y_{+}", entrywise=True))
    assert formula.latex(pair) == r"\sum_{i\neq k} (\hat y_{+})_i\, (\hat y_{+})_k"
    moved, hessian = Vector.atom("Av", latex="Av"), SelfAdjoint("H")
    longer = Vector.atom("XXw", latex=r"XX^{\top}w")  # a name of its own: how a vector is written is no part of it
    assert formula.latex(moved @ hessian(moved)) == r"Av^{\top} H Av"
    assert formula.latex(longer @ hessian(longer)) == r"(XX^{\top}w)^{\top} H XX^{\top}w"


def test_an_indicator_is_one_in_brackets():
    relation = AUDIT["notes-c.2"].evidence.relation
    assert r"1[\langle w, x\rangle = \frac{1}{m}]" in "".join(formula.relation(relation.lhs, "=", relation.rhs))


def test_powers_of_norms_have_one_exponent():
    v = Vector.atom("v")
    assert formula.latex((v @ v) ** 2) == r"\lVert v\rVert^{4}"
    assert formula.latex(QUANTITIES["design_norm2"].symbol ** 2) == r"\lambda^{4}"
