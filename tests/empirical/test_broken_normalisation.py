"""Negative controls of the measurement: a normalisation that is not what it is called violates the claims."""

import jax
import jax.numpy as jnp
import pytest
from claimed import arrays, violated

from bnverify.empirical.measurement.measurement import measure
from bnverify.empirical.normalization.known import BATCH_RENORM, named

constant = jax.lax.stop_gradient
EPSILON = 0.1


def broken(norm, forward):
    """A normaliser whose forward pass computes something else than its arrangement, centring and scale say."""

    def layer(y, gamma, beta, epsilon, *context):
        columns = norm.columns(y)
        centre = columns.mean(0) if norm.centred else jnp.zeros_like(columns[0])
        yhat = norm.restore(forward(columns, centre, norm.scale, epsilon), y.shape)
        return gamma * yhat + beta

    return norm.computed_by(layer)


def true(c, centre, scale, e):
    return (c - centre) / scale(c, e)


BROKEN = {
    "larger scale": lambda c, centre, scale, e: (c - centre) / (scale(c, e) * 1.01),
    "centre not differentiated": lambda c, centre, scale, e: (c - constant(centre)) / scale(c, e),
    "scale not differentiated": lambda c, centre, scale, e: (c - centre) / constant(scale(c, e)),
    "inference mode": lambda c, centre, scale, e: (c - constant(centre)) / constant(scale(c, e)),
    "epsilon twice": lambda c, centre, scale, e: (c - centre) / (scale(c, e) + e),
    "no epsilon": lambda c, centre, scale, e: (c - centre) / scale(c, 0.0),
    "centred by the first entry": lambda c, centre, scale, e: (c - c[0]) / scale(c, e),
    "centred twice as far": lambda c, centre, scale, e: (c - c.mean(0) - centre) / scale(c, e),
    "another norm": lambda c, centre, scale, e: (c - centre) / (jnp.abs(c - centre) ** 3).mean(0) ** (1 / 3),
    "half of the batch": lambda c, centre, scale, e: (c - centre) / scale(c[: len(c) // 2], e),
}
# Without centring there is no centre to break.
NOT_OF_RMS = {"centre not differentiated"}
# The others share arrangement, centring or scale with one of these.
NAMES = ("batch", "layer", "rms", "l1", "linf-uncentred", *(
    pytest.param(name, marks=pytest.mark.slow) for name in ("group", "instance", "linf", "l1-uncentred", "l2-uncentred")
))  # fmt: skip
# Every defect of batch norm; of the others, those that have the right values and the wrong gradient.
FIRST = ("centre not differentiated", "scale not differentiated")
CASES = [
    pytest.param(defect, *getattr(name, "values", (name,)), marks=() if first else pytest.mark.slow)
    for name in NAMES
    for defect in BROKEN
    for first in [name == "batch" or (defect in FIRST and isinstance(name, str))]
]


def _suffix(z):
    weights = jnp.arange(1.0, 16.0).reshape(3, 5, 1)
    return jnp.sum(jnp.sin(z) ** 2 * weights) + jnp.prod(jnp.cos(z[0, :3, 0]))


def _found(name, forward):
    norm = broken(named(name), forward)
    y = jax.random.normal(jax.random.key(0), (3, 5, 4)) * 2 + 1
    gamma, beta = jnp.array([1.5, -0.7, 0.3, 1.1]), jnp.array([0.1, 0.2, 0.3, -0.4])
    return violated(name, arrays(measure(_suffix, y, gamma, beta, EPSILON, normalizer=norm, sampled=(0, 1, 2))))


@pytest.mark.parametrize("name", NAMES)
def test_the_true_normalisation_violates_none(name):
    assert _found(name, true) == set()


@pytest.mark.parametrize(("defect", "name"), CASES)
def test_what_is_not_the_normaliser_violates_its_claims(name, defect):
    if name == "rms" and defect in NOT_OF_RMS:
        assert _found(name, BROKEN[defect]) == set()
        return
    found = _found(name, BROKEN[defect])
    expected = {"normalizer-jacobian", "normalizer-backward", "normalizer-gradient", "normalizer-curvature"}
    if name == "batch":
        expected |= {"fact-c1", "fact-c2", "theorem-4.1-exact", "hessian"}
        expected |= {"theorem-4.2-exact", "theorem-4.2-layer-exact"}
    assert expected <= found, (name, defect)


@pytest.mark.parametrize("defect", ["gamma squared", "gamma forgotten"])
def test_another_gamma_is_noticed(defect):
    def layer(y, gamma, beta, epsilon):
        other = gamma * gamma if defect == "gamma squared" else jnp.ones_like(gamma)
        return other * (y - y.mean(0)) / jnp.sqrt(y.var(0) + epsilon) + beta

    y = jax.random.normal(jax.random.key(0), (9, 3)) * 2 + 1
    norm = named("batch").computed_by(layer)
    q = measure(lambda z: jnp.sin(z).sum(), y, jnp.array([1.5, -0.7, 0.3]), jnp.zeros(3), EPSILON, normalizer=norm)
    found = violated("batch", arrays(q))
    assert {"fact-c1", "theorem-4.1-exact", "theorem-4.2-layer-exact", "normalizer-backward"} <= found


@pytest.mark.parametrize("defect", ["differentiated", "r forgotten", "d doubled"])
def test_broken_batch_renormalisation_is_noticed(defect):
    """Its correction must not be differentiated, and z is what it says."""

    def layer(y, gamma, beta, epsilon, running, r_max, d_max):
        mean, s = y.mean(0), jnp.sqrt(y.var(0) + epsilon)
        r, d = s / running[1], (mean - running[0]) / running[1]
        if defect == "r forgotten":
            r = jnp.ones_like(r)
        if defect == "d doubled":
            d = 2 * d
        if defect != "differentiated":
            r, d = constant(r), constant(d)
        return gamma * (r * (y - mean) / s + d) + beta

    y = jax.random.normal(jax.random.key(0), (9, 3)) * 2 + 1
    context = (y.mean(0) + 0.2, 1.3 * y.std(0)), jnp.asarray(3.0), jnp.asarray(5.0)
    arguments = (lambda z: (jnp.sin(z) * jnp.arange(9.0)[:, None]).sum(), y, jnp.array([1.5, -0.7, 0.3]), jnp.ones(3))
    own = BATCH_RENORM.computed_by(layer)
    sound = measure(*arguments, EPSILON, normalizer="batch-renorm", context=context)
    assert violated("batch-renorm", arrays(sound)) == set()
    found = violated("batch-renorm", arrays(measure(*arguments, EPSILON, normalizer=own, context=context)))
    gradients = {"renorm-backward", "renorm-gradient"}
    expected = {
        "differentiated": gradients, "r forgotten": gradients | {"renorm-inference"}, "d doubled": {"renorm-inference"}
    }  # fmt: skip
    assert expected[defect] <= found
