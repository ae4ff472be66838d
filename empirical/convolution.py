"""Stride-1 SAME convolutions, each shape by the method that is fastest for it."""

import jax
import jax.numpy as jnp
from jax import lax

from empirical.errors import InputError

METHODS = ("library", "patches", "dense")


def convolve(x: jax.Array, kernel: jax.Array, *, method: str = "auto") -> jax.Array:
    """Convolve x (N,H,W,C) with an odd square kernel (s,s,C,D), stride 1, zeros outside: (N,H,W,D)."""
    _check(x, kernel)
    if method == "auto":
        method = choose_method(x.shape, kernel.shape, x.dtype, jax.default_backend())
    if method == "library":
        return _library(x, kernel)
    if method == "patches":
        return _patches(x, kernel)
    if method == "dense":
        return _dense(x, kernel)
    raise InputError(got=f"method {method!r}", expected=f"'auto' or one of {METHODS}", advice="choose a listed one")


def choose_method(shape: tuple[int, ...], kernel_shape: tuple[int, ...], dtype, backend: str) -> str:
    """Name the method for input shape (N,H,W,C), kernel shape (s,s,C,D), dtype and backend."""
    if backend != "cpu":
        return "library"
    return "dense" if shape[1] * shape[2] <= 4 else "patches"


def design_matrix(x: jax.Array, size: int) -> jax.Array:
    """Lay out the (size,size,C) neighbourhoods of x (N,H,W,C) as rows: (N*H*W, size*size*C)."""
    n, height, width, channels = x.shape
    reach = size // 2
    padded = jnp.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    taps = [padded[:, i : i + height, j : j + width] for i in range(size) for j in range(size)]
    return jnp.concatenate(taps, axis=-1).reshape(n * height * width, size * size * channels)


def _library(x, kernel):
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _patches(x, kernel):
    rows = design_matrix(x, kernel.shape[0])
    return (rows @ kernel.reshape(rows.shape[1], -1)).reshape(*x.shape[:3], -1)


def _dense(x, kernel):
    n, h, w, c = x.shape
    size, d = kernel.shape[0], kernel.shape[3]
    r = size // 2
    wide = jnp.pad(kernel, ((h, h), (w, w), (0, 0), (0, 0)))
    columns = [[wide[h + r - p : 2 * h + r - p, w + r - q : 2 * w + r - q] for q in range(w)] for p in range(h)]
    matrix = jnp.stack([jnp.stack(row, axis=3) for row in columns], axis=3)
    return (x.reshape(n, h * w * c) @ matrix.reshape(h * w * c, h * w * d)).reshape(n, h, w, d)


def _check(x, kernel):
    if x.ndim != 4:
        raise InputError(got=f"x of shape {x.shape}", expected="(N, H, W, C)", advice="add or drop axes")
    if kernel.ndim != 4 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise InputError(got=f"kernel of shape {kernel.shape}", expected="(s, s, C, D), s odd",
                         advice="use an odd square kernel")
    if kernel.shape[2] != x.shape[3]:
        raise InputError(got=f"{x.shape[3]} channels in x, {kernel.shape[2]} in kernel", expected="equal",
                         advice="match them")
    if kernel.dtype != x.dtype:
        raise InputError(got=f"{x.dtype} x, {kernel.dtype} kernel", expected="one dtype", advice="cast one")
