"""A network cut at one normalisation: the port through which every network is measured, whoever wrote it.

    cut = Cut(y, Placed(BATCH, gamma, beta, 1e-5), gradient=lambda z: dL_dz, hessian=lambda z, w: H_w)
    measured = measure_cut(cut, seed=0, sampled=(0, 1))      # of bnverify.empirical.measurement.measurement

Before the cut stands a layer whose output is y, at the cut the normalisation z = norm(y), after it the rest of the
network, of which nothing is known but the loss L(z) through its derivatives. All arrays have the channel on their last
axis (PyTorch's (N, C, H, W) is to be moved there), may be NumPy's or JAX's, and are float64 unless float32 is what is
to be measured.

Three kinds of normalisation can stand there:

- one of this package: ``Placed(BATCH, gamma, beta, epsilon)``;
- somebody's JAX code: ``Placed(Implemented.of(BATCH, layer), ...)``, a pure function layer(y, gamma, beta, epsilon),
  which is differentiated; with a hand-written backward pass (`jax.custom_vjp`) by reverse mode alone;
- somebody's code that JAX cannot look into (PyTorch, a kernel): ``Placed(BATCH, ..., foreign=Foreign(forward,
  backward))``, NumPy arrays in and out. Claims that need more than these two are named as not tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from bnverify.empirical.normalization.normalizers import Normalization

Array = Any
"""An array of NumPy or of JAX."""


class Forward(Protocol):
    """z of y, as the layer under test computes it."""

    def __call__(self, y: Array, gamma: Array, beta: Array) -> Array: ...


class Backward(Protocol):
    """(v, grad_gamma, grad_beta): the derivatives of <g, z> by y, gamma and beta, as the layer under test has them.
    Both of the last may be None for a layer without these parameters."""

    def __call__(self, y: Array, gamma: Array, beta: Array, g: Array) -> tuple[Array, Array | None, Array | None]: ...


@dataclass(frozen=True)
class Foreign:
    """A layer as two functions of arrays that are not differentiated: its value and its backward product.

    ``tangent(y, gamma, beta, g, dy, dg)``, where it is known, is the derivative of v along (dy, dg): by a second
    backward pass, say. Without it claims about curvature are not tested.
    """

    forward: Forward
    backward: Backward
    tangent: Callable[..., Array] | None = None


@dataclass(frozen=True)
class Placed:
    """A normalisation where it stands: what it is called, its parameters and its epsilon.

    ``normalization`` says which values form a vector, what is subtracted and divided by, and so which claims speak of
    it. It also computes z, with ``context`` as further arguments (batch renormalisation: ((running mean, running s),
    r_max, d_max)), unless a ``foreign`` layer does.
    """

    normalization: Normalization
    gamma: Array
    beta: Array
    epsilon: float
    context: tuple = ()
    foreign: Foreign | None = None


@dataclass(frozen=True)
class Running:
    """Running statistics of a batch norm before and after one forward pass in training mode on y.

    After it, mean = (1 - weight) old + weight mu, and the same for the variance, times m/(m - 1) where ``unbiased``.
    The weight of the new batch is PyTorch's ``momentum`` and one minus that of Flax and Keras.
    """

    weight: float
    unbiased: bool
    mean_before: Array
    variance_before: Array
    mean_after: Array
    variance_after: Array


@dataclass(frozen=True)
class Cut:
    """One normalisation of a network with the output y of the layer before it and the derivatives of what follows.

    ``gradient(z)`` is dL/dz. ``hessian(z, w)`` is H w, the second derivative of L at z along w; None where nobody has
    it: claims about curvature are then named as not tested. With ``stacked`` it takes directions (k, *z.shape) at once.
    ``loss(z)`` and ``value``, where both are given, are the rest of the network as a function and the network's own
    loss: unless loss(norm(y)) is the value to the last bits, the cut is refused. A loss that differentiates the
    network, for one, cannot be cut.
    """

    y: Array
    norm: Placed
    gradient: Callable[[Array], Array]
    hessian: Callable[[Array, Array], Array] | None = None
    stacked: bool = False
    loss: Callable[[Array], Any] | None = None
    value: float | None = None
    running: Running | None = None

    def curved(self, z: Array, directions: Array) -> Array | None:
        """H along a stack of directions; None without a Hessian."""
        if self.hessian is None:
            return None
        if self.stacked:
            return self.hessian(z, directions)
        return np.stack([np.asarray(self.hessian(z, direction)) for direction in directions])

    def times(self, factor: float) -> Cut:
        """The cut of the loss times a factor; ``loss`` and ``value`` stay, as they say what was cut."""
        first, second = self.gradient, self.hessian
        curved = None if second is None else lambda z, along: second(z, along) * factor
        return replace(self, gradient=lambda z: first(z) * factor, hessian=curved)
