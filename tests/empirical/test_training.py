"""A training step against SGD written out, and what is recorded in it against the float64 measurement."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from midway import convolutional

from bnverify.empirical.measurement.sites import SiteMeasurement
from bnverify.empirical.networks.vgg import vgg
from bnverify.empirical.training.objectives import cross_entropy
from bnverify.empirical.training.training import STATISTICS_MOMENTUM, Trainer

SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("plain", "vgg bn", "vgg plain")]


@pytest.fixture(scope="module", params=["bn", *SLOW])
def chunk(request):
    """Two steps of a small convolutional network; of its twin, and of the VGG, which compiles many
    times as long, in slow tests."""
    bn = request.param.endswith("bn")
    network, shape = (vgg(batch_norm=bn, width=1 / 32), (8, 32, 32, 3)) if "vgg" in request.param else convolutional(bn)
    trainer = Trainer(network, learning_rate=0.1, momentum=0.5)
    state = trainer.start(jax.random.key(0), shape)
    images = jax.random.normal(jax.random.key(1), (2, *shape), jnp.float32)
    labels = jax.random.randint(jax.random.key(2), (2, shape[0]), 0, 4)
    return trainer, state, images, labels, trainer.chunk(state, images, labels)


def test_two_steps_are_sgd_with_momentum(chunk):
    trainer, state, images, labels, (after, curves, _) = chunk
    params, velocity = state.params, jax.tree.map(jnp.zeros_like, state.params)
    gradient = jax.jit(jax.value_and_grad(lambda p, x, y: cross_entropy(trainer.network(p, x), y)))
    for t in range(2):
        loss, slope = gradient(params, images[t], labels[t])
        np.testing.assert_allclose(curves["loss"][t], loss, rtol=1e-5)
        velocity = jax.tree.map(lambda v, g: np.float32(0.5) * v + g, velocity, slope)
        params = jax.tree.map(lambda p, v: p - np.float32(0.1) * v, params, velocity)
    for name in params:
        for leaf in params[name]:
            np.testing.assert_allclose(after.params[name][leaf], params[name][leaf], atol=2e-6, err_msg=name)
    moved = jnp.abs(after.params["dense2"]["kernel"] - state.params["dense2"]["kernel"]).max()
    assert moved > 1e-4


def test_running_statistics(chunk):
    trainer, state, images, _, (after, _, _) = chunk
    if not state.statistics:
        pytest.skip("the plain network has none")
    once = trainer.network.batch_statistics(state.params, images[0])["norm1"]
    expected = STATISTICS_MOMENTUM * 0.0 + (1 - STATISTICS_MOMENTUM) * once[0]
    second = trainer.chunk(state, images[:1], chunk[3][:1])[0].statistics["norm1"]
    np.testing.assert_allclose(second[0], expected, rtol=1e-4, atol=1e-6)
    assert set(after.statistics) == {f"norm{i}" for i in range(1, 1 + len(trainer.network.sites))}


def test_recording_does_not_change_the_training(chunk):
    trainer, state, images, labels, (after, curves, _) = chunk
    bare, losses = trainer.bare_chunk(state, images, labels)
    np.testing.assert_allclose(losses, curves["loss"], rtol=1e-5)
    np.testing.assert_allclose(bare.params["conv3"]["kernel"], after.params["conv3"]["kernel"], atol=1e-6)


def test_recorded_quantities_are_those_of_the_float64_measurement(chunk):
    trainer, state, images, labels, (_, _, recorded) = chunk
    measurement = SiteMeasurement(trainer.network, cross_entropy)
    exact = measurement(state.params, state.params, images[0], labels[0], seed=(0,), samples=0)
    for site in exact:
        for name in ("g_g", "v_v", "s", "mu", "rho", "gamma"):
            scale = np.abs(exact[site][name]).max()
            np.testing.assert_allclose(
                recorded[site][name][0], exact[site][name], atol=1e-3 * scale, err_msg=(site, name)
            )
        assert not np.isfinite(exact[site]["v_Hhat_v"]).any()


def test_accuracy_counts_correct_images(chunk):
    trainer, state, images, labels, _ = chunk
    logits = trainer.network.inference(state.statistics)(state.params, images[0])
    assert int(trainer.correct(state, images[0], labels[0])) == int((logits.argmax(-1) == labels[0]).sum())
