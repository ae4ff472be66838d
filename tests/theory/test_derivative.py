"""Differentiation along a line, against calculus done by hand."""

import pytest
import sympy as sp

from bnverify.theory import (
    BATCH,
    ONE,
    Functional,
    G,
    Normalizer,
    SelfAdjoint,
    V,
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
    mu,
    representer,
    rho,
    trace,
    variance,
)  # fmt: skip

y, v, w, g = (Vector.atom(name) for name in ("y", "v", "w", "constant"))
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


def test_a_symbol_named_like_the_parameter_of_the_line_is_a_constant():
    t = sp.Symbol("t", real=True)
    assert derivative(t * (Y @ Y), Y, X) == 2 * t * (X @ Y)


def test_a_vector_named_like_a_probe_is_not_captured():
    probe = Vector.atom("w_gradient")
    assert gradient(probe @ y, y).equals(probe) and jacobian((probe @ y) * y, y)(v).equals(
        (probe @ v) * y + (probe @ y) * v
    )


def test_directions_are_constants_even_where_they_contain_the_point():
    slope = gradient((Y @ Y) ** 2, Y)
    assert sp.expand(derivative((Y @ Y) ** 2, Y, (slope, slope)) - 192 * (Y @ Y) ** 4) == 0
    assert sp.expand(derivative((Y @ Y) ** 2, Y, slope) - 16 * (Y @ Y) ** 3) == 0


@pytest.mark.parametrize(
    "f",
    [
        G @ Y, V @ Y, BATCH.backward, BATCH.backward.squared, mu * (Y @ Y), rho * Y, sp.Symbol("s", positive=True) * Y,
        sp.Sum(sp.Symbol("i") * (Y @ Y), (sp.Symbol("i"), 1, 3)), sp.Indexed("a", 1) * (Y @ Y),
        sp.Function("f")(Y @ Y), sp.Trace(sp.MatrixSymbol("A", 2, 2)) + Y @ Y,
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_visible_function_of_y_is_refused(f):
    with pytest.raises(ValueError, match="expected"):
        derivative(f, Y, X)


@pytest.mark.parametrize("scale", [lambda y: sp.sqrt(y.squared + mu**2), lambda y: sp.sqrt(y.squared) + rho])
def test_a_scale_written_with_a_moment_is_refused(scale):
    with pytest.raises(ValueError, match="changes with y"):
        print(Normalizer("hidden", False, scale).n)


def test_scalars_and_vectors_are_not_confused():
    for wrong in (lambda: jacobian(y.squared, y), lambda: gradient(y, y), lambda: y @ 3, lambda: H(3)):
        with pytest.raises(TypeError, match="expected"):
            wrong()


@pytest.mark.parametrize("names", [("a", "z"), ("z", "a")])
def test_trace_does_not_depend_on_names(names):
    """Of u <w, .> it is <u, w>; with an operator on the argument, <u, A w>."""
    left, right = map(Vector.atom, names)
    operator = SelfAdjoint("M")
    assert trace(lambda x: (right @ x) * left) == left @ right
    assert trace(lambda x: (right @ operator(x)) * left) == left @ operator(right)
    assert trace(lambda x: 3 * x + 2 * (right @ x) * left) == 3 * m + 2 * (left @ right)


def test_the_order_of_what_is_read_off_does_not_depend_on_a_name_made_up():
    """The direction is named by a counter of the process: its hash, and that of a product with it, is another each
    time, and what is printed must not be."""
    orders = set()
    for number in range(60):
        w = Vector.atom(f"direction_{number}")
        read = representer(2 * (ONE @ w) + 3 * (G @ w) + 5 * (Y @ w) + 7 * (X @ w) + (V @ w), w)
        orders.add(tuple(atom.name for atom in read.terms))
    assert len(orders) == 1 and len(orders.pop()) == 5
