r"""ResNet-20 for 32 x 32 images: nine residual blocks of two convolutions, each followed by a normaliser.

"He, Zhang, Ren, Sun 2016, section 4.2", n = 3, with shortcuts without parameters (their option A): where a block halves
the map and doubles the channels, its shortcut takes every second pixel and adds channels of zeros. Sites are after all
19 convolutions, so half of them lie inside a skip connection. The twin has the identity in place of every normaliser.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bnverify.empirical.architectures.architecture import Architecture, Images, Words

if TYPE_CHECKING:
    from bnverify.empirical.networks.network import Network

CHANNELS = (16, 32, 64)
BLOCKS = 3


def resnet(
    *, batch_norm: bool, width: float = 1.0, epsilon: float = 1e-5, classes: int = 10, normalizer: str = "batch",
    noise: bool = False, stretch: float = 1.0, blocks: int = BLOCKS,
) -> Network:  # fmt: skip
    """The network at a width multiplier of its channels; ``blocks`` residual blocks at each of three sizes."""
    import jax

    from bnverify.empirical.measurement.placement import Placement
    from bnverify.empirical.networks.layers import convolution_stage, dense_stage
    from bnverify.empirical.networks.network import Network, Site, Stage, fork_stage, join_stage

    placement = Placement(normalizer if batch_norm else None, epsilon, noise, stretch)
    stages: list[Stage] = []
    sites: list[Site] = []

    def relu(name: str) -> Stage:
        return Stage(name, lambda p, x: jax.nn.relu(x))

    def convolution(channels: int, stride: int) -> None:
        """A convolution without bias and its normaliser."""
        number = len(sites) + 1
        stages.append(convolution_stage(f"conv{number}", channels, stride=stride, bias=False))
        sites.append(Site(f"conv{number}", len(stages), f"conv{number}"))
        stages.extend(placement.stages(number))

    widths = [max(1, round(channels * width)) for channels in CHANNELS]
    convolution(widths[0], 1)
    stages.append(relu("relu1"))
    block = 0
    for size, channels in enumerate(widths):
        for first in (True, *(False,) * (blocks - 1)):
            block += 1
            stride = 2 if first and size else 1
            stages.append(fork_stage(f"fork{block}"))
            convolution(channels, stride)
            stages.append(relu(f"relu{block}a"))
            convolution(channels, 1)
            stages.append(join_stage(f"join{block}", partial(shortcut, stride=stride)))
            stages.append(relu(f"relu{block}b"))
    stages.append(Stage("mean", lambda p, x: x.mean((1, 2))))
    stages.append(dense_stage("dense1", classes))
    return Network(tuple(stages), tuple(sites))


def shortcut(skip, like, stride: int):
    """Every ``stride``-th pixel of ``skip``, and channels of zeros behind its own, to the shape of ``like``."""
    import jax.numpy as jnp

    taken = skip[:, ::stride, ::stride]
    return jnp.pad(taken, ((0, 0), (0, 0), (0, 0), (0, like.shape[-1] - taken.shape[-1])))


ARCHITECTURE = Architecture(
    "resnet",
    Words("ResNet-20", r"ResNet-20, nineteen $3\times 3$ convolutions in nine residual blocks and one dense layer"),
    Images(),
    resnet,
    {
        "resnet": {
            "dataset": "cifar10", "width": 1.0, "batch": 128, "steps": 64000, "learning_rate": 0.1,
            "weight_decay": 1e-4, "record_every": 100, "check_every": 4000, "samples": 1, "groups": 10,
            "test_images": 10000,
        },
        "resnet-quick": {
            "width": 0.25, "batch": 32, "steps": 120, "learning_rate": 0.02, "record_every": 10, "check_every": 60,
            "samples": 1, "test_images": 500,
        },
        "resnet-tiny": {
            "width": 0.125, "batch": 8, "steps": 4, "learning_rate": 0.01, "record_every": 2, "check_every": 4,
            "samples": 1, "test_images": 32,
        },
    },
    rank=2,
)  # fmt: skip
