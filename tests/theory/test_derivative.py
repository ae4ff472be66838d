"""Differentiation along a line, against calculus done by hand."""

import pytest
import sympy as sp

from bnverify.theory import (
    BATCH,
    ONE,
    Functional,
    SelfAdjoint,
    Vector,
    W,
    X,
    Y,
    centre,
    derivative,
    gradient,
    hessian,
    in_normalised_coordinates,
    is_zero,
    jacobian,
    m,
    representer,
    trace,
    variance,
)  # fmt: skip

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


def test_jacobian_and_hessian_are_linear_maps():
    """Of any expression of the algebra: the variance has Hessian 2 C/m, of trace 2 (m - 1)/m."""
    second = hessian(variance(Y), Y)
    assert is_zero(second(W) - 2 / m * centre(W))
    assert is_zero(second.trace - 2 * (m - 1) / m)
    first = jacobian(centre(Y), Y)
    assert is_zero(first(X) - centre(X)) and is_zero(first.trace - (m - 1))
    assert "x" in repr(first) and first._repr_latex_().startswith("$")


def test_jacobian_of_batch_norm_agrees_with_the_normaliser():
    direct = in_normalised_coordinates(jacobian(BATCH.raw, Y)(X))
    assert is_zero(direct - BATCH.jacobian(X)) and not is_zero(direct + BATCH.jacobian(X))


def test_trace_of_a_named_operator_is_refused():
    with pytest.raises(ValueError, match="linear map without named operators"):
        trace(lambda x: H(x) + (ONE @ H(x)) * Y)
