"""A normaliser of one's own, from its definition to verified claims in a network: between batch norm's and RMS norm's
scale, s^2 = variance + mean^2/4 + epsilon, which sees the mean that is removed.

It is defined once, in SymPy. From there come its backward pass, the answer whether it can enlarge a gradient, the
claims, and the layer of a network that they are checked on.

Run: python examples/own_normalizer.py (needs pip install -e '.[flax]')
"""

import jax
import jax.numpy as jnp
import sympy as sp
from flax import nnx

from bnverify.empirical.adapters.nnx import measure_model
from bnverify.empirical.judgement.judged import judge, table
from bnverify.empirical.normalization.normalizers import PerPosition
from bnverify.empirical.normalization.own_normalizer import normalization_of
from bnverify.theory import ONE, Normalizer, claims_of, epsilon, m, smoothing, variance

BETWEEN = Normalizer("between", centred=True, scale=lambda y: sp.sqrt(variance(y) + ((ONE @ y) / m) ** 2 / 4 + epsilon))
LAYER = normalization_of(BETWEEN, PerPosition())


class Between(nnx.Module):
    """The normaliser as a layer: what a network has is `normalization_of` its definition."""

    def __init__(self, features: int):
        self.scale, self.bias = nnx.Param(jnp.ones(features)), nnx.Param(jnp.zeros(features))
        self.epsilon = 1e-3

    def __call__(self, y):
        return LAYER(y, self.scale[...], self.bias[...], self.epsilon)


class Network(nnx.Module):
    def __init__(self, features: int, rngs: nnx.Rngs):
        self.first, self.norm1 = nnx.Linear(features, features, rngs=rngs), Between(features)
        self.second, self.norm2 = nnx.Linear(features, features, rngs=rngs), Between(features)

    def __call__(self, x):
        x = x + nnx.gelu(self.norm1(self.first(x)))
        return self.norm2(self.second(x))


def main(features: int = 16, batch: int = 32):
    print(BETWEEN.backward)
    print(smoothing(BETWEEN))
    for claim in claims_of(BETWEEN):
        print(f"{claim.key}: proved in {len(claim.prove())} steps")
    x, target = jax.random.normal(jax.random.key(0), (2, batch, features), jnp.float32)
    model = Network(features, nnx.Rngs(0))
    measured = measure_model(
        model, lambda model, x, y: jnp.square(model(x) - y).mean(), x, target, normalizers={Between: LAYER}
    )
    judged = judge(measured)
    print(table(measured, judged))
    return judged


if __name__ == "__main__":
    main()
