"""Training of networks that are another function at every step, and of other normalisers, against loops in Python."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.measurement.placement import Placement
from bnverify.empirical.networks.layers import convolution_stage, dense_stage
from bnverify.empirical.networks.network import Network, Site, Stage
from bnverify.empirical.normalization.batch_renormalization import batch_renorm, batch_spread, clipping, correction
from bnverify.empirical.normalization.noise import noisy, step_key
from bnverify.empirical.normalization.normalizers import NORMALIZATIONS
from bnverify.empirical.training.objectives import cross_entropy
from bnverify.empirical.training.training import STATISTICS_MOMENTUM, Trainer

SHAPE, STEPS, EPSILON, STRETCH = (6, 4, 4, 3), 3, 0.1, 1 / 5000
RATE, MOMENTUM = np.float32(0.1), np.float32(0.5)


def _network(placement):
    """A convolution, what stands after it, ReLU and a dense layer."""
    norm = placement.stages(1)
    stages = (
        convolution_stage("conv1", 4), *norm, Stage("relu1", lambda p, x: jax.nn.relu(x)),
        Stage("flatten", lambda p, x: x.reshape(x.shape[0], -1)), dense_stage("dense1", 3),
    )  # fmt: skip
    return Network(stages, (Site("conv1", 1, "conv1"),))


@cache
def _trained(placement, *, seed=5):
    trainer = Trainer(_network(placement), 0.1, 0.5, seed=seed)
    state = trainer.start(jax.random.key(0), SHAPE)
    images = 1 + 2 * jax.random.normal(jax.random.key(1), (STEPS, *SHAPE), jnp.float32)
    labels = jax.random.randint(jax.random.key(2), (STEPS, SHAPE[0]), 0, 3)
    return trainer, state, images, labels, trainer.chunk(state, images, labels)


def _by_hand(network, state, images, labels, normalise):
    """(losses, parameters) of SGD with momentum, ``normalise(t, y, gamma, beta)`` between convolution and ReLU."""
    conv, dense = network.prefix(1), network.suffix(len(network.stages) - 3)
    params, velocity, losses = state.params, jax.tree.map(jnp.zeros_like, state.params), []
    for t in range(STEPS):

        def loss(p, t=t):
            own = p.get("norm1", {"gamma": None, "beta": None})
            z = normalise(t, conv(p, images[t]), own["gamma"], own["beta"])
            return cross_entropy(dense(p, z), labels[t])

        value, slope = jax.value_and_grad(loss)(params)
        losses.append(value)
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, slope)
        params = jax.tree.map(lambda p, v: p - RATE * v, params, velocity)
    return np.array(losses), params


@pytest.mark.parametrize("name", [pytest.param("linf-uncentred", marks=pytest.mark.slow), "instance"])
def test_another_normaliser_is_trained_and_recorded_by_its_curves_alone(name):
    trainer, state, images, labels, (after, curves, quantities) = _trained(Placement(name, EPSILON))
    losses, params = _by_hand(
        trainer.network, state, images, labels, lambda t, y, *own: NORMALIZATIONS[name](y, *own, EPSILON)
    )
    np.testing.assert_allclose(curves["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(after.params["norm1"]["gamma"], params["norm1"]["gamma"], rtol=1e-5)
    assert jnp.abs(after.params["norm1"]["gamma"] - 1).max() > 1e-3
    assert quantities == {} and trainer.recorder is None and after.step is None
    other = {"linf-uncentred": "linf", "instance": "layer"}[name]
    changed, _ = _by_hand(
        trainer.network, state, images, labels, lambda t, y, *own: NORMALIZATIONS[other](y, *own, EPSILON)
    )
    assert np.abs(changed - losses).max() > 1e-3


@pytest.mark.parametrize("normalizer", [None, "layer"])
def test_noise_is_that_of_seed_step_and_stage(normalizer):
    trainer, state, images, labels, (after, curves, _) = _trained(Placement(normalizer, EPSILON, noise=True))

    def normalise(t, y, gamma, beta, of=lambda t: t):
        z = y if normalizer is None else NORMALIZATIONS[normalizer](y, gamma, beta, EPSILON)
        return noisy(z, jax.random.fold_in(step_key(5, of(t)), 2))

    losses, params = _by_hand(trainer.network, state, images, labels, normalise)
    np.testing.assert_allclose(curves["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(after.params["conv1"]["kernel"], params["conv1"]["kernel"], atol=2e-6)
    frozen, _ = _by_hand(
        trainer.network, state, images, labels, lambda t, y, g, b: normalise(t, y, g, b, of=lambda t: 0)
    )
    assert frozen[0] == losses[0] and (np.abs(frozen[1:] - losses[1:]) > 1e-4).all()  # fresh noise at every step
    assert int(after.step) == STEPS
    another = _trained(Placement(normalizer, EPSILON, noise=True), seed=6)[-1][1]["loss"]
    assert (np.abs(another - losses) > 1e-4).all()


def test_batch_renormalisation_uses_the_running_statistics_of_earlier_steps():
    trainer, state, images, labels, (after, curves, _) = _trained(
        Placement("batch-renorm", EPSILON, stretch=STRETCH)
    )  # fmt: skip
    running = [(jnp.zeros(4, jnp.float32), jnp.ones(4, jnp.float32))]

    def normalise(t, y, gamma, beta):
        del running[t + 1 :]
        now = jax.lax.stop_gradient(batch_spread(y, EPSILON))
        running.append(
            tuple(STATISTICS_MOMENTUM * o + (1 - STATISTICS_MOMENTUM) * n for o, n in zip(running[t], now, strict=True))
        )
        r, d = correction(y, EPSILON, running[t], *clipping(t, STRETCH))
        return batch_renorm(y, gamma, beta, EPSILON, r, d)

    losses, params = _by_hand(trainer.network, state, images, labels, normalise)
    np.testing.assert_allclose(curves["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(after.params["conv1"]["kernel"], params["conv1"]["kernel"], atol=2e-6)
    for found, expected in zip(after.statistics["norm1"], running[STEPS], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    plainly = _trained(Placement("batch", EPSILON))[-1][1]["loss"]
    assert curves["loss"][0] == pytest.approx(float(plainly[0]), rel=1e-5)  # r_max = 1, d_max = 0
    assert abs(curves["loss"][2] - plainly[2]) > 1e-4
    logits = trainer.network.inference(after.statistics)(after.params, images[0])
    assert int(trainer.correct(after, images[0], labels[0])) == int((logits.argmax(-1) == labels[0]).sum())


@pytest.mark.parametrize("placement", [Placement("batch-renorm", noise=True), Placement("layer"), Placement("batch")])
def test_the_bare_step_is_the_recorded_one(placement):
    trainer, state, images, labels, (after, curves, _) = _trained(placement)
    bare, losses = trainer.bare_chunk(state, images, labels)
    np.testing.assert_allclose(losses, curves["loss"], rtol=1e-5)
    for found, expected in zip(jax.tree.leaves(bare), jax.tree.leaves(after), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_network_of_a_state_is_what_the_step_saw():
    trainer, state, images, labels, (_, curves, _) = _trained(Placement("batch-renorm", noise=True))
    network = trainer.network_at(state)
    seen = cross_entropy(network(state.params, images[0]), labels[0])
    np.testing.assert_allclose(seen, curves["loss"][0], rtol=1e-5)
    assert abs(cross_entropy(trainer.network(state.params, images[0]), labels[0]) - seen) > 1e-3
    still = Trainer(_network(Placement("batch")), 0.1, 0.5)
    assert still.network_at(still.start(jax.random.key(0), SHAPE)) is still.network
