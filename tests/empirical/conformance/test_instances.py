"""One instance of a layer, called as users call it: what it keeps of a call must not change a later one."""

import copy

import flax.linen as linen
import jax.numpy as jnp
import pytest
from flax import nnx

from bnverify.empirical.conformance import conforms

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install 'bnverify[torch]'")


class _Right(torch.nn.Module):
    """Batch norm with running statistics that are no buffers."""

    def __init__(self, c):
        super().__init__()
        self.weight, self.bias, self.eps = torch.nn.Parameter(torch.ones(c)), torch.nn.Parameter(torch.zeros(c)), 1e-5
        self.mean, self.var = torch.zeros(c), torch.ones(c)

    def statistics(self, y):
        if not self.training:
            return self.mean, self.var
        mean, var = y.mean(0), y.var(0, unbiased=False)
        self.mean, self.var = 0.9 * self.mean + 0.1 * mean.detach(), 0.9 * self.var + 0.1 * var.detach()
        return mean, var

    def gain(self):
        return self.weight

    def forward(self, y):
        mean, var = self.statistics(y)
        return self.gain() * (y - mean) / torch.sqrt(var + self.eps) + self.bias


class FirstBatch(_Right):
    def statistics(self, y):
        self.kept = getattr(self, "kept", None) or super().statistics(y)
        return self.kept


class Doubled(_Right):
    calls = 0

    def gain(self):
        self.calls += 1
        return self.weight * (1 if self.calls < 2 else 2)


class Initialised(_Right):
    """Statistics of the first batch in buffers of no known name, as in activation norm."""

    def __init__(self, c):
        super().__init__(c)
        for name in ("loc", "size", "done"):
            self.register_buffer(name, torch.zeros(c))

    def statistics(self, y):
        if not self.done.any():
            for kept, value in zip((self.loc, self.size, self.done), (*super().statistics(y), 1.0), strict=True):
                kept.copy_(torch.as_tensor(value).detach())
            return super().statistics(y)
        return self.loc.clone(), self.size.clone()


class Masked(_Right):
    def statistics(self, y):
        if not hasattr(self, "mask"):
            self.mask = torch.ones(len(y), 1, dtype=y.dtype)
        return super().statistics(y * self.mask)


class StaleGain(_Right):
    """The gain of its first call, whatever an optimizer makes of it later."""

    def gain(self):
        if not hasattr(self, "folded"):
            self.folded = self.weight.detach().clone()
        return self.folded + self.weight - self.weight.detach()


class Folded(_Right):
    """In inference mode the affine map of its first call there."""

    def statistics(self, y):
        if self.training:
            return super().statistics(y)
        self.folded = getattr(self, "folded", None) or (self.mean, self.var)
        return self.folded


class _OfStored(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y, module):
        s = torch.sqrt(y.var(0, unbiased=False) + module.eps)
        module.s = getattr(module, "s", s)
        yhat = (y - y.mean(0)) / s
        ctx.save_for_backward(yhat, module.s)
        return yhat

    @staticmethod
    def backward(ctx, g):
        yhat, s = ctx.saved_tensors
        return (g - g.mean(0) - yhat * (g * yhat).mean(0)) / s, None


class StaleBackward(_Right):
    """Right values always, and the scale of the first batch in its backward pass."""

    def forward(self, y):
        return self.weight * _OfStored.apply(y, self) + self.bias


@pytest.mark.parametrize(
    "kind", [FirstBatch, Doubled, Initialised, Masked, StaleGain, Folded, StaleBackward], ids=lambda kind: kind.__name__
)
def test_what_an_instance_keeps_is_told(kind):
    report = conforms(kind, 4, shape=(6, 4))
    assert {finding.key for finding in report.failed} <= {"structure.repeatable", "second.values"}
    assert report["structure.repeatable"].verdict == "violated", report
    meaning = "raises" if kind is Masked else "inference mode" if kind is Folded else "keeps what it saw"
    assert meaning in report["structure.repeatable"].meaning


class _Spectral(torch.nn.Sequential):
    def __init__(self):
        of = torch.nn.utils.parametrizations.spectral_norm
        super().__init__(of(torch.nn.Linear(4, 4)), torch.nn.BatchNorm1d(4))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (_Right(4), (6, 4)), (torch.nn.BatchNorm1d(4), (6, 4)), (torch.nn.BatchNorm1d(4, momentum=None), (6, 4)),
        (torch.nn.InstanceNorm1d(4, affine=True, track_running_stats=True), (3, 4, 5)), (_Spectral(), (6, 4)),
        (torch.nn.LayerNorm(4), (6, 4)), (torch.nn.GroupNorm(2, 4), (3, 4, 5)),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, torch.nn.Module) else str(each),
)  # fmt: skip
def test_running_statistics_are_no_such_thing(layer, shape):
    before = copy.deepcopy(layer.state_dict())
    assert conforms(layer, shape=shape)["structure.repeatable"].verdict == "holds"
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


class Corrected(_Right):
    """Batch renormalisation, whose values move away from batch norm's with its running statistics."""

    def __init__(self, c):
        super().__init__(c)
        del self.mean, self.var
        self.register_buffer("mean", torch.zeros(c))
        self.register_buffer("var", torch.ones(c))
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, y):
        if not self.training:
            return super().forward(y)
        most = 1 + 2 * (self.steps > 0)
        s, running = torch.sqrt(y.var(0, unbiased=False) + self.eps), torch.sqrt(self.var + self.eps)
        r = (s / running).detach().clamp(1 / most, most)
        d = ((y.mean(0) - self.mean) / running).detach().clamp(1 - most, most - 1)
        self.mean, self.var = (0.9 * old + 0.1 * new.detach()
                               for old, new in ((self.mean, y.mean(0)), (self.var, s**2 - self.eps)))  # fmt: skip
        self.steps = self.steps + 1
        return self.weight * ((y - y.mean(0)) / s * r + d) + self.bias


@pytest.mark.parametrize("moves", [True, False])
def test_buffers_that_are_put_in_the_place_of_others_are_read(moves):
    class Replaced(Corrected):
        def forward(self, y):
            if self.training and moves:
                self.mean = 0.9 * self.mean + 0.1 * y.mean(0).detach()
                self.var = 0.9 * self.var + 0.1 * y.var(0, unbiased=False).detach()
            return torch.nn.functional.batch_norm(
                y,
                self.mean.clone(),
                self.var.clone(),
                self.weight,
                self.bias,
                self.training,
                eps=self.eps,
            )

    report = conforms(Replaced, 4, shape=(6, 4))
    assert [finding.key for finding in report.failed] == ([] if moves else ["running.mean"])
    assert ("keeps 0.9 of the old" if moves else "leaves it as it was") in report["running.mean"].meaning


def test_a_dependence_on_running_statistics_is_told_once():
    assert [finding.key for finding in conforms(Corrected, 4, shape=(6, 4)).failed] == ["running.training"]


class _Nnx(nnx.Module):
    def __init__(self):
        self.scale, self.bias, self.epsilon = nnx.Param(jnp.ones(4)), nnx.Param(jnp.zeros(4)), 1e-5
        self.done, self.mean = nnx.Variable(jnp.zeros(())), nnx.Variable(jnp.zeros(4))

    def __call__(self, y):
        mean = jnp.where(self.done[...] > 0, self.mean[...], y.mean(0)).astype(y.dtype)
        self.mean[...], self.done[...] = mean, jnp.ones(())
        return self.scale[...] * (y - mean) / jnp.sqrt(jnp.square(y - mean).mean(0) + self.epsilon) + self.bias[...]


class _Linen(linen.Module):
    @linen.compact
    def __call__(self, y):
        calls = self.variable("counters", "calls", lambda: jnp.zeros((), y.dtype))
        if not self.is_initializing():
            calls.value = calls.value + 1
        return linen.LayerNorm()(y) * jnp.where(calls.value > 1, 2, 1).astype(y.dtype)


@pytest.mark.parametrize("kind", [_Nnx, _Linen])
def test_state_of_flax_is_kept_between_calls(kind):
    report = conforms(kind, shape=(6, 4))
    assert [finding.key for finding in report.failed] == ["structure.repeatable"]


def test_state_of_haiku_is_kept_between_calls():
    hk = pytest.importorskip("haiku")

    def layer(y):
        calls = hk.get_state("calls", (), y.dtype, init=jnp.zeros)
        hk.set_state("calls", calls + 1)
        return hk.LayerNorm(-1, True, True)(y) * jnp.where(calls > 0, 2, 1).astype(y.dtype)

    report = conforms(layer, shape=(6, 4), framework="haiku")
    assert report["structure.repeatable"].verdict == "violated"


def test_state_of_keras_is_kept_between_calls():
    keras = pytest.importorskip("keras")

    class Counting(keras.layers.LayerNormalization):
        def build(self, shape):
            super().build(shape)
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

        def call(self, y):
            calls = self.calls.value
            self.calls.assign(calls + 1)
            return super().call(y) * keras.ops.cast(keras.ops.where(calls > 0, 2, 1), y.dtype)

    report = conforms(Counting(), shape=(6, 4))
    assert [finding.key for finding in report.failed] == ["structure.repeatable"]
