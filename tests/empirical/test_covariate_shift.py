"""Internal covariate shift against Definition 2.1 written out, a rebuilt dict of parameters a layer; and mistakes."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from midway import NAMES, WITH_NORMS, midway, single

from bnverify.empirical.measurement.gradients import Comparison
from bnverify.empirical.networks.layers import dense_stage
from bnverify.empirical.networks.network import Network, Stage
from bnverify.empirical.training.objectives import cross_entropy
from bnverify.empirical.trajectory.covariate_shift import covariate_shift, layers, shift_dataset
from bnverify.errors import InputError

case = cache(midway)


@cache
def _compiled(name, recompute_first=False):
    return jax.jit(partial(covariate_shift, case(name).network, cross_entropy, recompute_first=recompute_first))


def _found(name, *, gradient=None, updated=None, recompute_first=False):
    c = case(name)
    measure = _compiled(name, recompute_first)
    return measure(c.params, updated or c.updated, gradient or c.gradient, c.x, c.labels)


def _earlier(index, own):
    return index < own


def _reference(c, is_updated=_earlier, updated=None):
    """|G - G'|, cosine, |G|, |G'| a layer: for each, a dict of parameters with the stages for which ``is_updated(index
    of the stage, index of the layer)`` taken from the update, and the gradient of the whole network there."""
    rows = []
    for own in layers(c.network, c.params):
        mixed = {}
        for index, stage in enumerate(c.network.stages):
            if stage.name in c.params:
                mixed[stage.name] = (updated or c.updated if is_updated(index, own) else c.params)[stage.name]
        name = c.network.stages[own].name
        g, other = (np.asarray(at[name]["kernel"]) for at in (c.gradient, c.slope(mixed, c.x, c.labels)[1]))
        norms = np.linalg.norm(g), np.linalg.norm(other)
        rows.append((np.linalg.norm(g - other), (g * other).sum() / norms[0] / norms[1], *norms))
    return Comparison(*np.array(rows).T)


def _agree(found, expected):
    np.testing.assert_allclose(found.l2[1:], expected.l2[1:], rtol=1e-9)
    np.testing.assert_allclose(found.cosine, expected.cosine, rtol=1e-11)
    np.testing.assert_allclose(found.norm, expected.norm, rtol=1e-11)
    np.testing.assert_allclose(found.other_norm, expected.other_norm, rtol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_shift_is_the_definition(name):
    found, expected = _found(name), _reference(case(name))
    _agree(found, expected)
    assert (expected.l2[1:] > 1e-3 * expected.norm[1:]).all()  # there is something to agree on
    np.testing.assert_allclose(found.relative[1:], expected.l2[1:] / expected.norm[1:], rtol=1e-9)


@pytest.mark.parametrize("name", WITH_NORMS)
def test_nothing_precedes_the_first_layer(name):
    found = _found(name)
    assert found.l2[0] == 0 and found.cosine[0] == 1
    again = _found(name, recompute_first=True)
    assert again.l2[0] < 1e-13 * again.norm[0] and abs(again.cosine[0] - 1) < 1e-13
    _agree(again, found)


def _kernels_only(network):
    return lambda index, own: index < own and network.stages[index].name.startswith(("conv", "dense"))


WRONG_UPDATES = {
    "none": lambda network: lambda index, own: False,
    "all": lambda network: lambda index, own: True,
    "the layer itself too": lambda network: lambda index, own: index <= own,
    "its normalisation too": lambda network: lambda index, own: index < own or index == own + 1,
    "not the normalisations before it": _kernels_only,
    "only the layer itself": lambda network: lambda index, own: index == own,
}


@pytest.mark.parametrize("wrong", WRONG_UPDATES)
@pytest.mark.parametrize("name", ["bn", "dense"])
def test_another_choice_of_updated_stages_is_told_apart(name, wrong):
    c = case(name)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        _agree(_found(name), _reference(c, WRONG_UPDATES[wrong](c.network)))


@pytest.mark.parametrize("mistake", ["updated_gradient", "inference_gradient", "halved_gradient"])
def test_a_gradient_of_another_step_mode_or_batch_shows_at_the_first_layer(mistake):
    """A gradient of W_{t+1}, one in inference mode, one of two half batches: each fails the comparison with the
    definition, and recomputing the first layer finds it without one."""
    c = case("bn")
    wrong = getattr(c, mistake)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        _agree(_found("bn", gradient=wrong), _reference(c))
    found = _found("bn", gradient=wrong, recompute_first=True)
    assert abs(found.cosine[0] - 1) > 1e-4 and found.relative[0] > 1e-3


def test_without_a_norm_halves_of_a_batch_and_inference_are_no_mistake():
    """The control of the control: what the last test rejects is the normalisation over the batch, and nothing else."""
    c = case("plain")
    for gradient in (c.halved_gradient, c.inference_gradient):
        _agree(_found("plain", gradient=gradient), _reference(c))


def test_the_real_update_matters():
    """A plain gradient step is not the update of an optimizer with momentum."""
    c = case("bn")
    step = jax.tree.map(lambda p, g: p - 0.1 * g, c.params, c.gradient)
    _agree(_found("bn", updated=step), _reference(c, updated=step))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        _agree(_found("bn", updated=step), _reference(c))


def test_no_update_no_shift():
    found = _found("bn", updated=case("bn").params)
    assert (found.l2 < 1e-12 * found.norm).all() and (found.l2[1:] < 1e-6 * _found("bn").l2[1:]).all()


def _products(jaxpr):
    """Multiplications in matrix products of a jaxpr and all inside it, every branch of a switch once."""
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            contracted = equation.params["dimension_numbers"][0][0]
            out, left = (v.aval.shape for v in (equation.outvars[0], equation.invars[0]))
            total += int(np.prod(out) * np.prod([left[axis] for axis in contracted]))
        for inside in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns")):
            inside = getattr(inside, "jaxpr", inside)
            total += _products(inside) if hasattr(inside, "eqns") else 0
    return total


def test_cost_is_the_floor():
    """For layer i: forward from i on, backward to W_i. Not counted out are the inner products of the comparison."""
    c = case("dense")
    arguments = (c.params, c.updated, c.gradient, c.x, c.labels)
    jaxpr = jax.make_jaxpr(partial(covariate_shift, c.network, cross_entropy))(*arguments)
    weights = [c.params[c.network.stages[i].name]["kernel"].size for i in layers(c.network, c.params)]
    forward = [len(c.x) * size for size in weights]
    floor = sum(forward) + sum(sum(forward[i:]) + sum(forward[i + 1 :]) + forward[i] for i in range(1, len(forward)))
    inner = 4 * sum(weights)
    assert _products(jaxpr.jaxpr) == floor + inner
    whole = jax.make_jaxpr(c.slope)(c.params, c.x, c.labels)
    naive = sum(forward) + (len(forward) - 1) * _products(whole.jaxpr) + inner
    assert _products(whole.jaxpr) == 3 * sum(forward) - forward[0]
    assert naive > 1.3 * (floor + inner)


def test_what_diverged_stays_non_finite_and_zero_has_no_cosine():
    c = case("dense")
    for bad in (np.nan, np.inf):
        lost = c.updated | {"dense1": jax.tree.map(lambda a, bad=bad: a * bad, c.updated["dense1"])}
        found = _found("dense", updated=lost)
        assert found.l2[0] == 0 and not np.isfinite(found.l2[1:]).any() and not np.isfinite(found.cosine[1:]).any()
    zero = jax.tree.map(jnp.zeros_like, c.gradient)
    assert np.isnan(_found("dense", gradient=zero).cosine).all()


def test_float32_stays_float32():
    c = single(case("dense"))
    found = covariate_shift(c.network, cross_entropy, c.params, c.updated, c.gradient, c.x, c.labels)
    assert all(value.dtype == jnp.float32 for value in found)
    np.testing.assert_allclose(found.l2, _found("dense").l2, rtol=1e-3)
    assert found.l2[0] == 0 and found.cosine[0] == 1


def test_one_layer_only():
    network = Network((dense_stage("only", 3),))
    x, labels = case("dense").x, case("dense").labels
    params = network.init(jax.random.key(0), x.shape, jnp.float64)
    found = covariate_shift(network, cross_entropy, params, params, params, x, labels)
    assert found.l2.tolist() == [0.0] and found.cosine.tolist() == [1.0]


def test_dataset():
    names = ["dense1", "dense2", "dense3", "output"]
    data = shift_dataset(12, names, _found("dense"))
    assert dict(data.sizes) == {"step": 1, "layer": 4} and data["step"].item() == 12
    assert data["shift"].sel(layer="dense1").item() == 0
    np.testing.assert_array_equal(data["shift_cosine"][0], _found("dense").cosine)


def test_bad_arguments():
    c = case("dense")
    with pytest.raises(InputError, match="gradient that is no tree"):
        _found("dense", gradient={"dense1": c.gradient["dense1"]})
    with pytest.raises(InputError, match="without layers: relu"):
        layers(Network((Stage("relu", lambda p, x: x),)), {})
