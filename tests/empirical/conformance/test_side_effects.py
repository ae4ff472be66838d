"""What a layer does besides computing: it writes into what it reads, remembers, or depends on how it is called."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy_layers import Pair

from bnverify.empirical.conformance import conforms

PAIR = Pair()


class Effect:
    """A right layer over the last axis with one effect on what it reads, or on what it gave before."""

    def __init__(self, effect, after=0):
        self.effect, self.after, self.calls, self.buffers = effect, after, 0, {}

    def forward(self, y, gamma, beta, eps=1e-5):
        self.calls += 1
        z = PAIR.forward(y, gamma, beta, eps)
        if self.effect == "remembers" and self.calls > self.after:
            return z * (1 + 1e-6)
        if self.effect == "the values of an earlier call":
            buffer = self.buffers.setdefault((z.shape, z.dtype), z)
            buffer[...] = z
            return buffer
        return z

    def backward(self, g, y, gamma, beta, eps=1e-5):
        found = PAIR.backward(g.copy(), y.copy(), gamma.copy(), beta.copy(), eps)
        named = {"g": g, "y in the backward pass": y, "gamma": gamma, "beta": beta}
        if self.effect in named and named[self.effect].flags.writeable:
            named[self.effect][...] += 1
        return found


@pytest.mark.parametrize("effect", ["g", "y in the backward pass", "gamma", "beta", "the values of an earlier call"])
def test_what_a_layer_reads_is_left_as_it_was(effect):
    layer = Effect(effect)
    report = conforms(layer.forward, shape=(16, 6), backward=layer.backward)
    assert [finding.key for finding in report.failed] == ["structure.repeatable"]
    assert f"writes into {effect}" in report["structure.repeatable"].meaning


@pytest.mark.parametrize("after", [3, 25, 40, 60])
def test_a_layer_that_changes_after_some_calls_is_seen_at_the_end(after):
    """Also where it has changed before anything is read off it."""
    layer = Effect("remembers", after)
    report = conforms(layer.forward, shape=(16, 6), backward=layer.backward)
    assert report["structure.repeatable"].verdict == "violated" and layer.calls > after


def test_a_layer_that_stays_is_repeatable():
    right = Effect("")
    assert conforms(right.forward, shape=(16, 6), backward=right.backward)["structure.repeatable"].verdict == "holds"


def _layer(y, gamma, beta, eps=1e-5):
    c = y - y.mean(-1, keepdims=True)
    return c / jnp.sqrt(jnp.square(c).mean(-1, keepdims=True) + eps) * gamma + beta


def _outside_a_compiler(y, gamma, beta, eps=1e-5):
    return _layer(y, gamma, beta, eps) * (1 if isinstance(y, jax.core.Tracer) else 1.001)


@jax.custom_batching.custom_vmap
def _vectorised(y):
    return y


@_vectorised.def_vmap
def _rule(size, batched, y):
    return y * 1.001, True


def _mapped_wrongly(y, gamma, beta, eps=1e-5):
    return _layer(_vectorised(y), gamma, beta, eps) if y.dtype != jnp.float64 else _vectorised(
        _layer(y, gamma, beta, eps)
    )  # fmt: skip


@pytest.mark.parametrize(("layer", "key"), [(_outside_a_compiler, "way.uncompiled"), (_mapped_wrongly, "way.mapped")])
def test_values_do_not_depend_on_how_a_function_is_called(layer, key):
    report = conforms(layer, shape=(16, 6))
    assert report[key].verdict == "violated"
    assert {finding.key for finding in conforms(_layer, shape=(16, 6)).failed} == set()


@jax.custom_vjp
def _constant_gradient(y, gamma, beta):
    return _layer(y, gamma, beta)


_constant_gradient.defvjp(
    lambda *given: (_layer(*given), given), lambda given, g: jax.vjp(_layer, *given)[1](jax.lax.stop_gradient(g))
)


def test_the_second_derivative_is_tested_along_the_gradient_too():
    report = conforms(lambda y, gamma, beta: _constant_gradient(y, gamma, beta), shape=(16, 6), framework="jax")
    assert [finding.key for finding in report.failed] == ["second.values"]


def _in_float16(y, gamma, beta, eps=1e-5):
    return _layer(y.astype(jnp.float16), gamma.astype(jnp.float16), beta.astype(jnp.float16), eps).astype(y.dtype)


def _batch(y, gamma, beta, eps=1e-5):
    return _layer(y.T, gamma[:, None], beta[:, None], eps).T


@pytest.mark.parametrize(
    ("shape", "epsilon"), [((1, 8), 1e-5), pytest.param((2, 2), 1e-5, marks=pytest.mark.slow), ((16, 6), 1e6)]
)
def test_a_scale_that_float16_does_not_have_is_inaccurate(shape, epsilon):
    report = conforms(
        lambda y, gamma, beta, eps=epsilon: _batch(y, gamma, beta, eps),
        shape=shape, framework="jax", normalizer="batch",
    )  # fmt: skip
    assert report.status == 0 and report["dtype.float16"].verdict == "inaccurate"

    def wrong(y, gamma, beta, eps=1e-5):
        return _batch(y, gamma, beta, eps) * (1 if y.dtype != jnp.float16 else jnp.nan)

    assert conforms(wrong, shape=(16, 6))["dtype.float16"].verdict == "violated"


def test_not_a_number_out_of_numbers_is_violated_where_the_layer_chose_the_type():
    report = conforms(_in_float16, shape=(16, 6))
    assert report["regime.constant"].verdict == "violated" and "NaN" in report["regime.constant"].meaning
    plain = conforms(_layer, shape=(16, 6))  # here the caller chose float16, whose squares end at 256
    assert plain.status == 0 and plain["dtype.range"].verdict == "inaccurate"
    assert np.isfinite(plain["dtype.float16"].residual) and plain["dtype.float16"].verdict == "holds"
