"""The landscape against a loop over points, against a quadratic in closed form, and against known mistakes."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from midway import NAMES, midway, single
from selection import first_and_slow

from bnverify.empirical.measurement.gradients import value_and_gradient
from bnverify.empirical.networks.layers import dense_stage
from bnverify.empirical.networks.network import Network
from bnverify.empirical.training.objectives import cross_entropy
from bnverify.empirical.trajectory.landscape import (
    Landscape,
    curvature,
    landscape,
    landscape_dataset,
    losses_along,
    paper_steps,
    random_direction,
    reproduction_steps,
)
from bnverify.errors import InputError

case = cache(midway)
STEPS = np.array([0.01, 0.05, 0.2, 0.37])


@cache
def _compiled(name):
    return jax.jit(partial(landscape, case(name).network, cross_entropy))


@cache
def _direction(name, kind):
    return None if kind == "gradient" else random_direction(case(name).params, (3, 1))


@cache
def _found(name, kind="gradient"):
    c = case(name)
    return _compiled(name)(c.params, c.x, c.labels, STEPS, _direction(name, kind))[0]


def _flat(tree):
    return np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(tree)])


def _reference(name, kind="gradient", *, gradient=None, along=None, start=None, there=None):
    """Everything the module's docstring lists, point by point; the keywords make its known mistakes: the gradient that
    others are compared with, the gradient to go along, the parameters to start from, (loss, gradient) at a point."""
    c = case(name)
    loss, own = c.slope(start or c.params, c.x, c.labels)
    w, g, d = _flat(start or c.params), _flat(gradient or own), _flat(along or own)
    if kind == "random":
        d = _flat(_direction(name, kind)) * np.linalg.norm(d) / np.linalg.norm(_flat(_direction(name, kind)))
    unflatten = ravel_pytree(c.params)[1]
    out = {key: [] for key in ("losses", "l2", "cosine", "relative", "linear", "linear2", "beta")}
    for step in STEPS:
        h = -step * d
        value, other = (there or c.slope)(unflatten(jnp.asarray(w + h)), c.x, c.labels)
        other = _flat(other)
        out["losses"].append(value)
        out["l2"].append(np.linalg.norm(g - other))
        out["cosine"].append(g @ other / np.linalg.norm(g) / np.linalg.norm(other))
        out["relative"].append(np.linalg.norm(g - other) / np.linalg.norm(g))
        departure = abs(value - loss - g @ h)
        out["linear"].append(departure / np.linalg.norm(h))
        out["linear2"].append(departure / (h @ h))
        out["beta"].append(np.linalg.norm(g - other) / np.linalg.norm(h))
    return {key: np.array(values) for key, values in out.items()}


def _agree(found, expected):
    np.testing.assert_allclose(found.losses, expected["losses"], rtol=1e-10)
    np.testing.assert_allclose(found.predictiveness, expected["l2"], rtol=1e-8)
    np.testing.assert_allclose(found.gradients.cosine, expected["cosine"], rtol=1e-9)
    np.testing.assert_allclose(found.gradients.relative, expected["relative"], rtol=1e-8)
    np.testing.assert_allclose(found.nonlinearity, expected["linear"], rtol=1e-7)
    np.testing.assert_allclose(found.nonlinearity2, expected["linear2"], rtol=1e-7)
    np.testing.assert_allclose(found.effective_beta, expected["beta"].max(), rtol=1e-8)
    for name, key in (("loss_range", "losses"), ("predictiveness_range", "l2")):
        np.testing.assert_allclose(getattr(found, name), (expected[key].min(), expected[key].max()), rtol=1e-8)


@pytest.mark.parametrize("kind", ["gradient", "random"])
@pytest.mark.parametrize("name", NAMES)
def test_landscape_is_the_loop(name, kind):
    found, expected = _found(name, kind), _reference(name, kind)
    _agree(found, expected)
    assert np.ptp(expected["losses"]) > 1e-4 and expected["relative"].max() > 1e-3  # there is something to agree on


def test_the_two_directions_differ():
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        _agree(_found("bn", "random"), _reference("bn", "gradient"))


GRADIENTS = ("updated_gradient", "inference_gradient", "halved_gradient")


@pytest.mark.parametrize("place", ["gradient", "along"])
@pytest.mark.parametrize("mistake", GRADIENTS)
def test_the_gradient_of_another_step_mode_or_batch_is_told_apart(mistake, place):
    """Compared with, or gone along."""
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        _agree(_found("bn"), _reference("bn", **{place: getattr(case("bn"), mistake)}))


def test_the_published_mistake_is_told_apart():
    """The landscape around W_{t+1} with the gradient of W_t; and all of it at W_{t+1}, which is another step's."""
    c = case("bn")
    for mistake in ({"gradient": c.gradient, "along": c.gradient}, {}):
        with pytest.raises(AssertionError, match="Not equal to tolerance"):
            _agree(_found("bn"), _reference("bn", start=c.updated, **mistake))
    around = _compiled("bn")(c.updated, c.x, c.labels, STEPS)[0]
    _agree(around, _reference("bn", start=c.updated))


def _inference(c):
    fixed = c.network.inference(c.network.batch_statistics(c.params, c.x))
    return jax.jit(partial(value_and_gradient, fixed, cross_entropy))


def _halves(c):
    def there(params, x, labels):
        parts = [c.slope(params, x[half], labels[half]) for half in (slice(0, len(x) // 2), slice(len(x) // 2, None))]
        return jax.tree.map(lambda a, b: (a + b) / 2, *parts)

    return there


@pytest.mark.parametrize("there", [_inference, _halves])
def test_points_in_inference_mode_or_on_split_batches_are_told_apart(there):
    """Even where the fixed statistics are those of this batch at W_t. Without a norm they are no mistake, so what is
    told apart is the normalisation over the batch, and nothing else."""
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        _agree(_found("bn"), _reference("bn", there=there(case("bn"))))
    _agree(_found("plain"), _reference("plain", there=there(case("plain"))))


def test_the_gradient_comes_with_it():
    """The same gradient whichever the points and the direction; that of the parameters."""
    c = case("bn")
    for direction in (None, _direction("bn", "random")):
        found, gradient = _compiled("bn")(c.params, c.x, c.labels, STEPS, direction)
        np.testing.assert_allclose(_flat(gradient), _flat(c.gradient), rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(found.norm, np.linalg.norm(_flat(c.gradient)), rtol=1e-12)
        np.testing.assert_allclose(found.loss, c.loss, rtol=1e-12)
    assert np.linalg.norm(_flat(c.updated_gradient) - _flat(c.gradient)) > 1e-2 * found.norm


@pytest.mark.parametrize("kind", ["gradient", "random"])
@pytest.mark.parametrize("name", first_and_slow(["bn", "plain"], {"bn"}))
def test_losses_alone_are_the_same_losses(name, kind):
    c = case(name)
    alone = jax.jit(partial(losses_along, c.network, cross_entropy))
    found = alone(c.params, c.gradient, c.x, c.labels, STEPS, _direction(name, kind))
    np.testing.assert_allclose(found, _found(name, kind).losses, rtol=1e-12)
    assert np.abs(found - c.loss).min() > 1e-6


def _half_squares(output, targets):
    return jnp.square(output - targets).mean() / 2


def _by_row(tree):
    return np.concatenate([np.asarray(tree["layer"]["kernel"]).ravel(), np.asarray(tree["layer"]["bias"])])


def test_a_quadratic_loss_in_closed_form():
    """|XW + b - T|^2 / 2n: the gradient is affine, so every quantity is a quadratic form of H at every distance."""
    source = np.random.default_rng(0)
    x, targets = source.normal(size=(12, 4)), source.normal(size=(12, 3))
    network = Network((dense_stage("layer", 3),))
    params = network.init(jax.random.key(0), x.shape, jnp.float64)
    design = np.hstack([x, np.ones((12, 1))])
    hessian = np.kron(design.T @ design, np.eye(3)) / targets.size
    residual = design @ _by_row(params).reshape(5, 3) - targets
    g = (design.T @ residual).ravel() / targets.size

    loss = (residual**2).sum() / 2 / targets.size
    for direction in (None, random_direction(params, 5)):
        given = jnp.asarray(x), jnp.asarray(targets)
        found, gradient = landscape(network, _half_squares, params, *given, jnp.asarray(STEPS), direction)
        d = g if direction is None else _by_row(direction)
        d = d * np.linalg.norm(g) / np.linalg.norm(d)
        curved = curvature(network, _half_squares, params, direction or gradient, *given)
        np.testing.assert_allclose(_by_row(gradient), g, rtol=1e-10)
        np.testing.assert_allclose(found.loss, loss, rtol=1e-12)
        np.testing.assert_allclose(found.slope, g @ d, rtol=1e-11)
        np.testing.assert_allclose(found.norm, np.linalg.norm(g), rtol=1e-12)
        expected = loss - STEPS * (g @ d) + STEPS**2 * (d @ hessian @ d) / 2
        np.testing.assert_allclose(found.losses, expected, rtol=1e-12)
        np.testing.assert_allclose(found.predictiveness, STEPS * np.linalg.norm(hessian @ d), rtol=1e-10)
        np.testing.assert_allclose(found.effective_beta, np.linalg.norm(hessian @ d) / np.linalg.norm(d), rtol=1e-10)
        np.testing.assert_allclose(found.nonlinearity2, d @ hessian @ d / 2 / (d @ d), rtol=1e-9)
        np.testing.assert_allclose(curved, d @ hessian @ d / (d @ d), rtol=1e-12)
        assert found.effective_beta <= np.linalg.eigvalsh(hessian)[-1] * (1 + 1e-12)


@pytest.mark.parametrize("kind", ["gradient", "random"])
def test_curvature_is_that_of_the_dense_hessian(kind):
    c = case("dense")
    flat, unflatten = ravel_pytree(c.params)
    hessian = np.asarray(jax.jit(jax.hessian(lambda w: cross_entropy(c.network(unflatten(w), c.x), c.labels)))(flat))
    direction = _direction("dense", kind) or c.gradient
    d = _flat(direction)
    found = jax.jit(partial(curvature, c.network, cross_entropy))(c.params, direction, c.x, c.labels)
    np.testing.assert_allclose(found, d @ hessian @ d / (d @ d), rtol=1e-9)
    other = _flat(c.gradient if kind == "random" else _direction("dense", "random"))
    assert abs(found / (other @ hessian @ other / (other @ other)) - 1) > 1e-2


def test_steps():
    np.testing.assert_allclose(paper_steps(0.1), 0.1 * np.arange(0.5, 4.1, 0.5))
    np.testing.assert_allclose(paper_steps(0.1, points=2), [0.05, 0.4])
    capped = paper_steps(0.5)
    assert len(np.unique(capped)) == 8 and capped[0] == 0.25 and capped[-1] == 0.4
    np.testing.assert_allclose(reproduction_steps(2.0), [1, 5, 9, 13, 17, 21, 25, 29, 33, 37])
    for rate in (0.0, 0.8, np.nan):
        with pytest.raises(InputError, match="learning rate"):
            paper_steps(rate)


def test_random_directions():
    c = case("bn")
    one, same, other = (random_direction(c.params, seed) for seed in ((3, 1), (3, 1), (3, 2)))
    np.testing.assert_array_equal(_flat(one), _flat(same))
    n = _flat(one).size
    unit = {
        key: _flat(d) / np.linalg.norm(_flat(d)) for key, d in {"one": one, "other": other, "g": c.gradient}.items()
    }
    for a, b in (("one", "other"), ("one", "g"), ("other", "g")):
        assert 0 < abs(unit[a] @ unit[b]) < 5 / np.sqrt(n)  # as independent directions in n dimensions
    assert (_flat(one) ** 2).mean() == pytest.approx(1, rel=0.2)
    assert (unit["one"] ** 4).sum() * n == pytest.approx(3, rel=0.3)  # the kurtosis of a normal distribution
    twin = random_direction(case("plain").params, (3, 1))
    np.testing.assert_array_equal(twin["conv2"]["kernel"], one["conv2"]["kernel"])
    assert abs(one["norm3"]["beta"] - one["norm3"]["gamma"]).min() > 0
    assert abs(random_direction(c.params, 3)["norm3"]["beta"] - one["norm3"]["beta"]).min() > 0


def test_the_length_of_a_direction_does_not_matter():
    c = case("dense")
    longer = jax.tree.map(lambda r: 7.5 * r, _direction("dense", "random"))
    found = _compiled("dense")(c.params, c.x, c.labels, STEPS, longer)[0]
    np.testing.assert_allclose(found.losses, _found("dense", "random").losses, rtol=1e-12)


def test_what_diverged_stays_non_finite():
    c = case("plain")
    far = _compiled("plain")(c.params, c.x, c.labels, np.array([1e-2, 1e2, 1e200, 1e300]))[0]
    assert np.isfinite(far.losses[0]) and not np.isfinite(far.losses[-1])
    assert not np.isfinite(far.loss_range).all() and not np.isfinite(far.effective_beta)
    lost = jax.tree.map(lambda a: a * np.nan, c.params)
    for direction in (None, _direction("plain", "random")):
        found, gradient = _compiled("plain")(lost, c.x, c.labels, STEPS, direction)
        for value in (found.loss_range, found.predictiveness_range, found.effective_beta, found.nonlinearity):
            assert np.isnan(value).all()
        assert np.isnan(_flat(gradient)).any()  # a ReLU passes no gradient where its input is NaN
        assert np.isnan(landscape_dataset(0, {"gradient": found})["effective_beta"]).all()


def test_memory_does_not_grow_with_the_points():
    """A pass reduces each gradient before it takes the next; all points at a time would hold them all."""
    c = case("dense")

    def held(function, points):
        compiled = jax.jit(function).lower(c.params, jnp.ones(points), c.x, c.labels).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    def in_turn(params, steps, x, labels):
        return landscape(c.network, cross_entropy, params, x, labels, steps)

    def at_a_time(params, steps, x, labels):
        return jax.vmap(lambda step: in_turn(params, step[None], x, labels)[0].predictiveness[0])(steps)

    assert held(in_turn, 64) < held(in_turn, 2) + 64 * 8 * 16
    assert held(at_a_time, 64) > held(at_a_time, 2) + 62 * 8 * _flat(c.params).size


def test_float32_stays_float32():
    c = single(case("dense"))
    found, gradient = jax.jit(partial(landscape, c.network, cross_entropy))(
        c.params, c.x, c.labels, STEPS, random_direction(c.params, (3, 1))
    )
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves((found, gradient)))
    assert found.nonlinearity.dtype == found.effective_beta.dtype == jnp.float32
    np.testing.assert_allclose(found.losses, _found("dense", "random").losses, rtol=1e-3)


def test_dataset():
    first, short = _found("bn"), _found("dense")
    short = Landscape(
        short.steps[:2], short.losses[:2], type(short.gradients)(*(a[:2] for a in short.gradients)), *short[3:]
    )
    data = landscape_dataset(40, {"gradient": first, "random": short})
    assert dict(data.sizes) == {"step": 1, "line": 2, "point": 4} and data["points"].values.tolist() == [[4, 2]]
    np.testing.assert_array_equal(data["predictiveness"].sel(line="gradient")[0], first.predictiveness)
    assert np.isnan(data["line_loss"].sel(line="random")[0, 2:]).all()
    assert data["effective_beta"].sel(line="random").item() == short.effective_beta


def test_a_direction_of_other_shape():
    c = case("dense")
    steps, part = jnp.asarray(STEPS), {"dense1": c.gradient["dense1"]}
    with pytest.raises(InputError, match="direction that is no tree"):
        landscape(c.network, cross_entropy, c.params, c.x, c.labels, steps, part)
