"""The inner-product algebra obeys the rules of R^m, checked against explicit vectors."""

import copy

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from bnverify.theory import ONE, YHAT, Atom, Inner, SelfAdjoint, Vector, is_zero, m, rho, substitute
from bnverify.theory.algebra.vectors import PairSum

u, v, y = (Vector.atom(name) for name in "uvy")
H = SelfAdjoint("H")
rationals = st.fractions(min_value=-5, max_value=5, max_denominator=7).map(
    lambda q: sp.Rational(q.numerator, q.denominator)
)


def test_inner_product_is_symmetric_bilinear_and_knows_one():
    assert u @ v == v @ u
    assert m == ONE @ ONE
    assert is_zero((2 * u + 3 * v) @ y - 2 * (u @ y) - 3 * (v @ y))
    assert not is_zero((2 * u + 3 * v) @ y - 2 * (u @ y) - 2 * (v @ y))


def test_self_adjoint_operator():
    assert u @ H(v) == v @ H(u) == H(u) @ v
    assert (u @ H(v)) != (u @ SelfAdjoint("K")(v))
    assert is_zero((u + v) @ H(u + v) - u @ H(u) - v @ H(v) - 2 * (u @ H(v)))


def test_declared_facts_are_used():
    assert YHAT @ ONE == 0
    assert rho * m == YHAT @ YHAT
    assert Vector.atom("q", nonzero=True).squared.is_positive
    assert u.squared.is_nonnegative and u.squared.is_positive is None


@settings(max_examples=30, deadline=None)
@given(st.lists(rationals, min_size=9, max_size=9), rationals, rationals)
def test_agrees_with_explicit_vectors(entries, c, d):
    explicit = {
        "u": sp.Matrix(entries[:3]),
        "v": sp.Matrix(entries[3:6]),
        "y": sp.Matrix(entries[6:]),
        "1": sp.ones(3, 1),
    }

    def value(expression):
        return expression.xreplace(
            {p: explicit[p.args[0].name].dot(explicit[p.args[1].name]) for p in expression.atoms(Inner)}
        ).subs(m, 3)

    combined = c * explicit["u"] + d * explicit["v"] - explicit["1"]
    assert value((c * u + d * v - ONE) @ (y - 2 * u)) == combined.dot(explicit["y"] - 2 * explicit["u"])


def test_substitution_reaches_below_operators():
    assert substitute(u @ H(u), {u: 2 * v}) == 4 * (v @ H(v))
    assert substitute(u, {u: v + ONE}) == v + ONE


def test_errors_say_what_to_do():
    assert sp.Symbol("u") != u
    with pytest.raises(TypeError, match="write `u @ v`"):
        u * v
    with pytest.raises(TypeError, match="two atoms"):
        Inner(sp.Symbol("q"), Atom("u"))


def test_vectors_survive_copying_and_print():
    assert copy.deepcopy(YHAT) == YHAT
    assert "hat y" in (2 * YHAT)._repr_latex_()
    assert sp.latex(u @ u) == r"\lVert u\rVert^{2}"


@pytest.mark.parametrize("name", ["A", "z"])
def test_operators_move_across_whatever_they_are_called(name):
    first, second = SelfAdjoint(name), SelfAdjoint("K")
    assert u @ first(second(v)) == first(u) @ second(v) == second(first(u)) @ v
    assert u @ first(second(v)) != u @ second(first(v))
    assert first(u) @ first(u) == u @ first(first(u)) and (u @ first(first(u))).is_nonnegative


def test_facts_belong_to_the_identity():
    """A second declaration with other facts is another vector, and takes nothing from the first."""
    unit, plain = Vector.atom("p", norm2=1), Vector.atom("p")
    assert unit.squared == 1 and plain.squared.is_positive is None and unit != plain
    assert SelfAdjoint("K", nonnegative=True) != SelfAdjoint("K")
    assert (u @ SelfAdjoint("K")(u)).is_nonnegative is None


@pytest.mark.parametrize("name", ["", "a b", "<g, g>", "\N{MICRO SIGN}", "g\n", "a-b", "\u2028", "9", "H v"])
def test_names_are_plain(name):
    for declare in (Vector.atom, SelfAdjoint):
        with pytest.raises(ValueError, match="ASCII"):
            declare(name)


def test_vectors_of_two_spaces_do_not_meet():
    with pytest.raises(TypeError, match="one space"):
        Vector.atom("weights", space="n") @ u


def test_square_of_a_pair_sum_is_printed_as_a_square():
    assert r"\right)^{2}" in sp.latex(PairSum(Atom("p")) ** 2)
