"""Wrong normalization layers, rebuilt in JAX from public reports: what each computed, written from its description.

    bnverify layer bnverify.empirical.conformance.reported:mean_subtracted_twice --shape 32,8

Every one must be refused by the suite, with the property in ``REPORTED`` among what fails. None is anybody's code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

EPSILON = 1e-5
Layer = Callable[..., Any]


@dataclass(frozen=True)
class Report:
    """A public report: where it stands, what it says in a sentence, the property that has to fail, and a shape. What it
    says of another framework's kernel is rebuilt; ``rebuilt`` names what had to be assumed."""

    layer: Layer
    url: str
    says: str
    fails: str
    shape: tuple[int, ...] = (32, 8)
    rebuilt: str = ""


def _parts(y, gamma, centred: bool):
    mean = y.mean(-1, keepdims=True) if centred else jnp.zeros_like(y[..., :1])
    s = jnp.sqrt(jnp.square(y - mean).mean(-1, keepdims=True) + EPSILON)
    return (y - mean) / s, s


def _over_rows(array):
    return array.reshape(-1, array.shape[-1]).sum(0)


def _exact(y, gamma, g, centred: bool = True):
    """The right backward pass of layer norm or RMS norm over the last axis: v, and the parameters' gradients."""
    yhat, s = _parts(y, gamma, centred)
    scaled = g * gamma
    mean = scaled.mean(-1, keepdims=True) if centred else 0.0
    v = (scaled - mean - yhat * (scaled * yhat).mean(-1, keepdims=True)) / s
    return v, _over_rows(g * yhat), _over_rows(g)


def _layer(backward: Callable, forward: Callable | None = None) -> Layer:
    """Layer norm over the last axis with a hand-written backward pass(y, gamma, g)."""

    @jax.custom_vjp
    def layer(y, gamma, beta):
        return _parts(y, gamma, True)[0] * gamma + beta if forward is None else forward(y, gamma, beta)

    layer.defvjp(
        lambda y, gamma, beta: (layer(y, gamma, beta), (y, gamma)), lambda kept, g: backward(*kept, g)
    )  # fmt: skip
    return layer


def _rms(backward: Callable) -> Layer:
    """RMS norm over the last axis with a hand-written backward pass(y, gamma, g)."""

    @jax.custom_vjp
    def layer(y, gamma):
        return _parts(y, gamma, False)[0] * gamma

    layer.defvjp(lambda y, gamma: (layer(y, gamma), (y, gamma)), lambda kept, g: backward(*kept, g))
    return layer


def _rows_lost(y, gamma, g):
    v, _, beta = _exact(y, gamma, g)
    yhat, _ = _parts(y, gamma, True)
    return v, _over_rows((g * yhat)[::2]), beta


def _no_weight_gradient(y, gamma, g):
    v, gain, _ = _exact(y, gamma, g, False)
    return v, jnp.zeros_like(gain)


def _weight_forgotten(y, gamma, g):
    yhat, s = _parts(y, gamma, False)
    return (g - yhat * (g * yhat).mean(-1, keepdims=True)) / s, _over_rows(g * yhat)


def _mean_twice(y, gamma, g):
    v, gain, beta = _exact(y, gamma, g)
    return v - (g * gamma).mean(-1, keepdims=True) / _parts(y, gamma, True)[1], gain, beta


def _two_dimensional(y, gamma, g):
    """The backward pass of normalisation over all axes but the first."""
    flat, scaled = y.reshape(len(y), -1), (g * gamma).reshape(len(y), -1)
    mean, size = flat.mean(-1, keepdims=True), flat.shape[-1]
    s = jnp.sqrt(jnp.square(flat - mean).mean(-1, keepdims=True) + EPSILON)
    yhat = (flat - mean) / s
    v = (scaled - scaled.sum(-1, keepdims=True) / size - yhat * (scaled * yhat).mean(-1, keepdims=True)) / s
    of_gain = (g.reshape(len(y), -1) * yhat).reshape(y.shape)
    return v.reshape(y.shape), _over_rows(of_gain), _over_rows(g)


def _weight_in_its_gradient(y, gamma, g):
    v, gain, beta = _exact(y, gamma, g)
    return v, gain * gamma, beta


def _variance_saved_as_scale(y, gamma, g):
    """The backward pass that reads the mean square where 1/s was meant to be stored."""
    _, s = _parts(y, gamma, False)
    inverse = jnp.square(s) - EPSILON
    scaled, wrong = g * gamma, y * inverse
    v = (scaled - wrong * (scaled * wrong).mean(-1, keepdims=True)) * inverse
    return v, _over_rows(g * wrong)


def _across_columns(y, gamma, g):
    """Each row's correction spread along the columns: row i's entry j has row j's."""
    yhat, s = _parts(y, gamma, False)
    scaled = g * gamma
    correction = (scaled * yhat).mean(-1)
    wrong = jnp.broadcast_to(correction[: y.shape[-1]], y.shape)
    return (scaled - yhat * wrong) / s, _over_rows(g * yhat)


def _padded_variance(y, gamma, beta):
    """Forward: the masked lanes of a block, a power of two, enter the variance as (0 - mean)^2."""
    mean = y.mean(-1, keepdims=True)
    block = 1 << (y.shape[-1] - 1).bit_length()
    square = jnp.square(y - mean).sum(-1, keepdims=True) + (block - y.shape[-1]) * jnp.square(mean)
    return (y - mean) / jnp.sqrt(square / y.shape[-1] + EPSILON) * gamma + beta


def difference_of_squares(y, gamma, beta, eps=EPSILON):
    """Layer norm with E[y^2] - E[y]^2, which rounding makes negative."""
    mean = y.mean(-1, keepdims=True)
    variance = jnp.square(y).mean(-1, keepdims=True) - jnp.square(mean)
    return (y - mean) / jnp.sqrt(variance + eps) * gamma + beta


def floor_for_epsilon(y, eps=EPSILON):
    """Standardisation with max(variance, eps) in place of variance + eps."""
    mean = y.mean(-1, keepdims=True)
    variance = jnp.square(y - mean).mean(-1, keepdims=True)
    return (y - mean) / jnp.sqrt(jnp.maximum(variance, eps))


def squared_scale(y, gamma, beta, eps=EPSILON):
    """Layer norm that divides by (variance + eps)^2."""
    mean = y.mean(-1, keepdims=True)
    return (y - mean) / jnp.square(jnp.square(y - mean).mean(-1, keepdims=True) + eps) * gamma + beta


def squared_batch_scale(y, gamma, beta, eps=EPSILON):
    """Batch norm that divides by (variance + eps)^2."""
    mean = y.mean(0)
    return (y - mean) / jnp.square(jnp.square(y - mean).mean(0) + eps) * gamma + beta


def epsilon_after_the_root(y, gamma, beta, eps=EPSILON):
    """Layer norm with sqrt(variance) + eps: the root's derivative is infinite at a constant vector."""
    mean = y.mean(-1, keepdims=True)
    return (y - mean) / (jnp.sqrt(jnp.square(y - mean).mean(-1, keepdims=True)) + eps) * gamma + beta


def no_gradient(y, gamma, beta, eps=EPSILON):
    """Layer norm on a fast path without a backward pass: nothing arrives upstream."""
    y = jax.lax.stop_gradient(y)
    mean = y.mean(-1, keepdims=True)
    return (y - mean) / jnp.sqrt(jnp.square(y - mean).mean(-1, keepdims=True) + eps) * gamma + beta


def padded_groups(y, eps=EPSILON, groups=2):
    """Group norm, groups of 3 channels in blocks of 4: a group's sums take in the next group's first channel."""
    size = y.shape[-1] // groups
    out = []
    for group in range(groups):
        own = y[..., group * size : (group + 1) * size]
        block = y[..., group * size : min((group + 1) * size + 1, y.shape[-1])]
        count = own.size // len(y)
        axes = tuple(range(1, y.ndim))
        mean = block.sum(axes, keepdims=True) / count
        variance = jnp.square(block - mean).sum(axes, keepdims=True) / count
        out.append((own - mean) / jnp.sqrt(variance + eps))
    return jnp.concatenate(out, -1)


rows_lost_in_weight_gradient = _layer(_rows_lost)
no_weight_gradient = _rms(_no_weight_gradient)
variance_with_padding = _layer(_exact, _padded_variance)
mean_subtracted_twice = _layer(_mean_twice)
backward_takes_two_axes = _layer(_two_dimensional)
weight_in_its_own_gradient = _layer(_weight_in_its_gradient)
weight_forgotten_in_backward = _rms(_weight_forgotten)
mean_square_saved_for_scale = _rms(_variance_saved_as_scale)
correction_across_columns = _rms(_across_columns)


@jax.custom_vjp
def wrong_group_in_weight_gradient(y, gamma, beta):
    """Group norm in two groups whose gradient of gamma takes channel c's statistics from group c modulo 2."""
    return _grouped(y) * gamma + beta


def _grouped(y, interleaved: bool = False):
    axes = tuple(range(1, y.ndim))
    out = y
    half = y.shape[-1] // 2
    found = []
    for part in (y[..., :half], y[..., half:]):
        mean = part.mean(axes, keepdims=True)
        found.append((mean, jnp.sqrt(jnp.square(part - mean).mean(axes, keepdims=True) + EPSILON)))
    which = jnp.arange(y.shape[-1]) % 2 if interleaved else jnp.arange(y.shape[-1]) // half
    mean, s = (jnp.where(which == 0, found[0][i], found[1][i]) for i in (0, 1))
    return (out - mean) / s


def _grouped_backward(kept, g):
    y, gamma = kept
    v = jax.vjp(_grouped, y)[1](g * gamma)[0]
    return v, _over_rows(g * _grouped(y, interleaved=True)), _over_rows(g)


wrong_group_in_weight_gradient.defvjp(
    lambda y, gamma, beta: (wrong_group_in_weight_gradient(y, gamma, beta), (y, gamma)), _grouped_backward
)  # fmt: skip

_GITHUB = "https://github.com/"
REPORTED: dict[str, Report] = {
    "rows_lost_in_weight_gradient": Report(
        rows_lost_in_weight_gradient, _GITHUB + "karpathy/llm.c/issues/428",
        "the gradient of the weight differs from the reference", "backward.gain", rebuilt="half of the rows is lost",
    ),
    "no_weight_gradient": Report(
        no_weight_gradient, _GITHUB + "unslothai/unsloth/issues/4533",
        "RMS norm's backward pass returns nothing for the weight, which then never trains", "backward.gain",
    ),
    "variance_with_padding": Report(
        variance_with_padding, _GITHUB + "lucidrains/triton-transformer/issues/6",
        "the forward pass differs from layer norm, the backward pass agrees", "forward.variance", (32, 5),
        rebuilt="the padding of a block enters the variance",
    ),
    "difference_of_squares": Report(
        difference_of_squares, _GITHUB + "microsoft/onnxruntime/issues/21935",
        "NaN for inputs of small variance at a large mean", "conditioning.float32",
    ),
    "floor_for_epsilon": Report(
        floor_for_epsilon, _GITHUB + "jax-ml/jax/pull/33496",
        "a proposed cure of NaN takes the maximum of variance and epsilon in place of their sum", "forward.epsilon",
    ),
    "squared_scale": Report(
        squared_scale, _GITHUB + "131250208/TPlinker-joint-extraction/issues/37",
        "the variance is squared where its root was meant", "forward.variance",
    ),
    "squared_batch_scale": Report(
        squared_batch_scale, _GITHUB + "jax-ml/jax/issues/442",
        "batch norm divides by the square of the variance", "forward.variance",
    ),
    "mean_subtracted_twice": Report(
        mean_subtracted_twice, _GITHUB + "tenstorrent/tt-metal/issues/53204",
        "the mean of the gradient is subtracted twice", "backward.values",
    ),
    "backward_takes_two_axes": Report(
        backward_takes_two_axes, _GITHUB + "flagos-ai/FlagGems/issues/5392",
        "the backward pass takes a (batch, position, feature) input for a matrix", "backward.values", (8, 5, 6),
    ),
    "weight_forgotten_in_backward": Report(
        weight_forgotten_in_backward, _GITHUB + "karpathy/llm.c/pull/763",
        "a reader's RMS norm forgot the weight in the backward pass", "backward.values",
    ),
    "epsilon_after_the_root": Report(
        epsilon_after_the_root, _GITHUB + "pyg-team/pytorch_geometric/pull/2917",
        "NaN in gradients: epsilon is added after the root", "conditioning.constant",
    ),
    "no_gradient": Report(
        no_gradient, _GITHUB + "huggingface/candle/issues/2168",
        "the fast path has no backward pass: no gradient upstream of it", "backward.values",
    ),
    "mean_square_saved_for_scale": Report(
        mean_square_saved_for_scale, _GITHUB + "flagos-ai/FlagGems/pull/5771",
        "the mean square is stored in place of the inverse scale, which only the backward pass reads",
        "backward.values",
    ),
    "correction_across_columns": Report(
        correction_across_columns, _GITHUB + "BobMcDear/attorch/issues/17",
        "each row's correction is spread along the columns", "backward.values",
    ),
    "padded_groups": Report(
        padded_groups, _GITHUB + "flagos-ai/FlagGems/pull/4985",
        "group sizes that are no power of two: statistics take in the next group", "forward.yhat", (6, 4, 4, 6),
    ),
    "wrong_group_in_weight_gradient": Report(
        wrong_group_in_weight_gradient, _GITHUB + "tenstorrent/tt-metal/pull/56202",
        "the gradient of gamma takes its statistics from another group", "backward.gain", (6, 4, 4, 8),
    ),
    "weight_in_its_own_gradient": Report(
        weight_in_its_own_gradient, _GITHUB + "pytorch/pytorch/pull/18233",
        "a formula under review multiplies the weight's gradient by the weight", "backward.gain",
        rebuilt="with the normalised values, which the formula also lacked",
    ),
}  # fmt: skip
