"""What stands after a layer, by the name a configuration has for it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.measurement.placement import Placement
from bnverify.empirical.measurement.recording import recorder
from bnverify.empirical.measurement.sites import batch_norm_measurable
from bnverify.empirical.networks.deep_linear import deep_linear
from bnverify.empirical.networks.network import Network, NormalizerStage, NormStage, Stage
from bnverify.empirical.networks.vgg import vgg
from bnverify.empirical.normalization.batch_renormalization import RenormStage
from bnverify.empirical.normalization.known import TRAINABLE
from bnverify.empirical.normalization.noise import NoiseStage
from bnverify.empirical.normalization.normalizers import NORMALIZATIONS
from bnverify.errors import InputError
from bnverify.theory import NORMALIZERS

PER_CHANNEL = ("batch", "l1", "linf", "l1-uncentred", "l2-uncentred", "linf-uncentred", "batch-renorm")


def _y():
    return jnp.asarray(np.random.default_rng(0).normal(size=(5, 3, 2, 6)) * 2 + 1)


def test_what_can_be_trained_is_what_exists_and_what_the_theory_knows():
    """All but the norms of tokens, which no network here has."""
    assert {*TRAINABLE, "token-layer", "token-rms"} == {*NORMALIZATIONS, "batch-renorm"}
    assert set(TRAINABLE) < set(NORMALIZERS)


def test_kinds_of_stages():
    assert [type(s) for s in Placement("batch", noise=True).stages(3)] == [NormStage, NoiseStage]
    assert [s.name for s in Placement("batch", noise=True).stages(3)] == ["norm3", "noise3"]
    assert [type(s) for s in Placement("layer").stages(1)] == [NormalizerStage]
    assert [type(s) for s in Placement("batch-renorm").stages(1)] == [RenormStage]
    assert [type(s) for s in Placement(None).stages(1)] == [Stage]
    with pytest.raises(InputError, match="normaliser 'none'"):
        Placement("none").stages(1)


@pytest.mark.parametrize("name", TRAINABLE)
def test_inference_with_the_statistics_of_the_batch_is_training_mode(name):
    """Per channel, running statistics equal to the batch's give training mode and others do not; per sample there are
    none, and inference is training mode."""
    (stage,) = Placement(name, epsilon=0.1).stages(1)
    network, y = Network((stage,)), _y()
    params = {"norm1": {"gamma": jnp.linspace(-1.0, 2.0, 6), "beta": jnp.linspace(0.0, 1.0, 6)}}
    training = network(params, y)
    seen = network.batch_statistics(params, y)
    assert stage.running == (name in PER_CHANNEL) == bool(seen)
    np.testing.assert_allclose(network.inference(seen)(params, y), training, rtol=1e-11, atol=1e-12)
    other = {key: (centre + 1, spread) for key, (centre, spread) in seen.items()}
    wider = {key: (centre, 2 * spread) for key, (centre, spread) in seen.items()}
    for changed in (other, wider) if seen else ():
        assert jnp.abs(network.inference(changed)(params, y) - training).max() > 0.1


@pytest.mark.parametrize("name", [name for name in TRAINABLE if name != "instance"])
def test_initial_weights_do_not_depend_on_the_normaliser(name):
    shape = (8, 10)
    own = deep_linear(batch_norm=True, depth=2, normalizer=name).init(jax.random.key(1), shape)
    plain = deep_linear(batch_norm=False, depth=2).init(jax.random.key(1), shape)
    for layer in plain:
        np.testing.assert_array_equal(own[layer]["kernel"], plain[layer]["kernel"])
    np.testing.assert_array_equal(own["norm2"]["gamma"], np.ones(10))


@pytest.mark.parametrize(
    ("options", "measurable"),
    [
        ({"batch_norm": True}, True),
        ({"batch_norm": False}, True),
        ({"batch_norm": False, "normalizer": "layer"}, True),
        ({"batch_norm": True, "normalizer": "layer"}, False),
        ({"batch_norm": True, "normalizer": "batch-renorm"}, False),
        ({"batch_norm": True, "noise": True}, True),
        ({"batch_norm": False, "noise": True}, True),
    ],
)
def test_theorem_4_1_is_recorded_at_batch_norm_and_where_nothing_stands(options, measurable):
    network = vgg(width=1 / 32, **options)
    assert batch_norm_measurable(network) == measurable == (recorder(network) is not None)
