"""Lemma 4.5 on a network: kW* is as good as W* where the insertion is matched, and not where it is not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from placed import case

from bnverify.empirical.networks.network import norm_stage
from bnverify.empirical.training.training import cross_entropy
from bnverify.empirical.trajectory.ray import RayOfOptima
from bnverify.errors import InputError


@pytest.fixture(scope="module")
def plain():
    return case(None)


def _measure(ray, plain):
    return ray(plain.params, plain.initial, plain.x, plain.labels)


def test_loss_and_gradient_at_the_nearest_point_of_the_ray(plain):
    found = _measure(RayOfOptima(plain.network, cross_entropy), plain)
    loss = float(cross_entropy(plain.network(plain.params, plain.x), plain.labels))
    for name in ("plain_loss", "matched_loss", "ray_loss"):
        assert abs(float(found[name]) - loss) < 1e-12 * loss
    assert (found["gradient_gap"] < 1e-10).all() and (found["other_gap"] < 1e-10).all()
    assert 0 < found["rest_gap"] < 1e-10  # the dense layer: compared, and the same but for rounding
    assert (found["gradient_norm"] > 1e-3).all()  # of something
    assert (found["acute"] <= found["filters"]).all() and (found["least_k"] > 0).all()


def test_the_factor_brings_each_filter_nearest_to_its_start(plain):
    found = _measure(RayOfOptima(plain.network, cross_entropy), plain)
    start, end = (np.asarray(p["conv1"]["kernel"]).reshape(-1, 4) for p in (plain.initial, plain.params))
    k = np.array([np.linalg.lstsq(end[:, [j]], start[:, j], rcond=None)[0][0] for j in range(4)])
    assert found["acute"].sel(site="conv1") == (k > 0).sum()
    assert np.isclose(found["largest_k"].sel(site="conv1"), max(np.where(k > 0, k, 1)), rtol=1e-12)


class Unmatched(RayOfOptima):
    def matched(self, params, x):
        found = super().matched(params, x)
        return found | {"norm1": found["norm1"] | {"gamma": found["norm1"]["gamma"] * 1.01}}


class WithEpsilon(RayOfOptima):
    def normalised(self):
        network = super().normalised()
        stages = [norm_stage(s.name, 1e-3) if s.name.startswith("norm") else s for s in network.stages]
        return type(network)(tuple(stages), network.sites)


def test_an_unmatched_insertion_is_another_function(plain):
    found = _measure(Unmatched(plain.network, cross_entropy), plain)
    assert abs(float(found["matched_loss"] - found["plain_loss"])) > 1e-6


def test_with_epsilon_the_scale_of_the_weights_matters(plain):
    found = _measure(WithEpsilon(plain.network, cross_entropy), plain)
    assert abs(float(found["ray_loss"] - found["matched_loss"])) > 1e-7
    assert (found["gradient_gap"] > 1e-6).all() and (found["other_gap"] > 1e-6).all() and found["rest_gap"] > 1e-6


def test_filters_that_turned_round_are_kept(plain):
    turned = plain.initial | {"conv1": plain.initial["conv1"] | {"kernel": -plain.params["conv1"]["kernel"]}}
    found = RayOfOptima(plain.network, cross_entropy)(plain.params, turned, plain.x, plain.labels).sel(site="conv1")
    assert found["acute"] == 0 and found["least_k"] == found["largest_k"] == 1


def test_a_normalised_network_is_refused():
    normalised = case("batch")
    with pytest.raises(InputError, match="without batch norm"):
        RayOfOptima(normalised.network, cross_entropy)


def test_a_dead_filter_is_no_crash(plain):
    dead = plain.params | {"conv1": jax.tree.map(jnp.zeros_like, plain.params["conv1"])}
    found = RayOfOptima(plain.network, cross_entropy)(dead, plain.initial, plain.x, plain.labels)
    assert not np.isfinite(found["ray_loss"])  # a constant channel has no batch norm without epsilon
