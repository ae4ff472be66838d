"""The exact normalisers against automatic differentiation: values by definition, v and its derivative by JAX."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bnverify.empirical.conformance.exact import Normaliser, Scale, Vectors

SCALES = [
    (True, Scale("l2", epsilon=1e-2)), (True, Scale("l2", divisor="m-1", place="outside", epsilon=1e-2)),
    (True, Scale("l2", divisor="1", place="floor", epsilon=1e-2)), (True, Scale("l2", place="floor", epsilon=50.0)),
    (True, Scale("l2", place="clipped", epsilon=1e-2)), (True, Scale("l2", place="clipped", epsilon=50.0)),
    (False, Scale("l2", uncentred=True, epsilon=0.1)), (True, Scale("l2", uncentred=True, epsilon=0.1)),
    (True, Scale("l1", place="outside", epsilon=0.1)), (True, Scale("l1", uncentred=True, place="outside")),
    (True, Scale("linf", place="outside", epsilon=0.1)), (True, Scale("linf", uncentred=True, place="outside")),
]  # fmt: skip


def written(columns, centred, scale):
    """yhat of columns, as one would write it in JAX."""
    m = len(columns)
    mean = columns.mean(0)
    c = columns if scale.uncentred else columns - mean
    factor = {"m": 1.0, "m-1": m / (m - 1), "1": float(m)}[scale.divisor]
    if scale.norm == "l2":
        square = factor * jnp.square(c).mean(0)
        inside = {"inside": square + scale.epsilon, "clipped": jnp.maximum(square, scale.epsilon)}
        s = jnp.sqrt(inside.get(scale.place, square))
    else:
        s = factor * jnp.abs(c).mean(0) if scale.norm == "l1" else jnp.abs(c).max(0)
    s = (
        s + scale.epsilon
        if scale.place == "outside"
        else jnp.maximum(s, scale.epsilon)
        if scale.place == "floor"
        else s
    )
    return (columns - mean if centred else columns) / s


@pytest.mark.parametrize(("centred", "scale"), SCALES)
def test_values_and_derivatives(centred, scale):
    random = np.random.default_rng(3)
    y, g, d = (random.standard_normal((7, 4)) for _ in range(3))
    point = Normaliser(Vectors((0,)), centred, scale).at(y)

    def backward(y):
        return jax.vjp(lambda y: written(y, centred, scale), y)[1](jnp.asarray(g))[0]

    np.testing.assert_allclose(point.yhat.astype(float), written(y, centred, scale), rtol=1e-13, atol=1e-14)
    gradient = point.columns(g)
    np.testing.assert_allclose(point.backward(gradient).astype(float), backward(y), rtol=1e-12, atol=1e-13)
    second = jax.jvp(backward, (jnp.asarray(y),), (jnp.asarray(d),))[1]
    np.testing.assert_allclose(point.second(gradient, point.columns(d)).astype(float), second, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("centred", "scale"), [each for each in SCALES if each[1].norm != "linf"])
def test_repeated_values_are_those_of_the_longer_vector(centred, scale):
    """Not for maxima, of which several are equal then."""
    random = np.random.default_rng(4)
    y, g = (random.standard_normal((7, 4)) for _ in range(2))
    few = Normaliser(Vectors((0,)), centred, replace(scale, repeated=5)).at(y)
    whole = Normaliser(Vectors((0,)), centred, scale).at(np.tile(y, (5, 1)))
    for name in ("root", "s", "yhat", "n"):
        times = 5 if name == "n" else 1  # whose entries are as much smaller as they are more
        short, long = (np.asarray(getattr(point, name), float) for point in (few, whole))
        np.testing.assert_allclose(times * long[: len(short)], short, rtol=1e-14, err_msg=name)
    v = whole.backward(whole.columns(np.tile(g, (5, 1))))[:7]
    np.testing.assert_allclose(few.backward(few.columns(g)).astype(float), v.astype(float), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("vectors", [
    Vectors((0,)), Vectors((1, 3)), Vectors((0, 2, 3)), Vectors((1, 2, 3), 1, 2), Vectors((3,), 3, 3),
    Vectors((1, 2, 3), 3, 2),
])  # fmt: skip
def test_columns_are_restored_and_hold_what_is_reduced(vectors):
    y = np.arange(3 * 4 * 2 * 6.0).reshape(3, 4, 2, 6)
    columns = vectors.columns(y)
    np.testing.assert_array_equal(vectors.restore(columns, y.shape), y)
    assert columns.shape[0] == vectors.size(y.shape)
    if vectors.groups == 1:
        np.testing.assert_array_equal(np.sort(columns.mean(0)), np.sort(y.mean(vectors.axes).ravel()))


def test_groups_are_neighbouring_channels():
    y = np.broadcast_to(np.arange(6.0), (2, 6))
    columns = Vectors((1,), 1, 2).columns(y)
    np.testing.assert_array_equal(columns.T, [[0, 1, 2], [3, 4, 5]] * 2)
