"""A normalisation as the network computes it, and its derivatives by whichever mode of differentiation it has.

Most layers can be differentiated forwards and backwards. One with a hand-written backward pass (`jax.custom_vjp`) can
only be pulled back; D z[x] is then the transpose of that backward pass, so what is tested is what was written. Where
the backward pass cannot itself be differentiated (a callback, a kernel), values and first-order claims remain.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from bnverify.empirical.normalization.normalizers import Normalization

FORWARD, REVERSE, FIRST = "forward", "reverse", "first"
"""Modes: differentiated forwards; by reverse mode and its transpose; by one reverse pass and no more."""


class Parameters(NamedTuple):
    """gamma, beta, epsilon, and what else the forward pass needs."""

    gamma: Float[Array, " channel"]
    beta: Float[Array, " channel"]
    epsilon: Any
    context: tuple = ()


class Layer(NamedTuple):
    """A normalisation with the mode it is differentiated by. Both are static: they say what is compiled."""

    norm: Normalization
    mode: str = FORWARD

    def value(self, p: Parameters, y: Array) -> Array:
        """z of y."""
        return self.norm(y, p.gamma, p.beta, p.epsilon, *p.context)

    def unit(self, p: Parameters) -> Parameters:
        """The same parameters with gamma = 1 and beta = 0: z is then yhat."""
        return p._replace(gamma=jnp.ones_like(p.gamma), beta=jnp.zeros_like(p.beta))

    def pulled(self, p: Parameters, y: Array, g: Array) -> Array:
        """The gradient g pulled back from z to y."""
        return jax.vjp(lambda y: self.value(p, y), y)[1](g)[0]

    def pulled_to_all(self, p: Parameters, y: Array, g: Array) -> tuple[Array, Array, Array]:
        """g pulled back to y, gamma and beta."""

        def value(y, gamma, beta):
            return self.value(p._replace(gamma=gamma, beta=beta), y)

        return jax.vjp(value, y, p.gamma, p.beta)[1](g)

    def velocity(self, p: Parameters, y: Array, direction: Array) -> Array:
        """D z[direction]; by reverse mode, the transpose of the pull-back."""
        if self.mode == FORWARD:
            return jax.jvp(lambda y: self.value(p, y), (y,), (direction,))[1]
        return jax.vjp(partial(self.pulled, p, y), jnp.zeros_like(y))[1](direction)[0]

    def acceleration(self, p: Parameters, y: Array, direction: Array) -> Array:
        """D2 z[direction, direction]."""
        return jax.jvp(lambda y: self.velocity(p, y, direction), (y,), (direction,))[1]

    def tangent(self, p: Parameters, y: Array, g: Array, dy: Array, dg: Array) -> Array:
        """The derivative of the pulled-back gradient where y moves along dy and g along dg."""
        return jax.jvp(partial(self.pulled, p), (y, g), (dy, dg))[1]


def layer_of(norm: Normalization, p: Parameters, y: Array) -> Layer:
    """The layer with the first mode that compiles; this package's own normalisers all have the first."""
    if norm.own:
        return Layer(norm)
    for mode in (FORWARD, REVERSE):
        layer = Layer(norm, mode)
        if _compiles(layer, p, y):
            return layer
    return Layer(norm, FIRST)


def _compiles(layer: Layer, p: Parameters, y: Array) -> bool:
    try:
        _second_order.lower(layer, p, y)
    except Exception:  # whatever a primitive without the derivative raises
        return False
    return True


@partial(jax.jit, static_argnums=0)
def _second_order(layer: Layer, p: Parameters, y: Array) -> tuple[Array, Array]:
    """What a mode has to have; JAX keeps what it has found out about a layer and its shapes."""
    return layer.acceleration(p, y, y), layer.tangent(p, y, y, y, y)
