"""The VGG of the reproduction: ten 3x3 convolutions, five max-pools, three dense layers; with a normaliser or not."""

from __future__ import annotations

import jax

from bnverify.empirical.measurement.placement import Placement
from bnverify.empirical.networks.layers import convolution_stage, dense_stage
from bnverify.empirical.networks.network import Network, Site, Stage
from bnverify.empirical.networks.pooling import max_pool
from bnverify.errors import InputError

CHANNELS = (64, 64, 128, 128, 256, 256, 512, 512, 512, 512)
DENSE = (96, 96)


def _relu(p, x):
    return jax.nn.relu(x)


def vgg(
    *, batch_norm: bool, width: float = 1.0, epsilon: float = 1e-5, classes: int = 10, method: str = "auto",
    normalizer: str = "batch", noise: bool = False, stretch: float = 1.0,
) -> Network:  # fmt: skip
    """The network at a width multiplier of the convolutions; a site after each convolution, before its ReLU.

    With batch norm and without it the stages are in one-to-one correspondence (identity in place of the norm), so the
    same key gives the same initial weights. Full width: 9,476,298 parameters with batch norm (running statistics
    counted), 9,464,522 without. ``normalizer`` names what stands where batch norm stands (`measurement.placement`), and
    ``noise`` follows it, or the identity; neither changes the initial weights.
    """
    if not 0 < width <= 4:
        raise InputError(
            got=f"width {width}", expected="a multiplier in (0, 4], 1 for the full network", advice="pass e.g. 0.125"
        )
    placement = Placement(normalizer if batch_norm else None, epsilon, noise, stretch)
    stages: list[Stage] = []
    sites: list[Site] = []
    for number, channels in enumerate(CHANNELS, start=1):
        stages.append(convolution_stage(f"conv{number}", max(1, round(channels * width)), method=method))
        sites.append(Site(f"conv{number}", len(stages), f"conv{number}"))
        stages.extend(placement.stages(number))
        stages.append(Stage(f"relu{number}", _relu))
        if number % 2 == 0:
            stages.append(Stage(f"pool{number // 2}", lambda p, x: max_pool(x)))
    stages.append(Stage("flatten", lambda p, x: x.reshape(x.shape[0], -1)))
    for number, units in enumerate((*DENSE, classes), start=1):
        stages.append(dense_stage(f"dense{number}", units))
        if number <= len(DENSE):
            stages.append(Stage(f"dense_relu{number}", _relu))
    return Network(tuple(stages), tuple(sites))
