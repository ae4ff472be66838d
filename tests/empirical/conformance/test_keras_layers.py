"""Keras layers on JAX: what they are, that a wrong one is refused, which dtypes are tried."""

import os

import jax
import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", reason="Keras is not installed: pip install 'bnverify[frameworks]'")

from bnverify.empirical.conformance import conforms  # noqa: E402
from bnverify.errors import InputError  # noqa: E402


@pytest.mark.parametrize(
    ("layer", "args", "shape", "words"),
    [
        ("BatchNormalization", (), (12, 3, 2, 4), "batch norm over samples and positions, channel by channel, with "
         "epsilon 0.001"),
        pytest.param("LayerNormalization", (), (8, 5), "layer norm over the features of each sample, with epsilon "
                     "0.001", marks=pytest.mark.slow),
        pytest.param("GroupNormalization", (2,), (4, 3, 4), "group-2 norm over 2 groups of channels",
                     marks=pytest.mark.slow),
        ("RMSNormalization", (), (8, 5), "RMS norm over the features of each sample, with epsilon 1e-06"),
    ],
)  # fmt: skip
def test_layers_as_they_are_released(layer, args, shape, words):
    report = conforms(getattr(keras.layers, layer), *args, shape=shape)
    assert report.framework == "keras" and report.status == 0, report
    assert report.words.startswith(f"This is {words}")
    if layer == "BatchNormalization":
        assert report["running.mean"].meaning.startswith("each step keeps 0.99 of the old; momentum 0.99 is the share")
        assert (
            report["running.variance"].meaning.startswith("biased") and report["running.inference"].verdict == "holds"
        )


def test_float64_is_not_tried_as_keras_takes_means_of_it_in_float32():
    report = conforms(keras.layers.RMSNormalization, shape=(8, 5))
    assert "tested in float32" in report.words and report["forward.yhat"].residual > 1e-10
    with jax.enable_x64(True):
        y = np.random.default_rng(0).standard_normal((8, 5))
        z = keras.layers.LayerNormalization(epsilon=1e-3, dtype="float64")(y)
    exact = (y - y.mean(1, keepdims=True)) / np.sqrt(y.var(1, keepdims=True) + 1e-3)
    assert z.dtype == np.float64 and 1e-9 < np.abs(z - exact).max() < 1e-6


class Unbiased(keras.layers.Layer):
    """A layer of one's own with an unbiased variance, in the precision it is given."""

    def __init__(self, epsilon=1e-3, **named):
        super().__init__(**named)
        self.epsilon = epsilon

    def build(self, shape):
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")

    def call(self, y):
        centred = y - keras.ops.mean(y, -1, keepdims=True)
        variance = keras.ops.sum(centred**2, -1, keepdims=True) / (y.shape[-1] - 1)
        return self.gamma * centred / keras.ops.sqrt(variance + self.epsilon)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


def test_a_layer_of_ones_own_is_read_and_a_variant_is_refused():
    report = conforms(Unbiased, shape=(8, 5), keywords={"epsilon": 0.01})
    assert [finding.key for finding in report.failed] == ["forward.variance"]
    assert "epsilon 0.01 inside the root and an unbiased variance" in report.words
    assert report["law.scale"].verdict == "holds"
    assert conforms(Unbiased(0.01), shape=(8, 5), normalizer="layer:unbiased").status == 0


def test_another_backend_is_told(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(InputError, match="Keras on tensorflow"):
        conforms(keras.layers.LayerNormalization, shape=(8, 5))
    with pytest.raises(InputError, match="Keras on tensorflow"):
        conforms(lambda y: y / keras.ops.sqrt(keras.ops.mean(y**2, 0) + 1e-3), shape=(8, 5))
