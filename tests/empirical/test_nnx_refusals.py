"""Flax NNX models that cannot be cut, or that compute something else than they are called, and what is said of them."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("flax")
from flax import nnx
from flax_models import WIDTH, Residual, TwoNames, images, loss, residual

from bnverify.empirical.adapters.nnx import FlaxCut as Cut
from bnverify.errors import InputError


class Unbiased(nnx.BatchNorm):
    def __call__(self, y, **options):
        axes = tuple(range(y.ndim - 1))
        s = jnp.sqrt(y.var(axes, ddof=1) + self.epsilon)
        return self.scale[...] * (y - y.mean(axes)) / s + self.bias[...]


class Outside(nnx.RMSNorm):
    def __call__(self, y, **options):
        return y / (jnp.sqrt((y**2).mean(-1, keepdims=True)) + self.epsilon) * self.scale[...]


class Twice(Residual):
    def __call__(self, x):
        return self.head(self.norm(jnp.tanh(self.norm(self.first(x)))))


class Unused(Residual):
    def __call__(self, x):
        return self.head(self.first(x))


class Masked(Residual):
    def __call__(self, x):
        return self.head(self.norm(self.first(x), mask=x > 0))


class Inference(Residual):
    def __call__(self, x):
        return self.head(self.norm(self.first(x), use_running_average=True))


class Mapped(Residual):
    def __call__(self, x):
        y = self.first(x)
        return self.head(nnx.vmap(lambda norm, y: norm(y), in_axes=(None, 0))(self.norm, y))


class Scanned(nnx.Module):
    def __init__(self):
        @nnx.vmap(in_axes=0, out_axes=0)
        def layers(rngs):
            return nnx.LayerNorm(WIDTH, rngs=rngs)

        self.norms = layers(nnx.Rngs(0).split(3))

    def __call__(self, x):
        return nnx.scan(lambda x, norm: jnp.tanh(norm(x)), in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)(x, self.norms)


class Narrow(Residual):
    """Rounded on the way to the loss, where the normalisation does not show it."""

    def __init__(self):
        super().__init__()
        self.head = nnx.Linear(WIDTH, 1, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))


class Branching(Residual):
    def __call__(self, x):
        y = super().__call__(x)
        return y if y.sum() > 0 else -y


def _stream(model, x):
    return loss(model, x + _OUTSIDE.normal(x.shape))


def _noisy(model, x):
    return loss(model, x + np.random.default_rng().normal(size=x.shape))


_OUTSIDE = nnx.Rngs(7)
FLAT = images(shape=(WIDTH,))


@pytest.mark.parametrize(
    ("model", "objective", "message"),
    [
        (lambda: nnx.Linear(WIDTH, 1, rngs=nnx.Rngs(0)), loss, "Linear without a normalisation"),
        (Twice, loss, r"norm called 2 times in one evaluation"),
        (TwoNames, loss, r"called 2 times in one evaluation of the loss; one object at again and norm"),
        (Unused, loss, "norm called 0 times"),
        (lambda: Mapped(nnx.LayerNorm), loss, "norm called 5 times(.|\n)*a batch axis in place of vmap"),
        (Scanned, loss, "norms called 3 times(.|\n)*in place of scan"),
        (lambda: nnx.view(residual(), use_running_average=True), loss, "running statistics .inference mode."),
        (Inference, loss, "running statistics .inference mode."),
        (Masked, loss, "norm called with an array as mask"),
        (residual, lambda model, x: model(x), r"float64 of shape \(5, 3, 1\)(.|\n)*one number"),
        (residual, lambda model, x: (loss(model, x), x), "returns a tuple"),
        (residual, _stream, "changes something outside the model"),
        (Branching, loss, "cannot be compiled"),
        (Narrow, loss, r"dtype of their own: head \(bfloat16\)"),
        (lambda: Residual(dtype=jnp.float32), loss, r"dtype of their own: norm \(float32\)"),
        (lambda: Residual(axis_name="devices"), loss, "norm with statistics over the devices of the axis 'devices'"),
        (lambda: residual(Unbiased), loss, "norm: z differs from the batch normalisation of the same y by .*e-02"),
        (lambda: residual(Outside, epsilon=1e-2), loss, "norm: z differs from the rms normalisation"),
        (lambda: residual(nnx.LayerNorm, reduction_axes=(0, 2)), loss, r"reduction_axes \(0, 2\)"),
        (lambda: nnx.BatchNorm(3, axis=1, rngs=nnx.Rngs(0)), loss, r"model with features on axis 1"),
    ],
)
def test_what_cannot_be_cut(model, objective, message):
    with pytest.raises(InputError, match=message):
        Cut(model(), objective, images())


def test_one_vector_alone_is_refused():
    with pytest.raises(InputError, match=r"float64 of shape \(4,\)(.|\n)*batch axis"):
        Cut(residual(nnx.LayerNorm), loss, FLAT)


def test_a_loss_that_is_no_function_is_refused():
    with pytest.raises(InputError, match=r"the loss changes by(.|\n)*between two evaluations"):
        Cut(residual(), _noisy, images()).measure()


def test_a_large_mean_that_the_layer_loses_is_found():
    """Flax's variance in one pass; in two it agrees."""
    with pytest.raises(InputError, match="use_fast_variance=False"):
        Cut(residual(), loss, images() + 1e6)
    Cut(residual(use_fast_variance=False), loss, images() + 1e6)


def test_rounding_inside_jax_is_said():
    class Attention(Residual):
        def __call__(self, x):
            y = self.norm(self.first(x))[:, :, None]
            return jax.nn.dot_product_attention(y, y, y)

    with pytest.warns(UserWarning, match="rounded to float32 inside the loss"):
        Cut(Attention(), loss, images())


def test_without_flax():
    script = (
        "import sys; sys.modules['flax'] = None\n"
        "from bnverify import empirical\n"
        "try: empirical.measure_model\n"
        "except empirical.InputError as error: print(error)\n"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "no module flax" in printed and "pip install 'bnverify[flax]'" in printed
    clean = "import bnverify.empirical.judgement.assertion, sys; print('flax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", clean], capture_output=True, text=True).stdout == "False\n"


def test_a_loss_that_differentiates_the_network_is_refused():
    """On given values its gradient penalty is a constant: what would be measured is another loss."""

    def penalty(model, x):
        return jnp.square(jax.grad(lambda x: model(x).sum())(x)).sum()

    with pytest.raises(InputError, match=r"cannot be cut there"):
        Cut(residual(nnx.LayerNorm), penalty, images()).measure()


def test_another_librarys_model_is_said_to_be_one():
    equinox = pytest.importorskip("equinox")
    with pytest.raises(InputError, match=r"equinox LayerNorm, which is no Flax NNX module"):
        Cut(equinox.nn.LayerNorm(WIDTH), loss, images())
