"""Two-by-two max-pooling with stride two, written as a reshape."""

import jax
import jax.numpy as jnp

from empirical.errors import InputError


def max_pool(x: jax.Array) -> jax.Array:
    """Take the largest of each 2x2 block of x (N,H,W,C), H and W even: (N,H/2,W/2,C)."""
    if x.ndim != 4 or x.shape[1] % 2 or x.shape[2] % 2:
        raise InputError(got=f"x of shape {x.shape}", expected="(N, H, W, C), H and W even", advice="crop or pad x")
    n, height, width, channels = x.shape
    blocks = x.reshape(n, height // 2, 2, width // 2, 2, channels)
    return jnp.max(blocks, axis=(2, 4))
