"""What cannot be compared is told and has not passed: factors of the loss, large means, numbers beyond the type."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.judgement.assertion import assert_claims, check, measured_layer
from bnverify.empirical.judgement.compile import LOST, TOLERANCES
from bnverify.empirical.judgement.judged import place
from bnverify.empirical.judgement.verdict import evaluate
from bnverify.empirical.measurement.cut import Placed
from bnverify.empirical.measurement.measurement import cut_of, measure_cut
from bnverify.empirical.measurement.settings import exact
from bnverify.empirical.normalization.known import named
from bnverify.errors import InputError
from bnverify.theory import CLAIMS

Y = np.random.default_rng(5).standard_normal((64, 3))
ONE, ZERO = np.ones(3), np.zeros(3)
BATCH = named("batch")


def loss(z):
    return jnp.sum(jnp.tanh(z) ** 3)


def wrong(y, gamma, beta, epsilon):
    return (1 + 1e-6) * BATCH(y, gamma, beta, epsilon)


@pytest.mark.parametrize("factor", [1e200, 1e-300])
def test_a_factor_of_the_loss_changes_no_verdict(factor):
    found = assert_claims(lambda z: factor * loss(z), Y, ONE, ZERO, 1e-5)
    plain = check(loss, Y, ONE, ZERO, 1e-5)
    assert [(v.key, v.points, v.status) for v in found] == [(v.key, v.points, v.status) for v in plain]
    with pytest.raises(AssertionError, match=r"fact-c1: Backward pass[\s\S]*the loss was multiplied by"):
        assert_claims(lambda z: factor * loss(z), Y, ONE, ZERO, 1e-5, layer=wrong)


def test_numbers_without_squares_are_refused():
    with pytest.raises(InputError, match="whose squares are beyond float64"):
        check(loss, 1e160 * Y, ONE, ZERO, 1e-5)
    with pytest.raises(InputError, match="whose square is below float64"):
        check(loss, 1e-160 * Y, ONE, ZERO, 0.0)
    assert_claims(lambda z: jnp.sum(jnp.sin(z)), 1e-100 * Y, ONE, ZERO, 1e-5)


def test_no_point_counts_as_tested_at_which_a_millionth_would_pass():
    """A mean of a million deviations: an offset of a millionth is neither seen nor passed; of 1e3, it is seen."""

    def offset(y, gamma, beta, epsilon):
        return BATCH(y, gamma, beta, epsilon) + 1e-6

    with pytest.raises(AssertionError, match="violated at"):
        assert_claims(loss, 1e3 + Y, ONE, ZERO, 1e-5, layer=offset)
    for layer in (offset, None):
        with pytest.raises(AssertionError, match=r"values .*below rounding|values: not tested"):
            assert_claims(loss, 3e6 + Y, ONE, ZERO, 1e-5, layer=layer)
    assert_claims(loss, 1e4 + Y, ONE, ZERO, 1e-5)
    assert TOLERANCES["float64"]["equality"] < LOST["float64"] <= 1e-6


def test_one_vector_that_is_not_tested_has_not_passed():
    """Of three channels in float32 one has a mean of 1e5, and there alone the values are doubled."""
    y = (Y + np.array([0, 0, 1e5])).astype(np.float32)

    def layer(y, gamma, beta, epsilon):
        z = BATCH(y, gamma, beta, epsilon)
        return z + jax.lax.stop_gradient(z) * jnp.array([0, 0, 1], z.dtype)

    for each in (layer, None):
        with pytest.raises(AssertionError, match=r"values: not tested at 1 of 3 places \(below rounding"):
            assert_claims(loss, y, ONE, ZERO, 1e-5, layer=each, dtype="float32")
    assert_claims(loss, y[:, :2], ONE[:2], ZERO[:2], 1e-5, dtype="float32")


def _gradient_norm(size: float, coefficient: float = 1.0):
    """The verdict on |v|^2 in float32 where g is of a size, measured as in a run; |v|^2 off by a coefficient."""
    with exact():
        y, one, zero = (jnp.asarray(each, jnp.float32) for each in (Y, ONE, ZERO))
        measured = measure_cut(cut_of(lambda z: np.float32(size) * loss(z), y, one, zero, 1e-5), trained=True)
    at = place(measured)
    (quantities,) = at.sites.values()
    quantities["v_v"] = quantities["v_v"] * coefficient
    return evaluate(CLAIMS["theorem-4.1-exact"], at, network="own", dtype="float32")


def test_what_is_too_small_for_the_type_is_below_rounding_and_excuses_nothing_else():
    """Squares of 1e-18 are at the smallest normal number of float32, 1.2e-38, with a sum of 64 of them around 1e-36."""
    small = _gradient_norm(1e-19)
    assert small.points == 0 and small.excluded["below rounding"] == 3
    for size in (1.0, 1e-6, 1e-12):
        assert _gradient_norm(size).status == "holds" and _gradient_norm(size).points == 3
        assert _gradient_norm(size, 1 + 1e-3).violations == 3


def test_derivatives_beyond_the_range_of_the_type_are_no_violation():
    """In float32 with deviation 1e-12 and no epsilon, the second derivative goes through 1e60."""
    y = (1e-12 * Y).astype(np.float32)
    found = check(loss, y, ONE, ZERO, 0.0, dtype="float32")
    assert not any(verdict.violations for verdict in found)
    beyond = {verdict.key for verdict in found if "beyond the range of float32" in verdict.excluded}
    assert "second-derivative" in beyond and "fact-c1" not in beyond

    def broken(y, gamma, beta, epsilon):
        return BATCH(y, gamma, beta, epsilon) + 0 * jnp.sqrt(jnp.abs(y - y))

    assert any(v.violations for v in check(loss, y, ONE, ZERO, 0.0, layer=broken, dtype="float32"))


@pytest.mark.parametrize(
    ("size", "dtype", "beyond"),
    [
        (1e100, "float64", {"second-derivative", "hessian"}),
        (1e104, "float64", {"second-derivative", "fact-c1", "fact-c2", "theorem-4.1-exact"}),
        (1e13, "float32", {"second-derivative", "fact-c1", "fact-c2", "theorem-4.1-exact"}),
        (1e-18, "float32", {"normalised-norm", "values"}),
    ],
)
def test_factors_below_the_range_of_the_type_are_no_violation(size, dtype, beyond):
    """1/s^3 and 1/s^5 of a large s, and squares of small deviations, are no normal numbers: what goes through them is
    counted apart, by name, and not what does not."""
    found = check(loss, (size * Y).astype(dtype), ONE, ZERO, 0.0, dtype=dtype)
    assert not [verdict.key for verdict in found if verdict.violations]
    apart = {verdict.key for verdict in found if f"beyond the range of {dtype}" in verdict.excluded}
    assert beyond <= apart and ("values" in beyond or {"values", "fact-c1-gamma", "normalised-norm"}.isdisjoint(apart))
    assert all(verdict.points for verdict in found if verdict.key == "values" and verdict.key not in beyond)
    if size > 1:
        assert any(verdict.violations for verdict in check(loss, size * Y, ONE, ZERO, 0.0, layer=wrong))


def test_gradients_whose_squares_are_above_the_range_are_no_violation():
    """gamma of 1e60 over a deviation of 1e-96, squared."""
    weights = np.random.default_rng(6).standard_normal(Y.shape)
    found = check(lambda z: jnp.sum(weights * z), 1e-96 * Y, 1e60 * ONE, ZERO, 0.0)
    assert not [verdict.key for verdict in found if verdict.violations]
    assert "beyond the range of float64" in next(v for v in found if v.key == "theorem-4.1").excluded


def test_one_vector_beyond_the_range_has_not_passed():
    """Of three channels one is of 1e104, and there alone v is doubled; its values are compared."""
    y = Y * np.array([1, 1, 1e104])

    def layer(y, gamma, beta, epsilon):
        return BATCH(y + jnp.array([0.0, 0.0, 1.0]) * (y - jax.lax.stop_gradient(y)), gamma, beta, epsilon)

    for each in (layer, None):
        with pytest.raises(AssertionError, match=r"gradient: not tested at 1 of 3 places \(beyond the range of"):
            assert_claims(loss, y, ONE, ZERO, 1e-5, layer=each)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_nothing_at_usual_sizes_is_beyond_the_range(dtype):
    for size in (1e-6, 1.0, 1e4):
        found = check(lambda z: 1e-6 * loss(z), (size * Y).astype(dtype), ONE, ZERO, 1e-5, dtype=dtype)
        assert not [verdict.key for verdict in found if f"beyond the range of {dtype}" in verdict.excluded]


def test_observation_4_3_speaks_of_no_gamma_that_is_nearly_s():
    """gamma is s up to epsilon's half, or beta is mu up to a rounding of s that is larger than y."""
    for y in (1e-3 * Y, 1e-11 * Y + 1.6e-7):
        found = check(loss, y.astype(np.float32), ONE, ZERO, 1.0, dtype="float32")
        assert next(verdict for verdict in found if verdict.key == "observation-4.3").points == 0


def test_a_cut_times_a_factor_has_both_derivatives_times_it():
    cut = cut_of(loss, jnp.asarray(Y), jnp.asarray(ONE), jnp.asarray(ZERO), 1e-5)
    along = np.ones((1, *Y.shape))
    twice = cut.times(2.0)
    assert np.array_equal(twice.gradient(cut.y), 2 * np.asarray(cut.gradient(cut.y)))
    assert np.array_equal(twice.curved(cut.y, along), 2 * np.asarray(cut.curved(cut.y, along)))
    assert isinstance(twice.norm, Placed) and measured_layer(loss, Y, ONE, ZERO, 1e-5).factor == 1


@pytest.mark.parametrize(
    ("normalizer", "shape"),
    [("layer", (2, 1)), pytest.param("layer", (4, 1, 1), marks=pytest.mark.slow), ("batch", (1, 1))],
)
def test_one_value_a_vector_is_beta_and_nothing_comes_back(normalizer, shape):
    y, given = np.random.default_rng(5).standard_normal(shape) + 3, (np.array([1.5]), np.array([0.2]), 1e-5)
    options = {"normalizer": normalizer}
    found = assert_claims(lambda z: jnp.sum(jnp.sin(z)), y, *given, **options)
    assert {"values", "normalizer-backward"} & {verdict.key for verdict in found if verdict.points}
    with pytest.raises(AssertionError):
        assert_claims(lambda z: jnp.sum(jnp.sin(z)), y, *given, layer=lambda y, g, b, e: g * y + b, **options)


def test_a_constant_channel_with_an_epsilon_is_tested():
    y = Y.copy()
    y[:, 1] = 0.3
    assert_claims(loss, y, ONE, np.array([0.1, 0.2, 0.3]), 1e-5)

    def broken(y, gamma, beta, epsilon):
        return BATCH(y, gamma, beta, epsilon) + jnp.array([0, 1e-6, 0])

    with pytest.raises(AssertionError, match="violated"):
        assert_claims(loss, y, ONE, np.array([0.1, 0.2, 0.3]), 1e-5, layer=broken)
