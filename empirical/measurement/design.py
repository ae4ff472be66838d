"""The design matrix X of a linear layer, y = X W + b, through its moments: columns' means and covariance.

X is im2col for a convolution: as many rows as the layer has output positions. It is never held as a whole.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.linalg import eigvalsh
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

from bnverify.empirical.measurement.settings import cheaply_compiled
from bnverify.empirical.networks.convolution import design_matrix

_BYTES = 2**26  # of the rows that are laid out at a time
_DENSE = 32  # columns up to which all eigenvalues are found
_ZERO = 1e-10  # of the root mean square entry: how far from zero the mean of a feature may be by rounding


class Design(NamedTuple):
    """``mean`` (n,) and ``covariance`` X'CX/m (n, n) of the features of a layer, over its ``m`` rows."""

    m: int
    mean: Float[np.ndarray, " n"]
    covariance: Float[np.ndarray, "n n"]

    @property
    def norm2(self) -> float:
        """The largest eigenvalue of X'X, to rounding."""
        gram = self.m * (self.covariance + np.outer(self.mean, self.mean))
        n = len(gram)
        if n > _DENSE and np.isfinite(gram).all():
            try:
                start = np.random.default_rng(n).standard_normal(n)  # the same in every run
                return float(eigsh(gram, 1, v0=start, tol=1e-12, return_eigenvectors=False)[0])
            except ArpackNoConvergence:
                pass
        return float(eigvalsh(gram, subset_by_index=[n - 1, n - 1])[0]) if np.isfinite(gram).all() else float("nan")

    @property
    def zero_mean(self) -> bool:
        """Whether every feature has mean zero over the batch, but for rounding."""
        size = np.sqrt((np.diag(self.covariance) + self.mean**2).mean())
        return bool((np.abs(self.mean) <= _ZERO * size).all())

    def variances(self, kernel: Float[np.ndarray, "n filters"]) -> Float[np.ndarray, " filters"]:
        """W'SW for every filter W."""
        return np.einsum("nf,nf->f", kernel, self.covariance @ kernel)


def design(x: Float[Array, "batch *positions feature"], kernel_shape: tuple[int, ...], *, stride: int = 1) -> Design:
    """The design of a layer with a kernel of this shape, (C, D) dense or (s, s, C, D) convolution, and inputs x."""
    size = kernel_shape[0] if len(kernel_shape) == 4 else 0
    mean, covariance = _moments(jnp.asarray(x), size, stride)
    rows = _rows(x.shape, stride)
    return Design(rows, np.asarray(mean), np.asarray(covariance))


def _rows(shape: tuple[int, ...], stride: int) -> int:
    """How many rows the design has: samples times output positions."""
    return shape[0] * int(np.prod([-(-side // stride) for side in shape[1:-1]]))


@partial(cheaply_compiled, static_argnums=(1, 2))
def _moments(x: Array, size: int, stride: int = 1) -> tuple[Array, Array]:
    """Two passes over the batch in blocks: means first, then products of deviations, which lose no digits to them."""

    def rows(block: Array) -> Array:
        return design_matrix(block, size, stride) if size else block.reshape(-1, block.shape[-1])

    count = _rows(x.shape, stride)
    width = max(size, 1) ** 2 * x.shape[-1]
    most = max(1, _BYTES // (count // len(x) * width * x.dtype.itemsize))
    block = max(n for n in range(1, min(most, len(x)) + 1) if len(x) % n == 0)
    blocks = x.reshape(len(x) // block, block, *x.shape[1:])

    def add_sum(total, block):
        return total + rows(block).sum(0), None

    mean = jax.lax.scan(add_sum, jnp.zeros(width, x.dtype), blocks)[0] / count

    def add_products(total, block):
        deviation = rows(block) - mean
        return total + deviation.T @ deviation, None

    products = jax.lax.scan(add_products, jnp.zeros((width, width), x.dtype), blocks)[0]
    return mean, products / count
