"""Normalisers that can stand where batch norm stands: an arrangement of activations into vectors, centring, a scale.

A normaliser cuts the activations y (channel on the last axis) into vectors, the columns of an (m, K) matrix, subtracts
their means where it is centred, divides each by its scale, and puts the entries back:

    yhat = (y - mu)/s(y) or y/s(y),    z = gamma yhat + beta, gamma and beta per channel always.

Scales, of a vector y of m values with c = y - mean(y); l1 and linf have epsilon outside, as they have no root:

    l2             sqrt(mean c^2 + epsilon), the biased standard deviation     batch, layer, group, instance
    rms            sqrt(mean y^2 + epsilon), without centring                  rms
    l1, linf       mean |c| + epsilon, max |c| + epsilon                       l1, linf
    uncentred l_p  (mean |y|^p)^(1/p), of y as it comes, though c is divided   l1-, l2-, linf-uncentred

The last line is section 3.3 of Santurkar et al. 2018: the first moment is fixed by centring, the norm is that of y.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import jax.numpy as jnp
from jaxtyping import Array, Float

from bnverify.empirical.normalization.batch import batch_norm
from bnverify.errors import InputError

Columns = Float[Array, "m K"]
Scale = Callable[[Columns, float], Float[Array, " K"]]


class Arrangement(Protocol):
    """Which activations are normalised together."""

    @property
    def running(self) -> bool:
        """Whether the columns mean the same for every batch, so that running statistics can be kept for inference."""

    @property
    def one_channel(self) -> bool:
        """Whether every vector lies in one channel, so that gamma is one number for it."""

    @property
    def noun(self) -> str:
        """What one vector is: a channel, a sample, a token."""

    def columns(self, y: Float[Array, "*batch channel"]) -> Columns:
        """The vectors that are normalised, one a column."""

    def restore(self, columns: Columns, shape: tuple[int, ...]) -> Float[Array, "*batch channel"]:
        """The inverse of ``columns``, for activations of the given shape."""


@dataclass(frozen=True)
class PerChannel:
    """One vector a channel, over samples and positions: (N, ..., C) to (N ..., C)."""

    running: bool = True
    noun: str = "channel"

    @property
    def one_channel(self) -> bool:
        return True

    def columns(self, y):
        return y.reshape(-1, y.shape[-1])

    def restore(self, columns, shape):
        return columns.reshape(shape)


@dataclass(frozen=True)
class PerReplica:
    """One vector a replica and channel, over the samples of the replica and positions: (N, ..., C) to (N/R ..., R C).

    ``replicas`` is R. The batch is cut into R runs of neighbouring samples, as data-parallel training cuts it: what
    PyTorch computes on R devices without synchronised statistics, and what "ghost" batch norm computes on one (Hoffer
    et al. 2017). m is that of a replica. Columns are in row-major order of (replica, channel).
    """

    replicas: int
    running: bool = True
    noun: str = "replica and channel"

    @property
    def one_channel(self) -> bool:
        return True

    def columns(self, y):
        return y.reshape(self.replicas, self._size(y.shape), -1, y.shape[-1]).transpose(1, 2, 0, 3).reshape(
            -1, self.replicas * y.shape[-1]
        )  # fmt: skip

    def restore(self, columns, shape):
        parts = columns.reshape(self._size(shape), -1, self.replicas, shape[-1])
        return parts.transpose(2, 0, 1, 3).reshape(shape)

    def _size(self, shape: tuple[int, ...]) -> int:
        """Samples of a replica."""
        if shape[0] % self.replicas:
            raise InputError(
                got=f"a batch of {shape[0]} on {self.replicas} replicas",
                expected="as many samples on each",
                advice="choose a batch size that the number of replicas divides",
            )
        return shape[0] // self.replicas


@dataclass(frozen=True)
class PerSample:
    """One vector a sample and group of neighbouring channels, over positions: (N, ..., C) to (... C/G, N G).

    ``groups`` is G; None makes every channel a group of its own. Columns are in row-major order of (sample, group).
    """

    groups: int | None = 1
    running: bool = False

    @property
    def one_channel(self) -> bool:
        return self.groups is None

    @property
    def noun(self) -> str:
        return "sample" if self.groups == 1 else "sample and channel" if self.groups is None else "sample and group"

    def columns(self, y):
        n, groups, size = self._parts(y.shape)
        return y.reshape(n, -1, groups, size).transpose(1, 3, 0, 2).reshape(-1, n * groups)

    def restore(self, columns, shape):
        n, groups, size = self._parts(shape)
        return columns.reshape(-1, size, n, groups).transpose(2, 0, 3, 1).reshape(shape)

    def _parts(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """(samples, groups, channels of a group)."""
        channels = shape[-1]
        groups = channels if self.groups is None else self.groups
        if channels % groups:
            raise InputError(
                got=f"{channels} channels in {groups} groups",
                expected="groups of equal size",
                advice="choose a number of groups that divides the channels, as in group-2, or change the width",
            )
        if self.groups is None and len(shape) < 3:
            raise InputError(
                got=f"activations of shape {shape} for instance normalisation",
                expected="positions to normalise over, between the sample and the channel axis",
                advice="use layer or group normalisation after a dense layer",
            )
        return shape[0], groups, channels // groups


@dataclass(frozen=True)
class PerPosition:
    """One vector a sample and position, over its channels: (N, ..., C) to (C, N ...), as transformers normalise their
    tokens. Columns are in row-major order of (sample, position)."""

    running: bool = False
    noun: str = "token"

    @property
    def one_channel(self) -> bool:
        return False

    def columns(self, y):
        return y.reshape(-1, y.shape[-1]).T

    def restore(self, columns, shape):
        return columns.T.reshape(shape)


def _deviation(columns: Columns) -> Columns:
    return columns - columns.mean(0)


def _largest(columns: Columns) -> Float[Array, " K"]:
    """The largest entry of every column, differentiated as the entry it is. The derivative of ``jnp.max`` asks which
    entries equal the maximum: none does where a compiler computes them twice and rounds differently, and then the
    derivative is silently lost."""
    return jnp.take_along_axis(columns, columns.argmax(0)[None], axis=0)[0]


def l2(columns: Columns, epsilon: float) -> Float[Array, " K"]:
    """sqrt(mean c^2 + epsilon)."""
    return jnp.sqrt(jnp.square(_deviation(columns)).mean(0) + epsilon)


def l1(columns: Columns, epsilon: float) -> Float[Array, " K"]:
    """mean |c| + epsilon."""
    return jnp.abs(_deviation(columns)).mean(0) + epsilon


def linf(columns: Columns, epsilon: float) -> Float[Array, " K"]:
    """max |c| + epsilon."""
    return _largest(jnp.abs(_deviation(columns))) + epsilon


def l2_uncentred(columns: Columns, epsilon: float) -> Float[Array, " K"]:
    """sqrt(mean y^2 + epsilon)."""
    return jnp.sqrt(jnp.square(columns).mean(0) + epsilon)


def l1_uncentred(columns: Columns, epsilon: float) -> Float[Array, " K"]:
    """mean |y| + epsilon."""
    return jnp.abs(columns).mean(0) + epsilon


def linf_uncentred(columns: Columns, epsilon: float) -> Float[Array, " K"]:
    """max |y| + epsilon."""
    return _largest(jnp.abs(columns)) + epsilon


@dataclass(frozen=True)
class Normalization:
    """A normaliser as a value: ``normalization(y, gamma, beta, epsilon)`` is what a network computes in training mode.

    ``scale(columns, epsilon)`` takes the columns as they come, not centred, to one positive number a column.
    ``layer(y, gamma, beta, epsilon, *context)`` is somebody's own code for it (`computed_by`). ``correction(y, epsilon,
    *context)`` gives the constants (r, d) of a renormalisation, z = gamma (r yhat + d) + beta. ``definition`` is the
    `bnverify.theory.Normalizer` a scale was compiled from.
    """

    name: str
    arrangement: Arrangement
    centred: bool
    scale: Scale
    layer: Callable[..., Array] | None = None
    correction: Callable[..., tuple[Array, Array]] | None = None
    definition: Any = None

    @property
    def second_moment(self) -> bool:
        """Whether it divides the centred values of a channel by their biased standard deviation, as batch norm does."""
        return self.centred and self.scale is l2 and isinstance(self.arrangement, PerChannel)

    @property
    def own(self) -> bool:
        """Whether this package computes it, and so can differentiate it in every way."""
        return type(self) is Normalization and self.layer is None

    def computed_by(self, layer: Callable[..., Array] | None) -> Normalization:
        """The same normaliser, of which the same is claimed, as somebody else's function computes it; None: as this
        package does."""
        return replace(self, layer=layer)

    def columns(self, y: Float[Array, "*batch channel"]) -> Columns:
        """The vectors that are normalised, (m, K), one a column."""
        return self.arrangement.columns(y)

    def restore(self, columns: Columns, shape: tuple[int, ...]) -> Float[Array, "*batch channel"]:
        """The inverse of ``columns``, for activations of the given shape."""
        return self.arrangement.restore(columns, shape)

    def statistics(
        self, y: Float[Array, "*batch channel"], epsilon: float
    ) -> tuple[Float[Array, " K"], Float[Array, " K"]]:
        """What is subtracted (zeros where nothing is) and what is divided by, for every column."""
        columns = self.columns(y)
        centre = columns.mean(0) if self.centred else jnp.zeros_like(columns[0])
        return centre, self.scale(columns, epsilon)

    def normalise(self, y: Float[Array, "*batch channel"], epsilon: float) -> Float[Array, "*batch channel"]:
        """yhat, in the shape of y."""
        centre, scale = self.statistics(y, epsilon)
        return self.restore((self.columns(y) - centre) / scale, y.shape)

    def __call__(
        self,
        y: Float[Array, "*batch channel"],
        gamma: Float[Array, " channel"],
        beta: Float[Array, " channel"],
        epsilon: float,
        *context: Any,
    ) -> Float[Array, "*batch channel"]:
        """gamma yhat + beta; batch norm takes the path that networks take."""
        if self.layer is not None:
            return self.layer(y, gamma, beta, epsilon, *context)
        if self.correction is not None:
            r, d = self.correction(y, epsilon, *context)
            gamma, beta = gamma * r, beta + gamma * d
        if self.second_moment:
            return batch_norm(y, gamma, beta, epsilon)
        return gamma * self.normalise(y, epsilon) + beta


BATCH = Normalization("batch", PerChannel(), True, l2)


def ghost(replicas: int) -> Normalization:
    """Batch normalisation with statistics of every replica's own samples (Hoffer et al. 2017, "ghost")."""
    return Normalization(f"ghost-{replicas}", PerReplica(replicas), True, l2)


def group(groups: int) -> Normalization:
    """Group normalisation (Wu and He 2018) with the given number of groups of channels."""
    return Normalization(f"group-{groups}", PerSample(groups), True, l2)


_ALL = (
    BATCH,
    Normalization("layer", PerSample(1), True, l2),
    Normalization("group", PerSample(2), True, l2),
    Normalization("instance", PerSample(None), True, l2),
    Normalization("rms", PerSample(1), False, l2_uncentred),
    Normalization("token-layer", PerPosition(), True, l2),
    Normalization("token-rms", PerPosition(), False, l2_uncentred),
    Normalization("l1", PerChannel(), True, l1),
    Normalization("linf", PerChannel(), True, linf),
    Normalization("l1-uncentred", PerChannel(), True, l1_uncentred),
    Normalization("l2-uncentred", PerChannel(), True, l2_uncentred),
    Normalization("linf-uncentred", PerChannel(), True, linf_uncentred),
)
NORMALIZATIONS: dict[str, Normalization] = {each.name: each for each in _ALL}


def normalization(name: str) -> Normalization:
    """The normaliser of that name: one of NORMALIZATIONS, group-G for another number of groups than two, or ghost-R for
    batch norm with the statistics of R replicas."""
    if name in NORMALIZATIONS:
        return NORMALIZATIONS[name]
    if found := re.fullmatch(r"(group|ghost)-([1-9]\d*)", name):
        return {"group": group, "ghost": ghost}[found[1]](int(found[2]))
    raise InputError(
        got=f"normaliser {name!r}", expected=f"one of {', '.join(NORMALIZATIONS)}", advice="pass a listed name"
    )
