"""Parameters besides gamma and beta: their gradients are the slopes of the values, or the report says why not."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from bnverify.empirical.conformance import conforms

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install 'bnverify[torch]'")


class Learned(torch.nn.Module):
    """RMS norm with a learned epsilon."""

    def __init__(self, epsilon=1e-4, trained=True):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(8))
        self.eps = torch.nn.Parameter(torch.tensor(epsilon), requires_grad=trained)

    def used(self):
        return self.eps

    def forward(self, y):
        return self.weight * y * torch.rsqrt(y.square().mean(-1, keepdim=True) + self.used())


class Detached(Learned):
    def used(self):
        return self.eps.detach()


class _Off(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value):
        return value.clone()

    @staticmethod
    def backward(ctx, g):
        return g * (1 + 1e-6)


class Off(Learned):
    def used(self):
        return _Off.apply(self.eps)


@pytest.mark.parametrize("epsilon", [1e-4, 1e-8, 0.0])
def test_a_learned_epsilon_is_right(epsilon):
    report = conforms(Learned(epsilon), shape=(6, 8))
    assert report.status == 0 and report["other.eps"].verdict == "holds", report
    assert report["other.eps"].tolerance < 1e-7


@pytest.mark.parametrize(("kind", "meaning"), [(Detached, "gets no gradient"), (Off, "optimizer")])
def test_a_wrong_gradient_of_it_is_told(kind, meaning):
    report = conforms(kind(), shape=(6, 8))
    assert [finding.key for finding in report.failed] == ["other.eps"] and meaning in report["other.eps"].meaning


def test_what_is_frozen_or_does_nothing_is_not_tested():
    frozen = conforms(Detached(trained=False), shape=(6, 8))
    assert frozen.status == 0 and frozen["other.eps"].meaning == "it is frozen"
    layer = torch.nn.LayerNorm(8)
    layer.unused = torch.nn.Parameter(torch.ones(3))
    report = conforms(layer, shape=(6, 8))
    assert report.status == 0 and report["other.unused"].meaning == "it does nothing"


class _Nnx(nnx.Module):
    def __init__(self, right):
        self.scale, self.power, self.right = nnx.Param(jnp.ones(8)), nnx.Param(jnp.zeros(())), right

    def __call__(self, y):
        power = self.power[...] if self.right else jax.lax.stop_gradient(self.power[...])
        y = y * jnp.exp(power)  # which the epsilon alone feels
        return self.scale[...] * y / jnp.sqrt(jnp.square(y).mean(-1, keepdims=True) + 1e-3)


@pytest.mark.parametrize("right", [True, False])
def test_parameters_of_flax_are_tested_as_well(right):
    assert conforms(_Nnx(right), shape=(6, 8))["other.power"].verdict == ("holds" if right else "violated")
