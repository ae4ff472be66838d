"""Every method of convolution against the library's and against a loop, in all modes of differentiation.

Tolerance. An output is a sum of n = s*s*C products. In one dimension Winograd replaces the three products of an output
by two of one tap with two inputs and, twice over, a half-sum of three taps with two inputs: at most 2 + 2*3 = 8
absolute terms in place of 3, hence (8/3)^2 = 64/9 in two dimensions. Rounding errors of independent sign add like the
square root of their number (Higham & Mary 2019), so results may differ by 4 * (64/9) * sqrt(n + 16) * eps times the
convolution of absolute values: 4 is the margin, 16 the additions of the transforms.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnverify.empirical.networks.convolution import METHODS, choose_method, convolve, design_matrix
from bnverify.errors import InputError

CASES = [((2, 4, 6, 3), (3, 3, 3, 5)), ((3, 2, 2, 4), (3, 3, 4, 6)), ((2, 3, 5, 2), (5, 5, 2, 3)),
         ((2, 1, 1, 2), (1, 1, 2, 4))]  # fmt: skip


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def _usable(method, shape, kernel_shape):
    return method != "winograd" or (kernel_shape[0] == 3 and shape[1] % 2 == 0 and shape[2] % 2 == 0)


OTHERS = [m for m in METHODS if m != "library"]
PAIRS = [(m, *case, "float64") for case in CASES for m in OTHERS if _usable(m, *case)]
PAIRS += [(m, *CASES[0], "float32") for m in OTHERS]


def _sample(*shapes, dtype="float64", seed=0):
    generator = np.random.default_rng(seed)
    return [jnp.asarray(generator.standard_normal(shape), dtype) for shape in shapes]


_convolve = jax.jit(convolve, static_argnames="method")


def _library(x, kernel):
    return _convolve(x, kernel, method="library")


def _loop(x, kernel):
    """Each output a sum over the taps that fall inside: no array operation in common with the methods."""
    n, height, width, _ = x.shape
    size, filters = kernel.shape[0], kernel.shape[3]
    out = np.zeros((n, height, width, filters))
    for a, i, j, d in np.ndindex(*out.shape):
        for p, q in np.ndindex(size, size):
            row, column = i + p - size // 2, j + q - size // 2
            if 0 <= row < height and 0 <= column < width:
                out[a, i, j, d] += sum(x[a, row, column, c] * kernel[p, q, c, d] for c in range(x.shape[3]))
    return out


def _assert_close(actual, expected, terms, magnitude):
    """Compare at 4 * (64/9) * sqrt(terms + 16) * eps * magnitude; see the top of this file."""
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    eps = float(jnp.finfo(expected.dtype).eps)
    tolerance = 4 * 64 / 9 * np.sqrt(terms + 16) * eps * float(jnp.max(magnitude))
    assert tolerance < 0.05 * float(jnp.max(jnp.abs(expected))), "the tolerance would hide a mistake"
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


def _derivatives(method):
    """Jit the value, jvp, vjp and a Hessian-vector product of one method, from (x, kernel, dx, dkernel, weights)."""

    @jax.jit
    def run(x, kernel, dx, dkernel, weights):
        def f(x, kernel):
            return convolve(x, kernel, method=method)

        value, tangent = jax.jvp(f, (x, kernel), (dx, dkernel))
        cotangents = jax.vjp(f, x, kernel)[1](weights)
        curved = jax.grad(lambda *inputs: jnp.sum(jnp.sin(f(*inputs))), argnums=(0, 1))
        return value, tangent, cotangents, jax.jvp(curved, (x, kernel), (dx, dkernel))[1]

    return run


@functools.cache
def _reference(shape, kernel_shape, dtype):
    """Inputs, the library's derivatives of them, and of their absolute values."""
    inputs = _sample(shape, kernel_shape, shape, kernel_shape, (*shape[:3], kernel_shape[3]), dtype=dtype)
    run = _derivatives("library")
    return inputs, run(*inputs), run(*map(jnp.abs, inputs))


@pytest.mark.parametrize(("method", "shape", "kernel_shape", "dtype"), PAIRS)
def test_values_and_derivatives_are_the_librarys(method, shape, kernel_shape, dtype):
    inputs, expected, magnitude = _reference(shape, kernel_shape, dtype)
    actual = _derivatives(method)(*inputs)
    size, _, channels, filters = kernel_shape
    taps, pixels = size * size, shape[0] * shape[1] * shape[2]
    _assert_close(actual[0], expected[0], taps * channels, magnitude[0])
    _assert_close(actual[1], expected[1], 2 * taps * channels, magnitude[1])
    _assert_close(actual[2][0], expected[2][0], taps * filters, magnitude[2][0])
    _assert_close(actual[2][1], expected[2][1], pixels, magnitude[2][1])
    for got, want in zip(actual[3], expected[3], strict=True):
        # chained sums: no bound as simple as above, but a relative one leaves nothing to chance in float64
        scale = float(jnp.abs(want).max())
        assert scale > 1e-2
        np.testing.assert_allclose(got, want, rtol=0, atol=5000 * float(jnp.finfo(dtype).eps) * scale)


@pytest.mark.parametrize("method", METHODS)
def test_a_loop_over_taps_agrees(method):
    x, kernel = _sample((2, 2, 4, 3), (3, 3, 3, 2))
    np.testing.assert_allclose(_convolve(x, kernel, method=method), _loop(x, kernel), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda k: jnp.roll(k, 1, axis=0),
        lambda k: jnp.roll(k, 1, axis=1),
        lambda k: k.transpose(1, 0, 2, 3),
        lambda k: k[::-1, ::-1],
        lambda k: k.at[0, 2].set(0.0),
    ],
    ids=["shifted down", "shifted right", "transposed", "flipped", "a corner lost"],
)
def test_a_spoilt_kernel_is_told_apart(method, spoil):
    x, kernel = _sample((2, 4, 4, 3), (3, 3, 3, 4))
    magnitude = _library(jnp.abs(x), jnp.abs(kernel))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        _assert_close(_convolve(x, spoil(kernel), method=method), _library(x, kernel), 27, magnitude)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.integers(1, 9), st.integers(1, 4),
       st.sampled_from([1, 3, 5]))  # fmt: skip
def test_auto_is_right_for_any_shape(n, height, width, channels, filters, size):
    with jax.enable_x64(True):
        x, kernel = _sample((n, height, width, channels), (size, size, channels, filters))
        tolerance = 1e-13 * float(_library(jnp.abs(x), jnp.abs(kernel)).max())
        expected = _library(x, kernel)
        np.testing.assert_allclose(_convolve(x, kernel), expected, rtol=0, atol=tolerance)
        rows = np.asarray(design_matrix(x, size))
        assert rows.shape == (n * height * width, size * size * channels)
        product = rows @ np.asarray(kernel).reshape(-1, filters)
        np.testing.assert_allclose(product.reshape(expected.shape), expected, rtol=0, atol=tolerance)


def test_the_methods_are_not_one_and_the_same():
    x, kernel = _sample((4, 4, 4, 16), (3, 3, 16, 8), dtype="float32")
    counts = {}
    for method in METHODS:
        text = str(jax.make_jaxpr(functools.partial(convolve, method=method))(x, kernel))
        counts[method] = (text.count("conv_general_dilated"), text.count("dot_general"))
    assert counts == {"library": (1, 0), "patches": (0, 1), "winograd": (0, 16), "dense": (0, 1)}
    assert not np.array_equal(_convolve(x, kernel, method="winograd"), _convolve(x, kernel, method="patches"))


def test_winograd_multiplies_as_little_as_it_says():
    x, kernel = _sample((4, 4, 4, 16), (3, 3, 16, 8))
    equations = jax.make_jaxpr(functools.partial(convolve, method="winograd"))(x, kernel).jaxpr.eqns
    products = [e for e in equations if e.primitive.name == "dot_general"]
    multiplications = sum(e.outvars[0].aval.size * e.invars[0].aval.shape[1] for e in products)
    assert multiplications == 4 * 4 * 4 * 4 * 16 * 8  # 4 in place of 9 a pixel and channel pair


@pytest.mark.parametrize(
    ("shape", "kernel_shape", "dtype", "backend", "expected"),
    [
        ((128, 32, 32, 3), (3, 3, 3, 64), "float32", "cpu", "patches"),
        ((128, 32, 32, 64), (3, 3, 64, 64), "float32", "cpu", "winograd"),
        ((128, 4, 4, 256), (3, 3, 256, 512), "float64", "cpu", "winograd"),
        ((128, 2, 2, 512), (3, 3, 512, 512), "float32", "cpu", "dense"),
        ((8, 2, 2, 512), (3, 3, 512, 512), "float64", "cpu", "patches"),
        ((1, 4, 4, 512), (3, 3, 512, 512), "float32", "cpu", "patches"),
        ((4, 8, 8, 16), (3, 3, 16, 16), "float32", "cpu", "patches"),
        ((128, 5, 4, 64), (3, 3, 64, 64), "float32", "cpu", "patches"),
        ((128, 8, 8, 64), (5, 5, 64, 64), "float32", "cpu", "patches"),
        ((128, 8, 8, 64), (3, 3, 64, 64), "bfloat16", "cpu", "patches"),
        ((128, 2, 2, 512), (3, 3, 512, 512), "float32", "gpu", "library"),
    ],
)
def test_the_rule(shape, kernel_shape, dtype, backend, expected):
    assert choose_method(shape, kernel_shape, jnp.dtype(dtype), backend) == expected


@pytest.mark.parametrize(
    ("shape", "kernel_shape", "dtypes", "method", "message"),
    [
        ((4, 4, 3), (3, 3, 3, 2), "dd", "auto", "four axes"),
        ((1, 4, 4, 3), (3, 3, 3), "dd", "auto", "s odd"),
        ((1, 4, 4, 3), (2, 2, 3, 2), "dd", "auto", "s odd"),
        ((1, 4, 4, 3), (3, 5, 3, 2), "dd", "auto", "s odd"),
        ((1, 4, 4, 3), (3, 3, 4, 2), "dd", "auto", "same number of channels"),
        ((1, 4, 4, 3), (3, 3, 3, 2), "fd", "auto", "one dtype"),
        ((1, 4, 4, 3), (3, 3, 3, 2), "dd", "fourier", "'auto' or one of"),
        ((1, 5, 4, 3), (3, 3, 3, 2), "dd", "winograd", "even height and width"),
        ((1, 4, 4, 3), (5, 5, 3, 2), "dd", "winograd", "3x3 kernel"),
    ],
)
def test_what_cannot_be_convolved_is_refused(shape, kernel_shape, dtypes, method, message):
    x, kernel = jnp.zeros(shape, dtypes[0]), jnp.zeros(kernel_shape, dtypes[1])
    with pytest.raises(InputError) as error:
        convolve(x, kernel, method=method)
    assert message in error.value.expected
    assert error.value.got
    assert error.value.advice


@pytest.mark.parametrize("size", [0, 2])
def test_a_design_matrix_needs_an_odd_size(size):
    with pytest.raises(InputError, match="odd size"):
        design_matrix(jnp.zeros((1, 4, 4, 1)), size)
