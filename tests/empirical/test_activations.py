"""Distributions of activations against NumPy's on the values of the cut network, and against known mistakes."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from midway import WITH_NORMS, midway
from scipy import stats

from bnverify.empirical.trajectory.activations import (
    BINS,
    Distribution,
    activations,
    activations_dataset,
    distribution,
    sample_channels,
)

case = cache(midway)


@cache
def _channels(name):
    c = case(name)
    return sample_channels(c.network, c.params, (4, 2), 3)


@cache
def _found(name):
    c = case(name)
    return jax.jit(partial(activations, c.network, channels=_channels(name)))(c.params, c.x)


def _summary(values):
    """A Distribution of one set of values, by NumPy and SciPy."""
    values = np.asarray(values).ravel()
    mean, deviation = values.mean(), values.std()
    low, high = mean - 4 * deviation, mean + 4 * deviation
    counts = np.histogram(values, np.linspace(low, high, BINS + 1))[0]
    return Distribution(
        mean, deviation, stats.skew(values), low, high, counts, (values < low).sum(), (values > high).sum(), 0
    )


def _agree(found, row, expected):
    for name in ("counts", "below", "above", "unplaced"):
        np.testing.assert_array_equal(getattr(found, name)[row], getattr(expected, name), err_msg=name)
    for name in ("mean", "deviation", "skewness", "low", "high"):
        np.testing.assert_allclose(
            getattr(found, name)[row], getattr(expected, name), rtol=1e-9, atol=1e-12, err_msg=name
        )


@pytest.mark.parametrize("name", WITH_NORMS)
def test_activations_are_those_of_the_cut_network(name):
    c = case(name)
    assert set(_found(name)) == {site.name for site in c.network.sites} == set(_channels(name))
    for site in c.network.sites[:3]:
        values = jax.jit(c.network.prefix(site.index + 1))(c.params, c.x)
        found = _found(name)[site.name]
        _agree(found.layer, 0, _summary(values))
        for row, channel in enumerate(_channels(name)[site.name]):
            _agree(found.channels, row, _summary(values[..., channel]))
        assert sum(np.sum(a) for a in found.layer[5:]) == values.size


def test_other_values_are_told_apart():
    """What enters the norm, its output in inference mode, its output on half the batch; another channel."""
    c = case("bn")
    site = c.network.site("conv2")
    found = _found("bn")["conv2"]
    fixed = c.network.inference(c.network.batch_statistics(c.params, c.x[::-1] * 1.5))
    halves = [jax.jit(c.network.prefix(site.index + 1))(c.params, half) for half in (c.x[:3], c.x[3:])]
    for wrong in (
        jax.jit(c.network.prefix(site.index))(c.params, c.x),
        jax.jit(fixed.prefix(site.index + 1))(c.params, c.x),
        np.concatenate(halves),
    ):
        with pytest.raises(AssertionError, match="Arrays are not"):
            _agree(found.layer, 0, _summary(wrong))
    values = jax.jit(c.network.prefix(site.index + 1))(c.params, c.x)
    first, second = _channels("bn")["conv2"][:2]
    assert first != second
    with pytest.raises(AssertionError, match="Arrays are not"):
        _agree(found.channels, 0, _summary(values[..., second]))


def test_known_distributions():
    source = np.random.default_rng(1)
    values = np.stack([source.normal(3, 2, 100_000), source.exponential(1.5, 100_000)], axis=1)
    found = distribution(jnp.asarray(values))
    np.testing.assert_allclose(found.mean, [3, 1.5], atol=0.03)
    np.testing.assert_allclose(found.deviation, [2, 1.5], rtol=0.02)
    np.testing.assert_allclose(found.skewness, [0, 2], atol=0.1)
    edges = np.linspace(-4, 4, BINS + 1)
    np.testing.assert_allclose(np.asarray(found.counts[0]) / 1e5, np.diff(stats.norm.cdf(edges)), atol=2e-3)
    assert found.below[1] == 0 < found.above[1] and found.counts[1, : BINS // 4].sum() == 0
    assert (sum(np.asarray(a).reshape(2, -1).sum(1) for a in found[5:]) == 100_000).all()


def test_bins_by_hand():
    values = jnp.array([-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])  # mean 0, variance 1/4: bins over [-2, 2)
    found = distribution(values[:, None], bins=4)
    assert (found.low[0], found.high[0]) == (-2, 2) and found.counts[0].tolist() == [0, 1, 6, 1]
    outlier = distribution(jnp.zeros((99, 1)).at[7].set(-5.0), bins=4)
    assert outlier.below.tolist() == [1] and outlier.above.tolist() == [0] and outlier.counts.sum() == 98


def test_constants_and_what_diverged():
    values = jnp.tile(jnp.array([[2.0, 1.0, 1.0]]), (10, 1)).at[3, 1].set(jnp.nan).at[4, 2].set(-jnp.inf)
    found = distribution(values, bins=8)
    assert found.deviation[0] == 0 and found.counts[0].tolist() == [0, 0, 0, 0, 10, 0, 0, 0]
    assert (found.low[0], found.high[0]) == (1, 3) and np.isnan(found.skewness[0])
    assert not np.isfinite(found.mean[1:]).any() and found.counts[1:].sum() == 0
    assert found.unplaced.tolist() == [0, 10, 10]


def test_channels_are_drawn_by_seed():
    c = case("dense")
    chosen = _channels("dense")
    assert all(len(set(own.tolist())) == 3 for own in chosen.values())
    assert all((np.diff(own) > 0).all() for own in chosen.values())
    again, other = (sample_channels(c.network, c.params, seed, 3) for seed in ((4, 2), (4, 3)))
    assert all((again[site] == chosen[site]).all() for site in chosen)
    assert any((other[site] != chosen[site]).any() for site in chosen)
    assert [len(own) for own in sample_channels(c.network, c.params, (0,), 99).values()] == [7, 6, 5]


def test_dataset():
    c = case("dense")
    channels = sample_channels(c.network, c.params, (0,), 6)
    found = jax.jit(partial(activations, c.network, channels=channels, bins=16))(c.params, c.x)
    data = activations_dataset(9, found, channels)
    assert dict(data.sizes) == {"step": 1, "site": 3, "sample": 6, "bin": 16}
    backwards = activations_dataset(9, dict(reversed(found.items())), channels)
    assert backwards.identical(data) and data["site"].values.tolist() == ["dense1", "dense2", "dense3"]
    np.testing.assert_array_equal(data["counts"].sel(site="dense2")[0], found["dense2"].layer.counts[0])
    np.testing.assert_array_equal(data["channel_mean"].sel(site="dense3")[0, :5], found["dense3"].channels.mean)
    assert data["channel"].sel(site="dense3").values.tolist() == [[0, 1, 2, 3, 4, -1]]
    assert np.isnan(data["channel_mean"].sel(site="dense3")[0, 5])
    assert data["channel_counts"].dtype == np.int32
    assert data["counts"].attrs["long_name"] == "values in each bin"


def test_float32_stays_float32():
    found = distribution(jnp.arange(20, dtype=jnp.float32)[:, None])
    assert found.mean.dtype == found.skewness.dtype == found.high.dtype == jnp.float32
    assert found.counts.dtype == jnp.int32
