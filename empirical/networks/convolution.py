"""SAME convolutions on (N, H, W, C) arrays, each shape by the method that is fastest for it.

All methods compute one bilinear map and are written in plain array operations, so ``jvp``, ``vjp`` and their
nesting (Hessian-vector products) work without special rules:

``library``
    ``lax.conv_general_dilated``, for GPUs. On a CPU it runs at 0.4 to 0.9 of a matrix product's speed, but two
    orders of magnitude slower on maps of 2x2 and, for the shapes tried, inside ``lax.scan``.
``patches``
    One matrix product with the :func:`design_matrix`. Serves every shape.
``winograd``
    F(2x2, 3x3) of Lavin & Gray 2016: a 2x2 output tile costs 16 multiplications a channel pair in place of 36,
    as sixteen matrix products. All coefficients are 1, -1 and 1/2: rounding grows by at most 64/9.
``dense``
    The whole map as one (H*W*C) x (H*W*D) matrix. On a 2x2 map it holds the 16 taps that meet the map, where
    patches multiply all 36.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from bnverify.errors import InputError

METHODS = ("library", "patches", "winograd", "dense")


def convolve(x: jax.Array, kernel: jax.Array, *, method: str = "auto", stride: int = 1) -> jax.Array:
    """Convolve x (N, H, W, C) with an odd square kernel (s, s, C, D), zeros outside: (N, H, W, D).

    With a stride the result is every stride-th pixel of that, from the first, in both directions; ``method`` is then
    ``"auto"``: patches on a CPU.

    As in every network library this is the correlation: output (i, j) sees x (i - s//2 .. i + s//2, ...).
    ``method`` is one of :data:`METHODS`, or ``"auto"`` for :func:`choose_method`'s answer.
    """
    _check(x, kernel)
    if stride != 1:
        return _strided(x, kernel, stride, method)
    if method == "auto":
        method = choose_method(x.shape, kernel.shape, x.dtype, jax.default_backend())
    if method not in _FUNCTIONS:
        raise InputError(
            got=f"method {method!r}",
            expected=f"'auto' or one of {', '.join(METHODS)}",
            advice="leave it at 'auto' unless the methods are being compared",
        )
    return _FUNCTIONS[method](x, kernel)


def choose_method(shape: tuple[int, ...], kernel_shape: tuple[int, ...], dtype: DTypeLike, backend: str) -> str:
    """Name the method for x of ``shape`` (N, H, W, C), a kernel (s, s, C, D), their dtype and the backend.

    The rule, from ``benchmarks/convolution.py``:

    1. Not a CPU: the library.
    2. Four pixels or fewer: dense, if the batch is large enough to pay for filling the matrix (64).
    3. A 3x3 kernel, even height and width, 4 channels or more, 32 bits or more, enough tiles to pay for
       transforming the kernel (an eighth of the channels) and enough work to pay for sixteen products in place
       of one (2^25 multiplications): Winograd.
    4. Anything else: patches. For the VGG that is its first layer, with 3 channels.

    float32 and float64 agree on every row of that table, so the dtype enters only where fewer bits would make
    the sums of Winograd's transforms a loss of precision.
    """
    n, height, width, channels = shape
    if backend != "cpu":
        return "library"
    if height * width <= 4:
        return "dense" if n >= 64 else "patches"
    tiled = kernel_shape[0] == 3 and height % 2 == 0 and width % 2 == 0
    enough = 2 * n * height * width >= channels >= 4 and n * height * width * math.prod(kernel_shape) >= 2**25
    return "winograd" if tiled and enough and jnp.dtype(dtype).itemsize >= 4 else "patches"


def design_matrix(x: jax.Array, size: int, stride: int = 1) -> jax.Array:
    """Lay out the neighbourhoods of x (N, H, W, C) as rows: (N*H*W, size*size*C), with a stride those of every
    stride-th pixel.

    Columns are ordered as ``kernel.reshape(-1, D)`` orders the taps, so their product is the convolution.
    """
    _check_rank(x)
    if size < 1 or size % 2 == 0:
        raise InputError(got=f"size {size}", expected="an odd size, 1 or more", advice="use 3 for the VGG")
    _, height, width, channels = x.shape
    padded = _surround(x, size // 2)
    taps = [
        padded[:, i : i + height : stride, j : j + width : stride] for i in range(size) for j in range(size)
    ]  # fmt: skip
    return jnp.concatenate(taps, axis=-1).reshape(-1, size * size * channels)


def _strided(x: jax.Array, kernel: jax.Array, stride: int, method: str) -> jax.Array:
    if method != "auto" or stride < 1:
        raise InputError(
            got=f"method {method!r} with stride {stride}",
            expected="method 'auto' and a positive stride",
            advice="leave the method out, or convolve with stride 1",
        )
    if jax.default_backend() != "cpu":
        return _library(x, kernel)[:, ::stride, ::stride]
    rows = design_matrix(x, kernel.shape[0], stride)
    height, width = (-(-side // stride) for side in x.shape[1:3])
    return (rows @ kernel.reshape(rows.shape[1], -1)).reshape(len(x), height, width, -1)


def _library(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _patches(x: jax.Array, kernel: jax.Array) -> jax.Array:
    rows = design_matrix(x, kernel.shape[0])
    return (rows @ kernel.reshape(rows.shape[1], -1)).reshape(*x.shape[:3], -1)


def _winograd(x: jax.Array, kernel: jax.Array) -> jax.Array:
    n, height, width, channels = x.shape
    if kernel.shape[0] != 3 or height % 2 or width % 2:
        raise InputError(
            got=f"kernel {kernel.shape[0]}x{kernel.shape[1]} on a {height}x{width} map",
            expected="a 3x3 kernel and even height and width for method 'winograd'",
            advice="use 'patches' or 'auto'",
        )
    padded = _surround(x, 1)
    row_sums = _input_sums([padded[:, i : i + height : 2] for i in range(4)])
    tiles = [v for r in row_sums for v in _input_sums([r[:, :, j : j + width : 2] for j in range(4)])]
    taps = [u for r in _kernel_sums(list(kernel)) for u in _kernel_sums([r[j] for j in range(3)])]
    products = [v.reshape(-1, channels) @ u for v, u in zip(tiles, taps, strict=True)]
    columns = [_output_sums(products[4 * i : 4 * i + 4]) for i in range(4)]
    corners = zip(*(_output_sums(list(column)) for column in zip(*columns, strict=True)), strict=True)
    shape = (n, height // 2, width // 2, kernel.shape[3])
    rows = [jnp.stack([corner.reshape(shape) for corner in row], axis=3) for row in corners]
    return jnp.stack(rows, axis=2).reshape(n, height, width, kernel.shape[3])


def _input_sums(d: list[jax.Array]) -> list[jax.Array]:
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def _kernel_sums(g: list[jax.Array]) -> list[jax.Array]:
    ends = g[0] + g[2]
    return [g[0], (ends + g[1]) / 2, (ends - g[1]) / 2, g[2]]


def _output_sums(m: list[jax.Array]) -> list[jax.Array]:
    return [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]


def _dense(x: jax.Array, kernel: jax.Array) -> jax.Array:
    n, height, width, channels = x.shape
    reach, filters = kernel.shape[0] // 2, kernel.shape[3]
    # Output pixel (p, q) weighs input pixel (a, b) by tap (a - p + reach, b - q + reach), zero when outside.
    spread = jnp.pad(kernel, ((height, height), (width, width), (0, 0), (0, 0)))
    tops, lefts = [height + reach - p for p in range(height)], [width + reach - q for q in range(width)]
    columns = [[spread[top : top + height, left : left + width] for left in lefts] for top in tops]
    matrix = jnp.stack([jnp.stack(row, axis=3) for row in columns], axis=3)
    matrix = matrix.reshape(height * width * channels, height * width * filters)
    return (x.reshape(n, -1) @ matrix).reshape(n, height, width, filters)


_FUNCTIONS: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "library": _library,
    "patches": _patches,
    "winograd": _winograd,
    "dense": _dense,
}


def _surround(x: jax.Array, reach: int) -> jax.Array:
    return jnp.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))


def _check_rank(x: jax.Array) -> None:
    if x.ndim != 4:
        raise InputError(
            got=f"x of shape {x.shape}",
            expected="four axes: (batch, height, width, channels)",
            advice="add the missing axes, or vmap over the ones too many",
        )


def _check(x: jax.Array, kernel: jax.Array) -> None:
    _check_rank(x)
    if kernel.ndim != 4 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise InputError(
            got=f"kernel of shape {kernel.shape}",
            expected="(s, s, channels, filters) with s odd",
            advice="use an odd square kernel; pad an even one with zeros",
        )
    if kernel.shape[2] != x.shape[3]:
        raise InputError(
            got=f"x with {x.shape[3]} channels and a kernel for {kernel.shape[2]}",
            expected="the same number of channels in x's last axis and the kernel's third",
            advice="check the axis order: x is (N, H, W, C), the kernel (s, s, C, D)",
        )
    if kernel.dtype != x.dtype:
        raise InputError(
            got=f"x of {x.dtype} and a kernel of {kernel.dtype}",
            expected="one dtype for both",
            advice="cast one with .astype; nothing is promoted silently here",
        )
