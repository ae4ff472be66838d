"""A transformer of one's own in Flax NNX, with layer norm before the attention and RMS norm before the dense layers.

Both normalise one token at a time: a vector is what its features are.

Run: python examples/flax_transformer.py (needs pip install -e '.[flax]')
"""

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from bnverify.empirical.adapters.nnx import measure_model
from bnverify.empirical.judgement.judged import judge, table


class Attention(nnx.Module):
    """Causal, with one head, in the dtype of its input (jax.nn.dot_product_attention rounds to float32)."""

    def __init__(self, features: int, rngs: nnx.Rngs):
        self.project = nnx.Linear(features, 3 * features, rngs=rngs)

    def __call__(self, x):
        query, key, value = jnp.split(self.project(x), 3, axis=-1)
        scores = jnp.einsum("bqf,bkf->bqk", query, key) / x.shape[-1] ** 0.5
        visible = jnp.tril(jnp.ones(scores.shape[1:], bool))
        return jax.nn.softmax(scores, where=visible) @ value


class Block(nnx.Module):
    def __init__(self, features: int, rngs: nnx.Rngs):
        self.norm1 = nnx.LayerNorm(features, rngs=rngs)
        self.attention = Attention(features, rngs)
        self.norm2 = nnx.RMSNorm(features, rngs=rngs)
        self.dense = nnx.Sequential(
            nnx.Linear(features, 2 * features, rngs=rngs), nnx.gelu, nnx.Linear(2 * features, features, rngs=rngs)
        )

    def __call__(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.dense(self.norm2(x))


class Transformer(nnx.Module):
    def __init__(self, tokens: int, features: int, blocks: int, rngs: nnx.Rngs):
        self.embed = nnx.Embed(tokens, features, rngs=rngs)
        self.blocks = nnx.List([Block(features, rngs) for _ in range(blocks)])
        self.norm = nnx.LayerNorm(features, use_bias=False, rngs=rngs)

    def __call__(self, text):
        x = self.embed(text)
        for block in self.blocks:
            x = block(x)
        return self.embed.attend(self.norm(x))


def loss(model, text):
    return optax.softmax_cross_entropy_with_integer_labels(model(text[:, :-1]), text[:, 1:]).mean()


def main(tokens: int = 32, features: int = 16, blocks: int = 2, batch: int = 4, length: int = 12):
    model = Transformer(tokens, features, blocks, nnx.Rngs(0))
    measured = measure_model(model, loss, jax.random.randint(jax.random.key(1), (batch, length), 0, tokens))
    judged = judge(measured)
    print(table(measured, judged))
    return judged


if __name__ == "__main__":
    main()
