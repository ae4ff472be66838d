"""Layers, losses and sessions as users have them: what is judged, what is named as not tested, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.judgement.assertion import assert_claims, check, measured_layer
from bnverify.empirical.measurement.cut import Cut, Foreign, Placed, Running
from bnverify.empirical.measurement.probes import random_tests
from bnverify.empirical.normalization.normalizers import BATCH, NORMALIZATIONS
from bnverify.errors import InputError

Y = np.random.default_rng(5).standard_normal((64, 3))
ONE, ZERO = np.ones(3), np.zeros(3)


def cubed(z):
    return (jnp.tanh(z) ** 3).sum()


def square(z):
    return (z**2).sum()


def mean_square(z):
    return (z**2).mean()


def nothing(z):
    return (0 * z).sum()


def bn(y, gamma, beta, epsilon):
    return gamma * (y - y.mean(0)) / jnp.sqrt(y.var(0) + epsilon) + beta


@pytest.mark.parametrize(
    ("loss", "y", "epsilon"),
    [
        (jnp.sum, Y, 1e-5), (square, 10 * Y, 1e-5), (mean_square, Y, 1e-8), (mean_square, Y, 0.0),
        (square, Y + 450, 1e-5), (cubed, Y + 1e6, 1e-5), (cubed, 1e-9 * Y, 1e-5), (cubed, 1e-9 * (Y + 1e3), 0.0),
    ],
)  # fmt: skip
def test_rounding_is_no_violation(loss, y, epsilon):
    """Gradients that cancel to nothing, means far from zero, deviations below epsilon's root."""
    found = assert_claims(loss, y, ONE, ZERO, epsilon)
    assert max(verdict.worst for verdict in found if verdict.points) < 1e-14
    assert {"fact-c1", "theorem-4.1-exact", "values"} <= {verdict.key for verdict in found if verdict.points}


def test_a_loss_of_rounding_still_finds_a_wrong_layer():
    for loss in (jnp.sum, mean_square):
        with pytest.raises(AssertionError, match="violated"):
            assert_claims(loss, Y, ONE, ZERO, 1e-5, layer=lambda *a: (1 + 1e-6) * bn(*a))


def test_what_is_below_rounding_is_named_and_not_counted():
    found = {verdict.key: verdict for verdict in check(cubed, Y + 1e12, ONE, ZERO, 1e-5)}
    assert found["fact-c1"].excluded == {"below rounding": 3} and found["fact-c1"].points == 0


@pytest.mark.parametrize("seed", range(3))
def test_test_vectors_are_nobodys_data(seed):
    drawn = random_tests(Y, seed)
    for vector in (drawn.w, drawn.x):
        for theirs in range(3):
            data = np.random.default_rng(theirs).standard_normal(Y.shape)
            assert abs((vector * data).sum()) < 0.5 * (data**2).sum()
    assert not np.array_equal(random_tests(Y, 0).w, random_tests(Y, 1).w)


def test_an_assertion_that_tested_nothing_of_the_gradient_fails():
    with pytest.raises(AssertionError, match=r"nothing about the gradient was tested .*all terms zero"):
        assert_claims(nothing, Y, ONE, ZERO, 1e-5)
    with pytest.raises(AssertionError, match="values: The layer returns"):
        assert_claims(nothing, Y, ONE, ZERO, 1e-5, layer=lambda y, g, b, e: bn(y, g, b, e) * (63 / 64) ** 0.5)


def test_nan_out_of_numbers_is_a_violation_and_nan_in_is_bad_input():
    constant = np.where(np.arange(3) == 1, 1234567.89, Y)

    def one_pass(y, gamma, beta, epsilon):
        variance = (y * y).mean(0) - y.mean(0) ** 2 - 1e-3
        return gamma * (y - y.mean(0)) / jnp.sqrt(variance + epsilon) + beta

    with pytest.raises(AssertionError, match=r"left nan, .*residual inf"):
        assert_claims(cubed, constant, ONE, ZERO, 1e-5, layer=one_pass)
    with pytest.raises(InputError, match=r"1 values of y that are NaN"):
        check(cubed, np.where(np.arange(192).reshape(64, 3) == 7, np.nan, Y), ONE, ZERO, 1e-5)


def _numpy_bn(wrong=0.0):
    def forward(y, gamma, beta):
        return gamma * (y - y.mean(0)) / np.sqrt(y.var(0) + 1e-5) + beta

    def backward(y, gamma, beta, g):
        s = np.sqrt(y.var(0) + 1e-5)
        yhat = (y - y.mean(0)) / s
        v = gamma / s * (g - g.mean(0) - (1 + wrong) * yhat * (g * yhat).mean(0))
        return v, (g * yhat).sum(0), g.sum(0)

    return Foreign(forward, backward)


def _foreign(wrong=0.0, **options):
    placed = Placed(BATCH, 1.5 * ONE, ZERO + 0.5, 1e-5, foreign=_numpy_bn(wrong))
    return Cut(Y, placed, gradient=lambda z: 3 * np.tanh(z) ** 2 / np.cosh(z) ** 2, **options)


def test_a_layer_of_two_functions_of_arrays_is_judged_as_far_as_they_go():
    found = assert_claims(_foreign())
    tested = {verdict.key for verdict in found if verdict.points}
    assert {"values", "fact-c1", "fact-c2", "theorem-4.1-exact", "gamma-gradient", "invariance-shift"} <= tested
    assert "hessian" not in tested
    with pytest.raises(InputError, match="cannot be differentiated"):
        check(_foreign(), claims="hessian")
    with pytest.raises(AssertionError, match=r"fact-c1: [\s\S]*not tested: the layer"):
        assert_claims(_foreign(1e-6))


def test_a_cut_must_reproduce_the_loss():
    value = float((np.tanh(_numpy_bn().forward(Y, 1.5 * ONE, ZERO + 0.5)) ** 3).sum())
    assert_claims(_foreign(loss=lambda z: (np.tanh(z) ** 3).sum(), value=value), claims="fact-c1")
    with pytest.raises(InputError, match="cannot be cut there"):
        check(_foreign(loss=lambda z: 0.0, value=value))


@pytest.mark.parametrize("unbiased", [False, True])
def test_running_statistics_are_measured(unbiased):
    before = np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 3.0])

    def after(weight, factor):
        new = Y.mean(0), Y.var(0) * factor
        return [(1 - weight) * old + weight * batch for old, batch in zip(before, new, strict=True)]

    right, other = (64 / 63, 1.0) if unbiased else (1.0, 64 / 63)
    keys = ["running-mean", "running-variance-unbiased" if unbiased else "running-variance"]
    assert_claims(_foreign(running=Running(0.1, unbiased, *before, *after(0.1, right))), claims=keys)
    for weight, factor in ((0.9, right), (0.1, other), (0.1 + 1e-6, right)):
        with pytest.raises(AssertionError, match="running-"):
            assert_claims(_foreign(running=Running(0.1, unbiased, *before, *after(weight, factor))), claims=keys)


def test_a_backward_pass_that_cannot_be_differentiated_is_judged_by_its_values_and_gradients():
    @jax.custom_vjp
    def layer(y, gamma, beta, epsilon):
        return bn(y, gamma, beta, epsilon)

    def backward(kept, g):
        shapes = tuple(jax.ShapeDtypeStruct(each.shape, each.dtype) for each in kept[:3])
        return *jax.pure_callback(
            lambda y, gamma, g: _numpy_bn().backward(y, gamma, None, g), shapes, *kept[:2], g
        ), None

    layer.defvjp(lambda *a: (bn(*a), a), backward)
    found = assert_claims(cubed, Y, ONE, ZERO, 1e-5, layer=layer)
    tested = {verdict.key for verdict in found if verdict.points}
    assert {"values", "fact-c1", "gamma-gradient"} <= tested and "theorem-4.2-exact" not in tested
    assert "the layer" in measured_layer(cubed, Y, ONE, ZERO, 1e-5, layer=layer).missing


def test_strict_sessions_are_no_obstacle():
    with jax.debug_nans(True), jax.numpy_rank_promotion("raise"), jax.transfer_guard("disallow"):
        found = check(cubed, Y, ONE, ZERO, 1e-5, claims="fact-c1")
    assert [verdict.key for verdict in found] == ["fact-c1"] and found[0].points == 3


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((cubed, Y.T, ONE, ZERO, 1e-5), {}, r"the channel is on axis 0: pass jnp.moveaxis\(y, 0, -1\)"),
        ((cubed, Y.reshape(8, 3, 8), ONE, ZERO, 1e-5), {}, r"the channel is on axis 1"),
        ((cubed, Y, None, ZERO, 1e-5), {}, r"gamma None [\s\S]*jnp.ones\(3\)"),
        ((cubed, Y, ONE, None, 1e-5), {}, r"beta None [\s\S]*jnp.zeros\(3\)"),
        ((cubed, Y, ONE, ZERO, 1e-5), {"normalizer": "batch-renorm"}, "batch-renorm without what it is corrected by"),
        ((cubed, Y, ONE, ZERO, 1e-5), {"dtype": "bfloat16"}, "dtype 'bfloat16'"),
    ],
)
def test_what_cannot_be_measured_is_said(arguments, options, message):
    with pytest.raises(InputError, match=message):
        check(*arguments, **options)


def test_a_layer_by_another_name_is_recognised():
    tokens = np.random.default_rng(6).standard_normal((4, 5, 8))
    layer = NORMALIZATIONS["token-layer"]
    arguments = cubed, tokens, np.ones(8), np.zeros(8), 1e-5
    assert_claims(*arguments, normalizer="token-layer", layer=layer)
    with pytest.raises(AssertionError, match="hint: its values are those of normalizer='token-layer'"):
        assert_claims(*arguments, normalizer="layer", layer=layer)
    with pytest.raises(AssertionError, match="hint: its values are those of batch norm with the unbiased variance"):
        assert_claims(
            cubed, Y, ONE, ZERO, 1e-5, layer=lambda y, g, b, e: (y - y.mean(0)) / (y.var(0, ddof=1) + e) ** 0.5
        )


def test_rounding_inside_a_layer_is_said():
    def narrow(y, gamma, beta, epsilon):
        return bn(y, gamma, beta, epsilon).astype(jnp.float32).astype(y.dtype)

    with pytest.raises(AssertionError, match=r"hint: it rounds float64 to float32 inside"):
        assert_claims(cubed, Y, ONE, ZERO, 1e-5, layer=narrow)
    found = assert_claims(cubed, Y, ONE, ZERO, 1e-5, layer=bn, dtype="float32")
    assert {verdict.dtype for verdict in found} == {"float32"}


def test_batch_renormalisation_has_its_inference_form_tested():
    context = (jnp.asarray(Y.mean(0) + 0.1), jnp.asarray(Y.std(0) * 1.2)), 3.0, 5.0
    found = assert_claims(cubed, Y, ONE, ZERO, 1e-5, normalizer="batch-renorm", context=context)
    assert {"renorm-inference", "values", "gamma-gradient"} <= {verdict.key for verdict in found if verdict.points}


def _by_squares(y, gamma, beta, epsilon):
    variance = jnp.maximum((y**2).mean(0) - y.mean(0) ** 2, 0)
    return gamma * (y - y.mean(0)) / jnp.sqrt(variance + epsilon) + beta


def _off(y, gamma, beta, epsilon):
    return bn(y, gamma, beta, epsilon) * (1 + 1e-3)


def test_a_difference_of_squares_is_inaccurate_and_excuses_nothing_else():
    def judged(layer, mean):
        found = check(cubed, Y + mean, ONE, ZERO, 1e-5, layer=layer, claims=["normalised-norm", "fact-c1"])
        return [(verdict.violations, verdict.excluded.get("inaccurate", 0), verdict.points) for verdict in found]

    assert judged(bn, 1e4) == judged(bn, 0) == judged(_by_squares, 0) == [(0, 0, 3), (0, 0, 3)]
    values, _ = judged(_by_squares, 1e5)
    assert values[0] == 0 and values[1] + values[2] == 3 and values[1] > 0
    for mean in (0, 1e4):
        assert judged(_off, mean)[0] == (3, 0, 3)
    with pytest.raises(AssertionError, match=r"^inaccurate: normalised-norm.*hides whether more is wrong"):
        assert_claims(cubed, Y + 1e5, ONE, ZERO, 1e-5, layer=_by_squares, claims=["normalised-norm"])
    with pytest.raises(AssertionError) as failed:
        assert_claims(cubed, Y + 1e4, ONE, ZERO, 1e-5, layer=_off)
    assert "violated at" in str(failed.value) and "inaccurate" not in str(failed.value)


@pytest.mark.parametrize("mean", [1e5, 1e6])
def test_a_difference_of_squares_violates_no_claim_of_any_kind(mean):
    """Nor that of the gradient of gamma over all vectors; one that is a thousandth off at a smaller mean does."""
    for seed in (1, 2):
        y = np.random.default_rng(seed).standard_normal((64, 3)) + mean
        found = check(cubed, y, ONE, ZERO, 1e-5, layer=_by_squares)
        assert not [(verdict.key, verdict.worst) for verdict in found if verdict.violations]
        assert "normalised-norm" in {verdict.key for verdict in found if "inaccurate" in verdict.excluded}

    def steeper(y, gamma, beta, epsilon):
        return _by_squares(y, gamma + 1e-3 * (gamma - jax.lax.stop_gradient(gamma)), beta, epsilon)

    found = check(cubed, Y + 1e3, ONE, ZERO, 1e-5, layer=steeper)
    assert "gamma-gradient" in {verdict.key for verdict in found if verdict.violations}


def test_a_gradient_of_gamma_that_is_rounding_has_not_been_tested():
    """With means of 1e7 deviations in every vector a millionth of it is not seen; of 100 it is."""

    def steeper(y, gamma, beta, epsilon):
        return bn(y, gamma + 1e-6 * (gamma - jax.lax.stop_gradient(gamma)), beta, epsilon)

    for mean, points, violations in ((1e7, 0, 0), (1e2, 1, 1), (np.array([0.0, 1e2, 1e2]), 1, 1)):
        for layer, failed in ((bn, 0), (steeper, violations)):
            (found,) = check(cubed, Y + mean, ONE, ZERO, 1e-5, layer=layer, claims="gamma-gradient")
            assert (found.points, found.violations) == (points, failed)
            assert found.excluded == ({} if points else {"below rounding": 1})
