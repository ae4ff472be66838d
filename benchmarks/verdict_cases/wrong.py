"""Layers that are wrong by one change: in the forward pass, in a hand-written backward pass, in either of them only.

The kinds are those of public bug reports: an offset, beta ignored or added twice, gradients of parameters that are not
summed, a forward pass that does not match its backward pass, values that are NaN, statistics of another axis; and every
coefficient of every term off by a millionth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

constant = jax.lax.stop_gradient
OFF = 1e-6
COEFFICIENTS = (
    "mean", "variance", "epsilon", "gamma", "beta", "backward: g", "backward: mean of g", "backward: alignment",
    "backward: scale", "backward: gradient of gamma", "backward: gradient of beta",
)  # fmt: skip
FAMILIES = {"batch": (True, 0), "token-layer": (True, -1), "token-rms": (False, -1)}


class Wrong(NamedTuple):
    """A layer with what it is called and what is wrong with it."""

    normalizer: str
    defect: str
    layer: Callable[..., Any]
    context: tuple = ()

    @property
    def name(self) -> str:
        """What it is called, and what is wrong with it."""
        return f"{self.normalizer}: {self.defect}"


@cache
def data(normalizer: str, epsilon: float = 1e-3) -> tuple:
    """(suffix, y, gamma, beta, epsilon) on which every layer is tried; one suffix, so that it is compiled once."""
    shape = (6, 5, 4) if normalizer in ("group", "instance") else (12, 4)
    source = np.random.default_rng(7)
    y, weights = 2 * source.standard_normal(shape) + 1, source.standard_normal(shape)
    gamma, beta = np.array([1.5, -0.7, 0.3, 1.1]), np.array([0.1, 0.2, -0.4, 0.5])
    return lambda z: jnp.sum(weights * jnp.sin(z) ** 2 + 0.1 * z**3), y, gamma, beta, epsilon


def family(normalizer: str) -> Callable[..., Any]:
    """A layer with a backward pass of its own, with a number at every coefficient: right where all are 1."""
    centred, axis = FAMILIES[normalizer]
    over = (0,) if axis == 0 else None

    def summed(value):  # to a channel
        return value.sum(0) if over else value.reshape(-1, value.shape[-1]).sum(0)

    def mean(value):
        return value.mean(axis, keepdims=True)

    def forward(y, gamma, beta, epsilon, c):
        centre = c[0] * mean(y) if centred else jnp.zeros_like(y)
        scale = jnp.sqrt(c[1] * mean(jnp.square(y - centre)) + c[2] * epsilon)
        yhat = (y - centre) / scale
        return c[3] * gamma * yhat + c[4] * beta, (yhat, scale, gamma, epsilon, c)

    def backward(kept, g):
        yhat, scale, gamma, epsilon, c = kept
        inner = g * gamma
        centre = c[6] * mean(inner) if centred else 0.0
        v = (c[5] * inner - centre - c[7] * yhat * mean(inner * yhat)) / (c[8] * scale)
        zeros = jnp.zeros_like(epsilon), jnp.zeros_like(c)
        return v, c[9] * summed(g * yhat), c[10] * summed(g), *zeros

    @jax.custom_vjp
    def layer(y, gamma, beta, epsilon, c):
        return forward(y, gamma, beta, epsilon, c)[0]

    layer.defvjp(forward, backward)
    return layer


def coefficients(normalizer: str) -> Iterator[Wrong]:
    """Every coefficient of a family off by a millionth."""
    layer, (centred, _) = family(normalizer), FAMILIES[normalizer]
    for i, name in enumerate(COEFFICIENTS):
        if centred or "mean" not in name:
            numbers = np.ones(len(COEFFICIENTS))
            numbers[i] += OFF
            yield Wrong(normalizer, f"{name} off by a millionth", layer, (jnp.asarray(numbers),))


def _forward(norm: Any, of: Callable[..., Any]) -> Callable[..., Any]:
    def layer(y, gamma, beta, epsilon):
        c = norm.columns(y)
        centre = c.mean(0) if norm.centred else 0.0
        return of(norm, y, c, centre, gamma, beta, epsilon)

    return layer


def _plain(norm, y, c, centre, gamma, beta, scale):
    return gamma * norm.restore((c - centre) / scale, y.shape) + beta


_SCALES: dict[str, Callable[..., Any]] = {
    "scale larger by a millionth": lambda n, c, e: n.scale(c, e) * (1 + OFF),
    "epsilon twice": lambda n, c, e: n.scale(c, e) + e,
    "no epsilon": lambda n, c, e: n.scale(c, 0.0),
    "scale not differentiated": lambda n, c, e: constant(n.scale(c, e)),
    "scale of half of the values": lambda n, c, e: n.scale(c[: len(c) // 2], e),
    "cubic norm": lambda n, c, e: (jnp.abs(c - c.mean(0)) ** 3).mean(0) ** (1 / 3) + e,
    "unbiased": lambda n, c, e: n.scale(c, e) * (len(c) / (len(c) - 1)) ** 0.5,
}
_OUTSIDE: dict[str, Callable[..., Any]] = {
    "beta ignored": lambda z, y, g, b: z - b,
    "beta twice": lambda z, y, g, b: z + b,
    "beta scaled by gamma": lambda z, y, g, b: z - b + g * b,
    "one plus gamma": lambda z, y, g, b: z + (z - b) / g,
    "offset of a millionth": lambda z, y, g, b: z + OFF,
    "other values, right derivatives": lambda z, y, g, b: z + constant(jnp.sin(y) - z),
    "right values, no derivatives": lambda z, y, g, b: constant(z) + 0 * y,
    "gradient doubled": lambda z, y, g, b: 2 * z - constant(z),
    "gradient of gamma lost": lambda z, y, g, b: z + (constant(g) - g) * constant((z - b) / g),
    "gradient of beta lost": lambda z, y, g, b: z + constant(b) - b,
    "NaN everywhere": lambda z, y, g, b: z + jnp.sqrt(jnp.abs(y - y)) / 0.0 * 0,
    "NaN in one channel": lambda z, y, g, b: z.at[..., 1].set(jnp.nan),
    "NaN in the gradient alone": lambda z, y, g, b: z + 0 * jnp.sqrt(jnp.abs(y - y)),
    "rounded to float32": lambda z, y, g, b: z.astype(jnp.float32).astype(z.dtype),
}


def forwards(normalizer: str) -> Iterator[Wrong]:
    """Wrong forward passes, differentiated by JAX."""
    from bnverify.empirical.normalization.known import named

    norm = named(normalizer)
    for defect, scale in _SCALES.items():

        def layer(norm, y, c, centre, gamma, beta, epsilon, scale=scale):
            return _plain(norm, y, c, centre, gamma, beta, scale(norm, c, epsilon))

        if defect != "unbiased" or norm.centred:
            yield Wrong(normalizer, defect, _forward(norm, layer))
    if norm.centred:

        def undifferentiated(norm, y, c, centre, gamma, beta, epsilon):
            return _plain(norm, y, c, constant(centre), gamma, beta, norm.scale(c, epsilon))

        yield Wrong(normalizer, "centre not differentiated", _forward(norm, undifferentiated))
    for defect, change in _OUTSIDE.items():

        def changed(norm, y, c, centre, gamma, beta, epsilon, change=change):
            z = _plain(norm, y, c, centre, gamma, beta, norm.scale(c, epsilon))
            return change(z, y, gamma, beta)

        yield Wrong(normalizer, defect, _forward(norm, changed))


def others() -> Iterator[Wrong]:
    """One normaliser under the name of another."""
    from bnverify.empirical.normalization.known import named

    for name, other in (
        ("batch", "l1"), ("batch", "l2-uncentred"), ("layer", "rms"), ("rms", "layer"), ("group", "layer"),
        ("instance", "batch"), ("l1", "batch"), ("linf", "l1"), ("token-layer", "batch"), ("batch", "token-layer"),
    ):  # fmt: skip
        yield Wrong(name, f"it is {other}", partial(_called, named(other)))


def _called(norm: Any, y: Any, gamma: Any, beta: Any, epsilon: Any) -> Any:
    return norm(y, gamma, beta, epsilon)


def wrong_layers() -> list[Wrong]:
    """All of them."""
    out = [each for name in FAMILIES for each in coefficients(name)]
    for name in ("batch", "layer", "rms", "group", "l1", "linf-uncentred"):
        out += forwards(name)
    return out + list(others())
