"""The VGG of the reproduction as an architecture, with its presets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bnverify.empirical.architectures.architecture import Architecture, Images, Words

if TYPE_CHECKING:
    from bnverify.empirical.networks.network import Network


def _build(**options: Any) -> Network:
    from bnverify.empirical.networks.vgg import vgg

    return vgg(**options)


ARCHITECTURE = Architecture(
    "vgg",
    Words("VGG", r"VGG, ten $3\times 3$ convolutions and three dense layers", width="convolutions"),
    Images(),
    _build,
    {
        "quick": {"groups": 2},
        "tiny": {
            "width": 1 / 32, "batch": 16, "steps": 6, "record_every": 2, "check_every": 4, "samples": 1,
            "test_images": 64,
        },
        "full": {
            "width": 1.0, "batch": 128, "steps": 300, "record_every": 5, "check_every": 60, "samples": 1, "groups": 10,
        },
        "reproduction": {
            "dataset": "cifar10", "width": 1.0, "batch": 128, "steps": 15000, "record_every": 50, "check_every": 500,
            "samples": 1, "groups": 10, "test_images": 10000,
        },
    },
    rank=0,
)  # fmt: skip
