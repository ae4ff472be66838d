r"""The deep linear network: 25 dense 10x10 layers without activation function, on Gaussian data, as one full batch.

Santurkar et al. 2018, section 2.3 and appendix. x and A have independent standard Gaussian entries, and the loss is

    L = sum over the batch of |W_1 ... W_k x - A x|^2,

the squared Frobenius norm |W_1 ... W_k X - A X|^2 for the samples as columns of X. It is a sum over samples, no mean:
for 1,000 samples the published learning rate 1e-6 then trains both networks in 10,000 steps, and 1e-5 makes the plain
one diverge, whereas with a mean 1e-6 would hardly move it. Layers are bias-free and written for samples as rows,
x -> x W. With a normaliser there is one after every layer, also after the last.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from bnverify.empirical.measurement.placement import Placement
from bnverify.empirical.networks.network import Network, Site, Stage
from bnverify.errors import InputError

SIZE, DEPTH, SAMPLES = 10, 25, 1_000
_STREAMS = {"A": 1, "x": 2, "test x": 3}


@dataclass(frozen=True)
class LinearData:
    """Inputs (n, d) and targets A x (n, d) in float32, for training (one full batch) and for testing.

    ``fingerprint`` is the SHA-256 of the four arrays, computed and never passed. Two are equal when it is.
    """

    name: str
    inputs: np.ndarray = field(repr=False, compare=False)
    targets: np.ndarray = field(repr=False, compare=False)
    test_inputs: np.ndarray = field(repr=False, compare=False)
    test_targets: np.ndarray = field(repr=False, compare=False)
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256()
        for key in ("inputs", "targets", "test_inputs", "test_targets"):
            array = np.ascontiguousarray(getattr(self, key), "<f4")
            digest.update(f"{key} {array.shape};".encode())
            digest.update(array.data)
            view = array.view()
            view.setflags(write=False)
            object.__setattr__(self, key, view)
        object.__setattr__(self, "fingerprint", digest.hexdigest())


def gaussian_data(seed: int = 0, samples: int = SAMPLES, test: int = SAMPLES, size: int = SIZE) -> LinearData:
    """x ~ N(0, I) and targets A x with A ~ N(0, 1) entrywise, each array from its own stream of the seed."""
    if seed < 0 or min(samples, test, size) < 1:
        raise InputError(
            got=f"seed {seed}, {samples} samples, {test} test samples, size {size}",
            expected="a seed of at least 0 and positive numbers",
            advice="leave the arguments out to get the published setting",
        )
    a, x, test_x = (
        np.random.default_rng([seed, stream]).standard_normal((rows, size))
        for stream, rows in zip(_STREAMS.values(), (size, samples, test), strict=True)
    )
    arrays = (x, x @ a.T, test_x, test_x @ a.T)
    return LinearData("gaussian", *(each.astype(np.float32) for each in arrays))


def linear_stage(name: str, units: int) -> Stage:
    """A dense layer without bias: kernel (C, D) Glorot normal."""

    def init(key, shape, dtype):
        deviation = (2.0 / (shape[-1] + units)) ** 0.5
        return {"kernel": jax.random.normal(key, (shape[-1], units), dtype) * jnp.asarray(deviation, dtype)}

    return Stage(name, lambda p, x: x @ p["kernel"], init)


def deep_linear(
    *, batch_norm: bool, depth: int = DEPTH, size: int = SIZE, epsilon: float = 1e-5,
    normalizer: str = "batch", noise: bool = False, stretch: float = 1.0,
) -> Network:  # fmt: skip
    """The network; a site after every layer. Twins correspond stage by stage, as those of `vgg.vgg` do."""
    if depth < 1 or size < 1:
        raise InputError(
            got=f"{depth} layers of {size} units", expected="at least one of each", advice="the paper has 25 of 10"
        )
    placement = Placement(normalizer if batch_norm else None, epsilon, noise, stretch)
    stages: list[Stage] = []
    sites: list[Site] = []
    for number in range(1, depth + 1):
        stages.append(linear_stage(f"linear{number}", size))
        sites.append(Site(f"linear{number}", len(stages), f"linear{number}"))
        stages.extend(placement.stages(number))
    return Network(tuple(stages), tuple(sites))


def squared_error(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """|outputs - targets|^2, summed over samples and coordinates; targets are taken in the type of the outputs."""
    return jnp.square(outputs - targets.astype(outputs.dtype)).sum()
