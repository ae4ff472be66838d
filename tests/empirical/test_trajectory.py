"""Records along the trajectory belong to the step they are named after: W_t, its batch, the optimizer's own update."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from bnverify.empirical.measurement.gradients import compare, value_and_gradient
from bnverify.empirical.measurement.placement import Placement
from bnverify.empirical.networks.layers import convolution_stage, dense_stage
from bnverify.empirical.networks.network import Network, Site, Stage
from bnverify.empirical.normalization.noise import NoiseStage
from bnverify.empirical.runs.config import preset
from bnverify.empirical.training.training import Trainer
from bnverify.empirical.trajectory.observation import due, observation, observations
from bnverify.empirical.trajectory.trajectory import Trajectory
from bnverify.errors import InputError

SHAPE, RATE = (6, 4, 4, 3), 0.1


def _network(placement):
    norm = placement.stages(1)
    stages = (
        convolution_stage("conv1", 4), *norm, Stage("relu1", lambda p, x: jax.nn.relu(x)),
        Stage("flatten", lambda p, x: x.reshape(x.shape[0], -1)), dense_stage("dense1", 3),
    )  # fmt: skip
    return Network(stages, (Site("conv1", 1, "conv1"),))


@pytest.fixture(scope="module", params=["batch", "noise"])
def midway(request):
    """A trainer after two steps with momentum, and the batch of the third."""
    trainer = Trainer(_network(Placement(noise=request.param == "noise")), RATE, 0.9, seed=3)
    state = trainer.start(jax.random.key(0), SHAPE)
    images = 1 + 2 * jax.random.normal(jax.random.key(1), (3, *SHAPE), jnp.float32)
    labels = jax.random.randint(jax.random.key(2), (3, SHAPE[0]), 0, 3)
    state, _, _ = trainer.chunk(state, images[:2], labels[:2])
    return trainer, state, images[2], labels[2]


def _slope(trainer, state):
    return jax.jit(partial(value_and_gradient, trainer.network_at(state), trainer.objective))


def test_landscape_starts_at_the_loss_of_the_step(midway):
    """The step's own loss, with the noise of that step; and each point by hand."""
    trainer, state, x, labels = midway
    record = Trajectory(trainer).landscape(2, state, x, labels, seed=0)
    _, curves, _ = trainer.chunk(state, x[None], labels[None])
    np.testing.assert_allclose(record["start_loss"].values.ravel(), curves["loss"][0], rtol=1e-6)
    loss, gradient = _slope(trainer, state)(state.params, x, labels)
    np.testing.assert_allclose(record["start_loss"].values.ravel(), loss, rtol=1e-6)
    line = record.sel(line="gradient, reproduction", step=2)
    for point in (0, 5):
        eta = np.float32(line["length"].values[point])
        moved = jax.tree.map(lambda w, g, eta=eta: w - eta * g, state.params, gradient)
        value, other = _slope(trainer, state)(moved, x, labels)
        np.testing.assert_allclose(line["line_loss"].values[point], value, rtol=1e-5)
        np.testing.assert_allclose(line["predictiveness"].values[point], compare(gradient, other).l2, rtol=1e-3)
    assert line["length"].values[-1] == pytest.approx(18.5 * RATE)
    assert not np.allclose(record.sel(line="random, paper")["line_loss"][0, :8],
                           record.sel(line="gradient, paper")["line_loss"][0, :8])  # fmt: skip


def test_shift_uses_the_update_with_momentum(midway):
    """W_{t+1} is what the next state holds; a plain gradient step would give another shift."""
    trainer, state, x, labels = midway
    trajectory = Trajectory(trainer)
    following, _, _ = trainer.chunk(state, x[None], labels[None])
    gradient = _slope(trainer, state)(state.params, x, labels)[1]
    for mine, real in zip(
        jax.tree.leaves(trajectory._updated(state, gradient)), jax.tree.leaves(following.params), strict=True
    ):
        np.testing.assert_allclose(mine, real, rtol=1e-5, atol=1e-7)
    record = trajectory.shift(2, state, x, labels)
    assert list(record["layer"].values) == ["conv1", "dense1"]
    mixed = {**state.params, **{name: following.params[name] for name in ("conv1", "norm1")}}
    later = _slope(trainer, state)(mixed, x, labels)[1]["dense1"]["kernel"]
    expected = np.linalg.norm(np.asarray(later) - np.asarray(gradient["dense1"]["kernel"]))
    np.testing.assert_allclose(record["shift"].values[0], [0.0, expected], rtol=1e-3)
    plain = jax.tree.map(lambda w, g: w - np.float32(RATE) * g, state.params, gradient)
    wrong = {**state.params, **{name: plain[name] for name in ("conv1", "norm1")}}
    other = _slope(trainer, state)(wrong, x, labels)[1]["dense1"]["kernel"]
    assert np.linalg.norm(np.asarray(other) - np.asarray(later)) > 0.05 * expected


def test_activations_are_those_behind_the_noise(midway):
    trainer, state, x, _ = midway
    record = Trajectory(trainer).activations(2, state, x, seed=0)
    network = trainer.network_at(state)
    noisy = any(isinstance(stage, NoiseStage) for stage in trainer.network.stages)
    value = np.asarray(network.values_at(state.params, x, [3 if noisy else 2])[0])
    np.testing.assert_allclose(record["mean"].values, [[value.mean()]], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(record["deviation"].values, [[value.std()]], rtol=1e-4)


def test_due_steps():
    config = preset("tiny").changed(landscape_every=2, every={"shift": 4, "activations": 6})
    names = [[one.name for one in due(config, step)] for step in (0, 2, 4, 6)]
    assert names == [["activations", "landscape", "shift"], ["landscape"], ["landscape", "shift"], []]
    assert due(preset("tiny"), 0) == ()  # and the last step has no batch


def test_an_observation_is_found_by_its_name_alone():
    assert {"landscape", "shift", "activations"} <= set(observations())
    with pytest.raises(InputError, match=r"one of .*landscape"):
        due(preset("tiny").changed(every={"weather": 2}), 0)
    assert observation("shift").every > 0


def test_measuring_between_records_is_refused():
    with pytest.raises(InputError, match="landscape every 3"):
        preset("tiny").changed(landscape_every=3)


@pytest.mark.slow
def test_a_run_keeps_them_and_resumes_to_the_same(tmp_path):
    from bnverify.empirical.data.synthetic import synthetic_cifar
    from bnverify.empirical.runs.run import train

    config = preset("tiny").changed(steps=4, landscape_every=2, shift_every=2, activations_every=2, check_every=4)
    data = synthetic_cifar(train=200, test=64)
    run = train(config, data, tmp_path / "a")
    assert run.landscape["bn"].sizes["step"] == 2 and run.shift["plain"].sizes["layer"] == 13

    class Stop(Exception):
        pass

    def stop(step):
        if step == 2:
            raise Stop

    with pytest.raises(Stop):
        train(config, data, tmp_path / "b", progress=stop)
    again = train(config, data, tmp_path / "b")
    for kind in ("landscape", "shift", "activations"):
        for network in ("bn", "plain"):
            xr.testing.assert_identical(run.observed(kind)[network], again.observed(kind)[network])
