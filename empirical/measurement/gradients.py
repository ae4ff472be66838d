"""Gradients of a network's loss in training mode, and how two of them differ.

Everything measured between two gradients (internal covariate shift, gradient predictiveness) is a `Comparison`. The
functions are pure and meant to be compiled by their caller, with the network closed over:
``jax.jit(partial(value_and_gradient, network, objective))``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from bnverify.empirical.networks.network import Network, Parameters
from bnverify.errors import InputError

Objective = Callable[[Array, Array], Array]


class Comparison(NamedTuple):
    """Two gradients G and G', compared: scalars, or arrays of one shape with one entry a pair.

    A gradient that is zero has no cosine and no relative difference (NaN); what diverged stays non-finite.
    """

    l2: Array
    """|G - G'|"""
    cosine: Array
    """<G, G'> / (|G| |G'|), exactly 1 where G' is G"""
    norm: Array
    """|G|"""
    other_norm: Array
    """|G'|"""

    @property
    def relative(self) -> Array:
        """|G - G'| / |G|, free of the loss's scale."""
        return self.l2 / self.norm


def inner(a: PyTree[Float[Array, "..."]], b: PyTree[Float[Array, "..."]]) -> Float[Array, ""]:
    """<a, b> over all leaves of two trees of one structure."""
    products = jax.tree.map(jnp.vdot, a, b)
    return jax.tree.reduce(jnp.add, products)


def compare(gradient: PyTree[Float[Array, "..."]], other: PyTree[Float[Array, "..."]]) -> Comparison:
    """The comparison of two gradients given as trees of one structure; scalars."""
    difference = jax.tree.map(jnp.subtract, gradient, other)
    square, other_square = inner(gradient, gradient), inner(other, other)
    # Two quotients rather than a product of norms: neither overflows, and both are 1 where the gradients are equal.
    cosine = inner(gradient, other) / square * jnp.sqrt(square / other_square)
    return Comparison(jnp.sqrt(inner(difference, difference)), cosine, jnp.sqrt(square), jnp.sqrt(other_square))


def value_and_gradient(
    network: Network, objective: Objective, params: Parameters, x: Float[Array, "n ..."], labels: Array
) -> tuple[Float[Array, ""], Parameters]:
    """The loss in training mode on the whole batch, and its gradient with respect to all parameters."""
    return jax.value_and_grad(lambda p: objective(network(p, x), labels))(params)


def check_like(params: Parameters, **others: Any) -> None:
    """InputError unless each of the others is a tree of arrays of the structure and shapes of the parameters."""
    wanted = jax.tree.map(jnp.shape, params)
    for name, other in others.items():
        if jax.tree.map(jnp.shape, other) != wanted:
            raise InputError(
                got=f"{name} that is no tree of arrays shaped as the parameters",
                expected=f"arrays for {', '.join(params)}, each of its parameter's shape",
                advice="pass a gradient or an update of these very parameters, whole",
            )
