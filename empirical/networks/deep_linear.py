r"""The deep linear network: 25 dense 10x10 layers without activation function, on Gaussian data, as one full batch.

Santurkar et al. 2018, section 2.3 and appendix. x and A have independent standard Gaussian entries, and the loss is

    L = sum over the batch of |W_1 ... W_k x - A x|^2,

the squared Frobenius norm |W_1 ... W_k X - A X|^2 for the samples as columns of X. It is a sum over samples, no mean:
for 1,000 samples the published learning rate 1e-6 then trains both networks in 10,000 steps, and 1e-5 makes the plain
one diverge, whereas with a mean 1e-6 would hardly move it. Layers are bias-free and written for samples as rows,
x -> x W. With a normaliser there is one after every layer, also after the last.
"""

from __future__ import annotations

import jax.numpy as jnp

from bnverify.empirical.data.gaussian import SIZE
from bnverify.empirical.measurement.placement import Placement
from bnverify.empirical.networks.layers import normal
from bnverify.empirical.networks.network import Network, Site, Stage
from bnverify.errors import InputError

DEPTH = 25


def linear_stage(name: str, units: int) -> Stage:
    """A dense layer without bias: kernel (C, D) Glorot normal."""

    def init(key, shape, dtype):
        deviation = (2.0 / (shape[-1] + units)) ** 0.5
        return {"kernel": normal(key, (shape[-1], units), dtype) * jnp.asarray(deviation, dtype)}

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
