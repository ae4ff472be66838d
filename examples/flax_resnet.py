"""A residual block of one's own in Flax NNX, with batch norm: every claim at every normalisation, without a change.

Run: python examples/flax_resnet.py (needs pip install -e '.[flax]')
"""

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from bnverify.empirical.adapters.nnx import measure_model
from bnverify.empirical.judgement.judged import judge, table


class Block(nnx.Module):
    def __init__(self, channels: int, rngs: nnx.Rngs):
        self.conv1 = nnx.Conv(channels, channels, (3, 3), use_bias=False, rngs=rngs)
        self.norm1 = nnx.BatchNorm(channels, rngs=rngs)
        self.conv2 = nnx.Conv(channels, channels, (3, 3), use_bias=False, rngs=rngs)
        self.norm2 = nnx.BatchNorm(channels, rngs=rngs)

    def __call__(self, x):
        y = nnx.relu(self.norm1(self.conv1(x)))
        return nnx.relu(x + self.norm2(self.conv2(y)))


class ResNet(nnx.Module):
    def __init__(self, channels: int, blocks: int, rngs: nnx.Rngs):
        self.stem = nnx.Conv(3, channels, (3, 3), use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(channels, rngs=rngs)
        self.blocks = nnx.List([Block(channels, rngs) for _ in range(blocks)])
        self.head = nnx.Linear(channels, 10, rngs=rngs)

    def __call__(self, images):
        x = nnx.relu(self.norm(self.stem(images)))
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((1, 2)))


def loss(model, images, labels):
    return optax.softmax_cross_entropy_with_integer_labels(model(images), labels).mean()


def main(channels: int = 8, blocks: int = 2, batch: int = 16, size: int = 8):
    model = ResNet(channels, blocks, nnx.Rngs(0))
    images = jax.random.normal(jax.random.key(1), (batch, size, size, 3), jnp.float32)
    labels = jax.random.randint(jax.random.key(2), (batch,), 0, 10)
    measured = measure_model(model, loss, images, labels)
    judged = judge(measured)
    print(table(measured, judged))
    return judged


if __name__ == "__main__":
    main()
