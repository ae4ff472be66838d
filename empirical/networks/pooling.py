"""Two-by-two max-pooling with stride two, written as a reshape.

Pixels tie often: after ReLU whole blocks are zero. The derivative there is a choice, and it must be the same in
forward and in reverse mode, or a Hessian-vector product would mix two functions. Here k tied pixels share the
derivative, 1/k each, the average of the one-sided choices. The second derivative holds the choice fixed, as for every
piecewise linear function.

Pixels are compared with each other. ``jnp.max`` makes the same choice, but its derivative asks which pixels equal the
maximum; where a compiler computes the pixels twice, once for the maximum and once for the question, and rounds them
differently, none does, and the block's derivative is silently lost. ``lax.reduce_window`` gives all of the derivative
to the first of tied pixels.
"""

import functools

import jax
import jax.numpy as jnp

from bnverify.errors import InputError


def max_pool(x: jax.Array) -> jax.Array:
    """Take the largest of each 2x2 block of x (N, H, W, C), H and W even: (N, H/2, W/2, C)."""
    if x.ndim != 4 or x.shape[1] % 2 or x.shape[2] % 2:
        raise InputError(
            got=f"x of shape {x.shape}",
            expected="(batch, height, width, channels) with even height and width",
            advice="crop or pad the map to an even size before pooling",
        )
    n, height, width, channels = x.shape
    return _largest(x.reshape(n, height // 2, 2, width // 2, 2, channels))


@jax.custom_jvp
def _largest(blocks: jax.Array) -> jax.Array:
    """The largest over axes 2 and 4, both of size 2."""
    return jnp.max(blocks, axis=(2, 4))


@_largest.defjvp
def _largest_jvp(primals, tangents):
    (blocks,), (direction,) = primals, tangents
    others = (jnp.flip(blocks, axes) for axes in (2, 4, (2, 4)))
    largest = functools.reduce(jnp.logical_and, (blocks >= other for other in others)).astype(blocks.dtype)
    return _largest(blocks), (largest * direction).sum((2, 4)) / largest.sum((2, 4))
