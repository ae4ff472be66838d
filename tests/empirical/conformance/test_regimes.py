"""Layers that are right on ordinary data and wrong in one regime are refused there, by name; right ones pass in all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy_layers import Pair

from bnverify.empirical.conformance import conforms
from bnverify.errors import InputError

PAIR = Pair()


def _where(condition, wrong):
    """A pair of functions that is right unless ``condition(g, y, gamma)`` holds, then ``wrong(z or v)``."""

    def forward(y, gamma, beta, eps=1e-5):
        z = PAIR.forward(y, gamma, beta, eps)
        return wrong(z) if "z" in condition and condition["z"](y, gamma) else z

    def backward(g, y, gamma, beta, eps=1e-5):
        v, *slopes = PAIR.backward(g, y, gamma, beta, eps)
        return wrong(v) if "v" in condition and condition["v"](g, y, gamma) else v, *slopes

    return forward, backward


REGIMES = {
    "regime.large": {"v": lambda g, y, gamma: np.abs(y).min() > 1},
    "regime.small": {"v": lambda g, y, gamma: np.abs(y).max() < 1e-1},
    "regime.tiny": {"z": lambda y, gamma: 0 < np.abs(y).max() < 1e-6},
    "regime.negative": {"z": lambda y, gamma: y.max() < 0 and np.ptp(y) > 1e-3},
    "regime.whole": {"z": lambda y, gamma: (y == np.round(y)).all() and np.ptp(y) > 0},
    "regime.ones_in_gamma": {"v": lambda g, y, gamma: (gamma == 1).all()},
    "regime.positive": {"v": lambda g, y, gamma: (y >= 0).all()},
    "regime.outlier": {"z": lambda y, gamma: np.abs(y).max() > 1e3 > 1e2 * np.median(np.abs(y))},
    "regime.zeros_in_g": {"v": lambda g, y, gamma: (g == 0).any()},
    "regime.large_g": {"v": lambda g, y, gamma: np.abs(g).max() > 1e2},
    "regime.small_g": {"v": lambda g, y, gamma: np.abs(g).max() < 1e-2},
    "regime.zeros_in_gamma": {"v": lambda g, y, gamma: (gamma == 0).any() and not (gamma == 0).all()},
    "regime.large_gamma": {"v": lambda g, y, gamma: np.abs(gamma).max() > 5},
    "batch.1": {"v": lambda g, y, gamma: len(y) == 1},
    "batch.3": {"z": lambda y, gamma: len(y) == 3},
    "batch.33": {"z": lambda y, gamma: len(y) == 33},
    "batch.6": {"v": lambda g, y, gamma: y.shape[0] == y.shape[1]},
    "batch.1025": {"v": lambda g, y, gamma: len(y) > 1024},
}


@pytest.mark.parametrize("key", REGIMES)
def test_a_layer_that_is_wrong_in_one_regime_is_refused_there(key):
    forward, backward = _where(REGIMES[key], lambda array: 1.001 * array)
    report = conforms(forward, shape=(16, 6), backward=backward)
    assert report[key].verdict == "violated" and report.status == 1
    assert not {finding.key for finding in report.failed} & {"forward.yhat", "forward.values", "backward.values"}


def test_a_gradient_that_is_dropped_is_not_one_of_another_type():
    def backward(g, y, gamma, beta, eps=1e-5):
        v, *slopes = PAIR.backward(g, y, gamma, beta, eps)
        return v * (np.abs(g).max() > 1e-6), *slopes

    dropped = conforms(PAIR.forward, shape=(16, 6), backward=backward)
    assert [finding.key for finding in dropped.failed] == ["regime.small_g", "reach.gradient"]

    def in_float16(g, y, gamma, beta, eps=1e-5):
        v, *slopes = PAIR.backward(g, y, gamma, beta, eps)
        return v.astype(np.float16).astype(v.dtype), *slopes

    rounded = conforms(PAIR.forward, shape=(16, 6), backward=in_float16)
    assert rounded.status == 0 and rounded["backward.values"].meaning == "computed in float16"


@pytest.mark.parametrize("axis", [-1, 0])
def test_right_layers_hold_in_every_regime(axis):
    pair = Pair(axis)
    report = conforms(pair.forward, shape=(16, 6), backward=pair.backward)
    tried = [finding for finding in report.findings if finding.key.split(".")[0] in ("regime", "batch")]
    assert len(tried) >= 17 and {finding.verdict for finding in tried} == {"holds"}


def _clipped(y, gamma, beta, eps=1e-5, most=1e3):
    y = jnp.clip(y, -most, most)
    mean = y.mean(-1, keepdims=True)
    return (y - mean) / jnp.sqrt(jnp.square(y - mean).mean(-1, keepdims=True) + eps) * gamma + beta


def test_values_that_are_clipped_are_seen():
    report = conforms(_clipped, shape=(16, 6))
    assert {"regime.large", "regime.outlier"} <= {finding.key for finding in report.failed}
    far = conforms(lambda y, gamma, beta, eps=1e-5: _clipped(y, gamma, beta, eps, 1e8), shape=(16, 6), framework="jax")
    assert [finding.key for finding in far.failed] == ["regime.large", "reach.large", "reach.mixed"]


def squares(y, gamma, beta, eps=1e-5):
    mean = y.mean(0)
    return (y - mean) * jax.lax.rsqrt(jnp.square(y).mean(0) - jnp.square(mean) + eps) * gamma + beta


def never_negative(y, gamma, beta, eps=1e-5):
    mean = y.mean(0)
    variance = jnp.maximum(jnp.square(y).mean(0) - jnp.square(mean), 0)
    return (y - mean) * jax.lax.rsqrt(variance + eps) * gamma + beta


def test_one_constant_channel_among_others_must_be_finite():
    report = conforms(squares, shape=(48, 5))
    assert report["regime.constant"].verdict == "violated" and "NaN" in report["regime.constant"].meaning
    assert conforms(never_negative, shape=(48, 5))["regime.constant"].verdict != "violated"
    for pair in (Pair(0), Pair(-1, centred=False)):
        assert conforms(pair.forward, shape=(48, 5), backward=pair.backward)["regime.constant"].verdict == "holds"


def _centred(y, gamma, beta, eps, scale):
    centred = y - y.mean(0)
    return gamma * centred / (scale(centred, y) + eps) + beta


def _mean_deviation(y, gamma, beta, eps=1e-5):
    return _centred(y, gamma, beta, eps, lambda centred, y: jnp.abs(centred).mean(0))


def _largest_deviation(y, gamma, beta, eps=1e-5):
    """Of several the last: the gradient of a maximum that is computed twice, fused and not, may be 0/0."""

    def last(centred, y):
        sizes = jnp.abs(centred)[::-1]
        return jnp.take_along_axis(sizes, sizes.argmax(0)[None], 0)[0]

    return _centred(y, gamma, beta, eps, last)


def _mean_size(y, gamma, beta, eps=1e-5):
    return _centred(y, gamma, beta, eps, lambda centred, y: jnp.abs(y).mean(0))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (_mean_deviation, (16, 6)),
        (_mean_size, (16, 6)),
        (_largest_deviation, (32, 8)),
        pytest.param(_largest_deviation, (4, 40), marks=pytest.mark.slow),
    ],
)
def test_at_a_kink_every_gradient_is_right(layer, shape):
    """Among whole numbers and zeros a value is its mean, or two are the largest: |x| has the gradient 1 at 0 in JAX, 0
    in PyTorch, and of equal maxima the first or the last has it, or each its share."""
    report = conforms(layer, shape=shape)
    assert report.status == 0, report
    assert {report[f"regime.{key}"].verdict for key in ("whole", "positive")} == {"holds"}


@jax.custom_vjp
def _kept(x, poison):
    return x


_kept.defvjp(lambda x, poison: (x, poison), lambda poison, g: (jnp.where(poison, jnp.nan, g), None))


def test_at_a_kink_the_other_vectors_are_looked_at_and_nan_is_no_gradient():
    def whole(y):
        return (y == jnp.round(y)).all() & (jnp.ptp(y) > 0)

    def poisoned(y, gamma, beta, eps=1e-5):
        return _mean_deviation(_kept(y, whole(y)), gamma, beta, eps)

    def off(y, gamma, beta, eps=1e-5):
        z = _mean_deviation(y, gamma, beta, eps)
        return jnp.where(whole(y), z + 1e-3 * (y - jax.lax.stop_gradient(y)), z)

    for layer in (poisoned, off):
        found = conforms(layer, shape=(16, 6))["regime.whole"]
        assert found.verdict == "violated" and "at v" in found.meaning, found


@pytest.mark.parametrize("shape", [pytest.param((9, 1), marks=pytest.mark.slow), (3, 1), (3, 4)])
def test_norms_that_are_multiples_of_each_other_are_told_apart_by_their_factor(shape):
    for layer, name in ((_mean_deviation, "l1"), (_largest_deviation, "linf")):
        report = conforms(layer, shape=shape)
        assert report.status == 0 and report.words.startswith(f"This is {name} norm"), report


@pytest.mark.parametrize("layer", [_mean_deviation, _largest_deviation])
def test_norms_of_two_values_are_told_apart_by_a_claim_alone(layer):
    """l1, linf, and l2 with its epsilon at a wrong place, are one function of two values."""
    name = "l1" if layer is _mean_deviation else "linf"
    with pytest.raises(InputError, match="vectors of two values"):
        conforms(layer, shape=(2, 6))
    assert conforms(layer, shape=(2, 6), normalizer=name).status == 0
    assert "forward.epsilon" in [each.key for each in conforms(layer, shape=(2, 6), normalizer="batch").failed]


@pytest.mark.parametrize("epsilon", [1e-18, 1e-30, 1e-70, 1e-200])
def test_an_epsilon_that_nobody_states_is_measured_where_it_dominates(epsilon):
    def forward(y, gamma, beta):
        return Pair(0).forward(y, gamma, beta, epsilon)

    def backward(g, y, gamma, beta):
        return Pair(0).backward(g, y, gamma, beta, epsilon)

    assert conforms(forward, shape=(32, 8), backward=backward).status == 0
    wrong = conforms(
        forward, shape=(32, 8), backward=lambda g, y, gamma, beta: Pair(0).backward(g, y, gamma, beta, 2 * epsilon)
    )
    assert {"conditioning.constant", "reach.small"} & {finding.key for finding in wrong.failed}, wrong


def test_an_epsilon_that_is_hardly_seen_is_the_one_that_is_stated():
    def forward(y, gamma, beta, eps=1e-30):
        return Pair(0).forward(y, gamma, beta, eps)

    def backward(g, y, gamma, beta, eps=1e-30):
        return Pair(0).backward(g, y, gamma, beta, eps)

    report = conforms(forward, shape=(32, 8), backward=backward)
    assert report.status == 0, report
    half = conforms(
        lambda y, gamma, beta, eps=1e-30: forward(y, gamma, beta, eps / 2), shape=(32, 8),
        backward=lambda g, y, gamma, beta, eps=1e-30: backward(g, y, gamma, beta, eps / 2),
    )  # fmt: skip
    assert "forward.epsilon" in [finding.key for finding in half.failed]
