"""A network in PyTorch as it is: every normalization found, measured and judged.

Run: python examples/torch_network.py (needs pip install 'bnverify[torch]')
"""

import torch
from torch import nn

from bnverify.empirical.adapters.torch import measure_model
from bnverify.empirical.judgement.judged import judge, table


def network(channels):
    return nn.Sequential(
        nn.Conv2d(3, channels, 3), nn.BatchNorm2d(channels), nn.ReLU(),
        nn.Conv2d(channels, channels, 3), nn.GroupNorm(2, channels), nn.ReLU(),
        nn.Flatten(), nn.LazyLinear(10),
    )  # fmt: skip


def main(channels: int = 8, batch: int = 16, size: int = 12):
    torch.manual_seed(0)
    images, labels = torch.randn(batch, 3, size, size), torch.randint(0, 10, (batch,))
    model = network(channels)
    model(images)  # gives the lazy layer its size
    measured = measure_model(model, nn.functional.cross_entropy, images, labels)
    judged = judge(measured)
    print(table(measured, judged))
    return judged


if __name__ == "__main__":
    main()
