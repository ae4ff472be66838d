"""Training and inference mode: told by a flag of the call, under any of its names; a layer without one has one mode."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from bnverify.empirical.conformance import conforms


class _Fixed(linen.Module):
    @linen.compact
    def __call__(self, y):
        return linen.BatchNorm(use_running_average=False, dtype=y.dtype, param_dtype=y.dtype)(y)


class _Switched(linen.Module):
    wrong: bool = False

    @linen.compact
    def __call__(self, y, train):
        used = not train and not self.wrong
        return linen.BatchNorm(dtype=y.dtype, param_dtype=y.dtype)(y, use_running_average=used)


class _Nnx(nnx.Module):
    def __init__(self):
        self.norm = nnx.BatchNorm(4, rngs=nnx.Rngs(0))

    def __call__(self, y, training: bool):
        return self.norm(y, use_running_average=not training)


def _haiku(y, is_training=True):
    import haiku

    return haiku.BatchNorm(True, True, 0.9)(y, is_training)


def _fixed_haiku(y):
    return _haiku(y, True)


@pytest.mark.parametrize(
    ("layer", "framework", "verdict"),
    [
        (_Fixed, "linen", "not tested"), (_fixed_haiku, "haiku", "not tested"), (_Switched, "linen", "holds"),
        (_Switched(wrong=True), "linen", "violated"), (_Nnx, "nnx", "holds"), (_haiku, "haiku", "holds"),
    ],
)  # fmt: skip
def test_inference_is_what_a_flag_of_the_call_switches_to(layer, framework, verdict):
    if framework == "haiku":
        pytest.importorskip("haiku")
    report = conforms(layer, shape=(6, 4), framework=framework)
    assert report["running.inference"].verdict == verdict, report
    assert report["running.training"].verdict == "holds"
    if verdict == "not tested":
        assert report["running.inference"].meaning == "it has no inference mode"


class _Detached(_Switched):
    @linen.compact
    def __call__(self, y, train):
        norm = linen.BatchNorm(dtype=y.dtype, param_dtype=y.dtype)
        if train:
            return norm(y, use_running_average=False)
        return linen.map_variables(lambda one, y: one(y, use_running_average=True), "params", jax.lax.stop_gradient)(
            norm, y
        )


def test_gradients_of_parameters_in_inference_mode_are_tested():
    report = conforms(_Detached(), shape=(6, 4))
    assert [each.key for each in report.failed] == ["running.inference"], report
    assert "the gradient of BatchNorm_0" in report["running.inference"].meaning


def test_a_keras_layer_without_a_flag_has_one_mode():
    keras = pytest.importorskip("keras")

    class Fixed(keras.layers.BatchNormalization):
        def call(self, y):
            return super().call(y, training=True)

    assert conforms(Fixed(), shape=(6, 4))["running.inference"].meaning == "it has no inference mode"


class _Counting(linen.Module):
    """Batch norm that counts its calls in an integer, beside its statistics."""

    wrong: bool = False

    @linen.compact
    def __call__(self, y, train):
        count = self.variable("batch_stats", "count", lambda: jnp.zeros((), jnp.int32))
        names = jnp.arange(3)[count.value % 3]  # an index has to be whole
        if train and not self.is_initializing():
            count.value += 1 + 0 * names
        used = not train and not self.wrong
        return linen.BatchNorm(dtype=y.dtype, param_dtype=y.dtype)(y, use_running_average=used)


def test_a_state_that_is_no_float_stays_what_it_is():
    report = conforms(_Counting(), shape=(16, 4))
    assert report.status == 0 and report["running.mean"].verdict == report["running.inference"].verdict == "holds"
    assert conforms(_Counting(wrong=True), shape=(16, 4))["running.inference"].verdict == "violated"
