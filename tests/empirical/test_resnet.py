"""ResNet-20: cuts inside its skip connections, strides, its twin; every claim holds at every site of a trained one."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.architectures import ARCHITECTURES
from bnverify.empirical.architectures.resnet import resnet
from bnverify.empirical.data.synthetic import synthetic_cifar
from bnverify.empirical.judgement.verdict import verify
from bnverify.empirical.measurement.gradients import compare, value_and_gradient
from bnverify.empirical.networks.convolution import convolve, design_matrix
from bnverify.empirical.networks.network import Network, Stage, count_parameters, fork_stage, join_stage
from bnverify.empirical.runs.config import preset
from bnverify.empirical.runs.run import train
from bnverify.empirical.training.objectives import cross_entropy
from bnverify.empirical.trajectory.covariate_shift import covariate_shift, layers
from bnverify.errors import InputError

SHAPE = (4, 8, 8, 3)


@pytest.fixture(scope="module")
def network():
    return resnet(batch_norm=True, width=0.125, blocks=1)


@pytest.fixture(scope="module")
def batch(network):
    params = network.init(jax.random.key(0), SHAPE, jnp.float64)
    x = jax.random.normal(jax.random.key(1), SHAPE, jnp.float64)
    return params, x, jnp.arange(4, dtype=jnp.int32)


def test_it_is_the_published_network():
    """Nineteen convolutions without bias and a dense layer: 269,722 parameters with gamma and beta, 10 channels in."""
    shapes = jax.eval_shape(lambda: resnet(batch_norm=True).init(jax.random.key(0), (2, 32, 32, 3)))
    assert count_parameters(shapes) == 269722
    plain = jax.eval_shape(lambda: resnet(batch_norm=False).init(jax.random.key(0), (2, 32, 32, 3)))
    assert count_parameters(plain) == 269722 - 2 * (16 * 7 + 32 * 6 + 64 * 6)
    out = jax.eval_shape(resnet(batch_norm=True), shapes, jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.float32))
    assert out.shape == (2, 10)
    assert ARCHITECTURES["resnet"].presets["resnet-quick"]["width"] < 1


def test_twins_start_from_the_same_weights(network, batch):
    twin = resnet(batch_norm=False, width=0.125, blocks=1).init(jax.random.key(0), SHAPE, jnp.float64)
    for name, own in twin.items():
        np.testing.assert_array_equal(own["kernel"], batch[0][name]["kernel"])


def _by_hand(params, x, blocks):
    """The network with one block a size, written out."""

    def norm(number, y):
        centred = y - y.mean((0, 1, 2))
        own = params[f"norm{number}"]
        return own["gamma"] * centred / jnp.sqrt((centred**2).mean((0, 1, 2)) + 1e-5) + own["beta"]

    def conv(number, x, stride=1):
        kernel = params[f"conv{number}"]["kernel"]
        dims = ("NHWC", "HWIO", "NHWC")
        full = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=dims)
        return norm(number, full[:, ::stride, ::stride])

    x = jax.nn.relu(conv(1, x))
    for block in range(3):
        stride = 2 if block else 1
        skip = x[:, ::stride, ::stride]
        y = conv(2 * block + 3, jax.nn.relu(conv(2 * block + 2, x, stride)))
        x = jax.nn.relu(y.at[..., : skip.shape[-1]].add(skip))
    return x.mean((1, 2)) @ params["dense1"]["kernel"] + params["dense1"]["bias"]


def test_forward_pass_is_that_written_out(network, batch):
    params, x, _ = batch
    by_hand = jax.jit(partial(_by_hand, blocks=1))
    np.testing.assert_allclose(jax.jit(network)(params, x), by_hand(params, x), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_stride_takes_every_so_many_pixels(stride):
    x = jax.random.normal(jax.random.key(0), (2, 7, 8, 3), jnp.float64)
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 3, 5), jnp.float64)
    full = convolve(x, kernel, method="library")[:, ::stride, ::stride]
    np.testing.assert_allclose(convolve(x, kernel, stride=stride), full, rtol=1e-12, atol=1e-12)
    rows = design_matrix(x, 3, stride)
    assert len(rows) == full.shape[0] * full.shape[1] * full.shape[2]
    np.testing.assert_allclose(rows @ kernel.reshape(27, 5), full.reshape(-1, 5), rtol=1e-12, atol=1e-12)


def test_a_start_inside_a_skip_connection_is_refused(network, batch):
    params, x, _ = batch
    inside = network.site("conv2").index
    fork = next(i for i, stage in enumerate(network.stages) if stage.name == "fork1")
    assert network.entry(inside) == fork and network.entry(fork) == fork
    with pytest.raises(InputError, match=f"its fork, stage {fork}"):
        network.run(params, x, inside)


def test_nested_skip_connections_join_the_last_kept():
    def scaled(factor):
        return Stage(f"times{factor}", lambda p, x: factor * x)

    stages = (
        fork_stage("a"),
        scaled(2.0),
        fork_stage("b"),
        scaled(3.0),
        join_stage("bb"),
        join_stage("aa"),
        scaled(1.0),
    )
    network = Network(stages)
    assert float(network({}, jnp.ones((), jnp.float64))) == (2 * 3 + 2) + 1
    assert [network.entry(i) for i in range(7)] == [0, 0, 0, 0, 0, 0, 6]
    assert network.bypassed(0, 3) and not network.bypassed(1, 3) and not network.bypassed(0, 6)


def test_probe_inside_a_block_is_the_derivative_of_the_main_path(network, batch):
    """By the definition: the value there is moved, what is kept for the join is not."""
    params, x, labels = batch
    cut = network.site("conv3").index
    (value,) = network.values_at(params, x, [cut])
    direction = jax.random.normal(jax.random.key(5), value.shape, jnp.float64)

    @jax.jit
    def at(probe):
        return jax.value_and_grad(lambda p: cross_entropy(network(params, x, probes={cut: p}), labels))(probe)

    def moved(t):
        return at(t * direction)[0]

    probe = at(jnp.zeros_like(value))[1]

    step = 1e-5
    np.testing.assert_allclose(jnp.vdot(probe, direction), (moved(step) - moved(-step)) / (2 * step), rtol=1e-7)


def test_shift_of_a_layer_inside_a_block_mixes_the_parameters_before_it(network, batch):
    params, x, labels = batch
    slope = jax.jit(partial(value_and_gradient, network, cross_entropy))
    gradient = slope(params, x, labels)[1]
    updated = jax.tree.map(lambda w, g: w - 0.1 * g, params, gradient)
    found = jax.jit(partial(covariate_shift, network, cross_entropy))(params, updated, gradient, x, labels)
    names = [network.stages[i].name for i in layers(network, params)]
    for number, name in list(enumerate(names))[2:5]:
        order = [stage.name for stage in network.stages]
        before = order[: order.index(name)]
        mixed = {key: updated[key] if key in before else own for key, own in params.items()}
        other = slope(mixed, x, labels)[1][name]["kernel"]
        np.testing.assert_allclose(found.l2[number], compare(gradient[name]["kernel"], other).l2, rtol=1e-10)
        old = gradient[name]["kernel"]
        assert compare(old, other).l2 > 1e-3 * found.norm[number]


@pytest.mark.slow
def test_every_claim_holds_on_a_trained_resnet(tmp_path):
    run = train(preset("resnet-tiny"), synthetic_cifar(train=64, test=32), tmp_path / "run")
    verdicts = verify(run)
    assert not [(v.key, v.network, v.worst) for v in verdicts if v.violations]
    tested = {(v.key, v.network): v.points for v in verdicts if v.dtype == "float64"}
    for key in ("theorem-4.1-exact", "theorem-4.2-layer-exact", "hessian", "fact-c1"):
        assert tested[key, "bn"] > 0 and tested[key, "plain"] > 0
    # The sum rule speaks of the first norm of a block alone: what leaves the second is joined, what leaves the first
    # block's input gets past it.
    assert tested["sum-rule-exact", "bn"] == 9 * run.exact["bn"].sizes["step"]
