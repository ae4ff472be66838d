"""Layers as stages: convolutions and dense layers with Glorot normal kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from bnverify.empirical.networks.convolution import convolve
from bnverify.empirical.networks.network import Stage


@dataclass(frozen=True)
class ConvolutionStage(Stage):
    """A convolution of ``stride``: of the positions of the stride-1 map, every so many-th in both directions."""

    stride: int = 1


_DRAWN = 2**16


def normal(key, shape: tuple[int, ...], dtype):
    """``jax.random.normal``, bit for bit. Compiling it takes a second a shape; as number i of a key is the same in an
    array of any size, kernels of up to 65,536 weights are the beginnings of one."""
    size = math.prod(shape)
    if size > _DRAWN or not getattr(jax.config, "jax_threefry_partitionable", False):
        return jax.random.normal(key, shape, dtype)
    return jax.random.normal(key, (_DRAWN,), dtype)[:size].reshape(shape)


def _glorot_normal(key, shape, fan_in: int, fan_out: int, dtype):
    return normal(key, shape, dtype) * jnp.asarray((2.0 / (fan_in + fan_out)) ** 0.5, dtype)


def convolution_stage(
    name: str, channels: int, *, method: str = "auto", stride: int = 1, bias: bool = True
) -> ConvolutionStage:  # fmt: skip
    """A 3x3 SAME convolution: kernel (3, 3, C, D) Glorot normal; bias zero, unless there is none."""

    def init(key, shape, dtype):
        fans = 9 * shape[-1], 9 * channels
        kernel = {"kernel": _glorot_normal(key, (3, 3, shape[-1], channels), *fans, dtype)}
        return kernel | ({"bias": jnp.zeros(channels, dtype)} if bias else {})

    def apply(p, x):
        y = convolve(x, p["kernel"], method=method, stride=stride)
        return y + p["bias"] if bias else y

    return ConvolutionStage(name, apply, init, stride)


def dense_stage(name: str, units: int) -> Stage:
    """A dense layer with bias: kernel (C, D) Glorot normal, bias zero."""

    def init(key, shape, dtype):
        kernel = _glorot_normal(key, (shape[-1], units), shape[-1], units, dtype)
        return {"kernel": kernel, "bias": jnp.zeros(units, dtype)}

    return Stage(name, lambda p, x: x @ p["kernel"] + p["bias"], init)
