"""Differentiation along a line, against calculus done by hand."""

import pytest
import sympy as sp

from theory import Functional, SelfAdjoint, Vector, derivative, gradient, is_zero, representer

y, v, w, g = (Vector.atom(name) for name in "yvwg")
H = SelfAdjoint("H")


def test_quadratic_form():
    assert is_zero(derivative(y.squared, y, v) - 2 * (y @ v))
    assert is_zero(derivative(y.squared, y, (v, w)) - 2 * (w @ v))
    assert gradient(y.squared, y).equals(2 * y)
    assert gradient(y @ H(y), y).equals(2 * H(y))


def test_norm():
    norm = sp.sqrt(y.squared)
    assert gradient(norm, y).equals(y / norm)
    second = derivative(norm, y, (v, v))
    assert sp.simplify(second - (v.squared / norm - (y @ v) ** 2 / norm**3)) == 0


def test_product_rule_for_vectors():
    assert derivative((y @ g) * y, y, v).equals((v @ g) * y + (y @ g) * v)


def test_chain_rule_of_a_functional():
    loss = Functional(g, H)
    assert loss.along(v) == g @ v
    assert loss.along2(v, w, y) == v @ H(w) + g @ y


def test_representer_refuses_what_is_not_linear():
    assert representer((w @ g) * 3 + w @ H(v), w).equals(3 * g + H(v))
    with pytest.raises(ValueError, match="linear in w"):
        representer((w @ g) ** 2, w)
    with pytest.raises(ValueError, match="linear in w"):
        representer(w @ g + 1, w)
