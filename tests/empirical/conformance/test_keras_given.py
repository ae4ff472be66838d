"""A Keras layer is tested as it was given: with what its configuration does not tell, and called as Keras calls it."""

import os
import random
import threading
from types import SimpleNamespace

import jax
import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", reason="Keras is not installed: pip install 'bnverify[frameworks]'")

from bnverify.empirical.conformance import conforms, inference, keras_copy  # noqa: E402
from bnverify.empirical.conformance.arithmetic import ROUNDOFF  # noqa: E402
from bnverify.empirical.conformance.case import Case  # noqa: E402
from bnverify.empirical.conformance.imported import frameworks  # noqa: E402
from bnverify.empirical.conformance.jax_layer import plain_jax  # noqa: E402
from bnverify.empirical.conformance.keras_copy import copied, difference  # noqa: E402
from bnverify.empirical.conformance.keras_layer import keras_layer  # noqa: E402
from bnverify.empirical.conformance.recognise import recognise  # noqa: E402
from bnverify.empirical.conformance.subject import Setting, Unsupported  # noqa: E402
from bnverify.empirical.conformance.wrap import subject_of  # noqa: E402
from bnverify.errors import InputError  # noqa: E402

layers, ops = keras.layers, keras.ops
Y = (np.random.default_rng(0).standard_normal((6, 4)) * 3 + 5).astype(np.float32)
SINGLE = Setting("float32")


class Layer(layers.LayerNormalization):
    """An argument that get_config does not have."""

    def __init__(self, less=0, **named):
        super().__init__(**named)
        self.less = less

    def call(self, y):
        centred = y - ops.mean(y, -1, keepdims=True)
        variance = ops.sum(centred**2, -1, keepdims=True) / (y.shape[-1] - self.less)
        return centred / ops.sqrt(variance + self.epsilon) * self.gamma + self.beta


class Told(Layer):
    def get_config(self):
        return {**super().get_config(), "less": self.less}


def changed(**attributes):
    layer = Layer()
    vars(layer).update(attributes)
    return layer


class Of(keras.Layer):
    """Batch norm in a layer, which hears of the mode from Keras; ``build`` is left to the first call."""

    def __init__(self, **named):
        super().__init__(**named)
        self.bn, self.lock, self.np = layers.BatchNormalization(momentum=0.9), threading.Lock(), np

    def call(self, y):
        return self.bn(y)


class Named(Of):
    def call(self, y, use_running_average=False):
        return self.bn(y, training=not use_running_average)


class Called(layers.BatchNormalization):
    def call(self, y, is_training=True):
        return super().call(y, training=is_training)


class Closing(Of):
    """It is called by a function that closes over it, and over lists of its layers."""

    def __init__(self, **named):
        super().__init__(**named)
        self.held = [self.bn, {"norm": layers.LayerNormalization()}]
        self.function = lambda y: self.held[1]["norm"](self.held[0](y))

    def call(self, y):
        return self.function(y)


class Untaking(layers.BatchNormalization):
    """Keras gives the mode to a call that names it, and to no ``**named``."""

    def call(self, y, **named):
        return super().call(y, **named)


def functional():
    y = keras.Input(Y.shape[1:])
    return keras.Model(y, layers.LayerNormalization()(y))


class Seeded(Of):
    """A seed beside the statistics, which are wrong where ``variance`` is given."""

    def __init__(self, variance=None, **named):
        super().__init__(**named)
        self.variance, self.seed = variance, keras.random.SeedGenerator()

    def call(self, y):
        z = self.bn(y)
        if self.variance:
            self.bn.moving_variance.assign(0 * self.bn.moving_variance + self.variance)
        return z


class Twice(keras.Layer):
    """Two parameters, and two states, of one name."""

    def __init__(self, factor=1.0, **named):
        super().__init__(**named)
        self.factor = factor

    def build(self, shape):
        value = keras.initializers.Constant(self.factor)
        self.first = self.add_weight(shape=shape[-1:], initializer="ones", name="gamma")
        self.second = self.add_weight(shape=shape[-1:], initializer=value, name="gamma")
        self.states = [self.add_weight(shape=(), initializer=n, trainable=False, name="n") for n in ("zeros", "ones")]

    def call(self, y):
        centred = y - ops.mean(y, -1, keepdims=True)
        z = centred / ops.sqrt(ops.mean(centred**2, -1, keepdims=True) + 1e-3)
        return z * self.first * self.second * self.states[1]


def test_what_a_configuration_does_not_tell_is_tested_as_well():
    report = conforms(Layer(1), shape=Y.shape)
    assert [finding.key for finding in report.failed] == ["forward.variance"], report
    narrow = report["dtype.bfloat16"]
    assert narrow.verdict == "not tested" and "has another less, and is not the layer" in narrow.meaning


@pytest.fixture(autouse=True)
def _as_users_have_it():
    with plain_jax():
        yield


def _seen(layer):
    """All that a layer and those in it hold, by identity, what its variables are, and the session's random numbers."""
    held = [(id(each), {k: id(v) for k, v in vars(each).items()}) for each in layer._flatten_layers()]
    return (held, random.getstate()), [np.asarray(each.value) for each in layer.variables]


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize(
    ("made", "narrow"),
    [
        (lambda: Layer(1), False), (lambda: Told(1), True), (lambda: changed(less=1), False), (changed, True),
        (lambda: changed(function=lambda y: y), False), (Of, True), (Closing, True), (lambda: Seeded(7.0), True),
        (Twice, True), (lambda: Twice(3.0), True), (lambda: keras.Sequential([Layer()]), False),
        (lambda: keras.Sequential([layers.LayerNormalization()]), True), (Untaking, True), (functional, True),
    ],
)  # fmt: skip
def test_what_is_tested_is_the_layer_and_leaves_it_as_it_was(made, narrow, built):
    layer = made()
    if built:
        layer(Y)
    before = _seen(layer)
    subject = keras_layer("it", layer, Y.shape)
    found = [subject.evaluate(Y, subject.parameters, None, SINGLE).z, subject.instance(SINGLE)(Y, subject.parameters).z]
    after = _seen(layer)
    assert layer.built is built or isinstance(layer, keras.Model)
    assert before[0] == after[0] and all(map(np.array_equal, before[1], after[1]))
    exact = np.asarray(layer(Y, training=True))
    for z in found:
        np.testing.assert_allclose(z, exact, atol=1e-5)
    for dtype in ("bfloat16", "float16"):
        if narrow:
            z = subject.evaluate(Y, subject.parameters, None, Setting(dtype)).z
            np.testing.assert_allclose(z, exact, rtol=8 * ROUNDOFF[dtype], atol=8 * ROUNDOFF[dtype])
            continue
        with pytest.raises(Unsupported, match=r"get_config\(\)"):
            subject.evaluate(Y, subject.parameters, None, Setting(dtype))


class Kept(list):
    def __deepcopy__(self, memo):
        return self


def test_a_layer_that_is_not_copied_is_refused():
    layer = Closing()
    layer.function = jax.jit(layer.function)
    keras_layer("it", layer, Y.shape)
    vars(layer)["held"] = Kept([layer.bn])
    with pytest.raises(InputError, match="refers to it and is not copied"):
        keras_layer("it", layer, Y.shape)


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_float16", "float64"])
def test_a_type_in_which_little_is_seen_is_not_the_only_one(policy):
    with pytest.raises(InputError, match=f"computes in {policy}: what its get_config.. makes has another less"):
        keras_layer("it", Layer(1, dtype=policy), Y.shape)
    subject = keras_layer("it", Told(1, dtype=policy), Y.shape)
    found = subject.evaluate(Y, subject.parameters, None, SINGLE)
    np.testing.assert_allclose(found.z.std(1, ddof=1), 1, atol=1e-3)


def test_of_a_layer_in_a_model_the_layer_is_copied():
    y = keras.Input(Y.shape[1:])
    model = keras.Model(y, layers.Dense(3)(layers.BatchNormalization(name="bn")(layers.Dense(4)(y))))
    layer = model.get_layer("bn")
    assert list(keras_layer("it", layer, Y.shape).parameters) == ["gamma", "beta"]
    assert keras_copy.layers(layer) == [layer] and len(keras_copy.layers(copied("it", layer, Y.shape))) == 1


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (lambda: Layer(1), lambda: Layer(1), ""), (lambda: Layer(1), Layer, "has another less"),
        (Of, lambda: Of(trainable=False), "has other variables"), (Of, Closing, "has other layers in it"),
        (lambda: Twice(1.0), lambda: Twice(2.0), "has another factor"),
        (lambda: layers.LayerNormalization(epsilon=1e-9), lambda: layers.LayerNormalization(epsilon=2e-9), "has anoth"),
        (layers.LayerNormalization, layers.UnitNormalization, "has another"),
    ],
)  # fmt: skip
def test_two_layers_are_compared(one, other, words):
    one, other = (copied("it", each(), Y.shape) for each in (one, other))
    found = difference(one, other, Y.shape)
    assert found.startswith(words) and bool(found) == bool(words)


class Otherwise(layers.BatchNormalization):
    """What it does otherwise is in an object, which is not compared."""

    def __init__(self, kind, **named):
        super().__init__(**named)
        self.kind = SimpleNamespace(kind=kind)

    def call(self, y, training=None):
        z = super().call(y, training=training)
        kind, largest = self.kind.kind, ops.max(ops.abs(y))
        if kind == "state" and training:
            self.moving_mean.assign(1.001 * self.moving_mean)
        if kind == "gradient":
            z = z + y - jax.lax.stop_gradient(y)
        if (kind, training) in (("training", True), ("inference", False)):
            z = 1.001 * z
        there = {"small": largest < 1e-3, "large": largest > 1e3}.get(kind, False)
        return z * ops.cast(ops.where(there, 2, 1), z.dtype)


@pytest.mark.parametrize("kind", ["", "training", "inference", "state", "gradient", "small", "large"])
def test_layers_of_the_same_attributes_are_told_apart_by_what_they_do(kind):
    one, other = (copied("it", Otherwise(each), Y.shape) for each in ("", kind))
    assert difference(one, other, Y.shape) == ("gives other values" if kind else "")


@pytest.mark.parametrize(("variance", "verdict"), [(None, "holds"), (7.0, "violated")])
def test_state_that_is_no_number_hides_no_statistics(variance, verdict):
    subject = keras_layer("it", Seeded(variance), Y.shape)
    found = inference.findings(Case(recognise(subject, Y.shape, "batch", 1, SINGLE)))
    assert {each.key: each.verdict for each in found} == {
        "running.mean": "holds", "running.variance": verdict, "running.training": "holds", "running.inference": "holds",
    }  # fmt: skip


def test_variables_of_one_name_have_their_paths():
    subject = keras_layer("it", Twice(3.0, name="twice"), Y.shape)
    assert {key: value.mean() for key, value in subject.parameters.items()} == {"twice.gamma": 1, "twice.gamma (2)": 3}
    once, twice = (subject.evaluate(Y, subject.parameters | {"twice.gamma (2)": k + np.zeros(4)}, None, SINGLE).z
                   for k in (1, 2))  # fmt: skip
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)
    two = keras.Sequential([layers.BatchNormalization(name="variance"), layers.BatchNormalization(name="b")], name="s")
    found = keras_layer("it", two, Y.shape)
    assert list(found.parameters) == ["s.variance.gamma", "s.variance.beta", "s.b.gamma", "s.b.beta"]
    after = found.running(Y, found.parameters, SINGLE).after
    names = "s.variance.moving_mean", "s.variance.moving_variance", "s.b.moving_mean", "s.b.moving_variance"
    assert tuple(after) == names and inference._named(after, "var") == names[1]


@pytest.mark.slow
def test_a_right_layer_of_two_gains_stays_right():
    assert conforms(Twice(), shape=Y.shape).status == 0


def test_the_mode_is_given_as_keras_gives_it():
    for layer in (Of(), Named(), Called(momentum=0.9), layers.BatchNormalization(momentum=0.9)):
        subject = keras_layer("it", layer, Y.shape)
        z = subject.evaluate(Y, subject.parameters, None, SINGLE).z
        np.testing.assert_allclose(z.std(0), 1, atol=1e-3)
        running = subject.running(Y, subject.parameters, SINGLE)
        assert np.abs(running.infer(Y).std(0) - 1).max() > 0.1 and np.abs(running.train(Y).std(0) - 1).max() < 1e-3


def layer_norm(y, gamma, beta, epsilon=1e-3):
    centred = y - ops.mean(y, -1, keepdims=True)
    return centred / ops.sqrt(ops.mean(centred**2, -1, keepdims=True) + epsilon) * gamma + beta


class Norm:
    def __call__(self, y):
        return self.normed(y)

    def normed(self, y):
        return layer_norm(y, 1.0, 0.0)


def elsewhere(y):
    return __import__("jax").numpy.tanh(y)


def test_functions_of_keras_are_no_numpy_functions():
    assert [frameworks(each) for each in (layer_norm, Norm, Norm())] == [("keras",)] * 3
    for layer in (layer_norm, Norm):
        subject = subject_of(layer, (), {}, Y.shape)
        found = subject.evaluate(Y, subject.parameters, np.ones(Y.shape), SINGLE)
        assert subject.framework == "keras" and np.abs(found.z.std(1) - 1).max() < 1e-2 and np.abs(found.v).max() < 1e-5
    with pytest.raises(InputError, match="no array of NumPy"):
        conforms(elsewhere, shape=Y.shape, framework="numpy")
