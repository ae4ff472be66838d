"""A network in Equinox, cut by hand: the rest of the network as a function of the normalised values is all it takes.

Run: python examples/equinox_network.py (needs pip install equinox)
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from bnverify.empirical import measure
from bnverify.empirical.judgement.judged import Measured, judge, table
from bnverify.empirical.normalization.normalizers import NORMALIZATIONS


class Network(eqx.Module):
    first: eqx.nn.Linear
    norm: eqx.nn.LayerNorm
    second: eqx.nn.Linear

    def __init__(self, features, key):
        one, two = jax.random.split(key)
        self.first = eqx.nn.Linear(features, features, key=one)
        self.norm = eqx.nn.LayerNorm(features)
        self.second = eqx.nn.Linear(features, 1, key=two)

    def before(self, x):
        return self.first(x)

    def after(self, z):
        return self.second(jax.nn.tanh(z))[0]

    def __call__(self, x):
        return self.after(self.norm(self.before(x)))


def main(features: int = 8, batch: int = 32):
    with jax.enable_x64(True):
        model = Network(features, jax.random.key(0))
        x, target = jax.random.normal(jax.random.key(1), (batch, features)), jnp.linspace(-1.0, 1.0, batch)

        def suffix(z):
            return jnp.square(jax.vmap(model.after)(z) - target).mean()

        y, norm = jax.vmap(model.before)(x), NORMALIZATIONS["layer"]
        parameters = model.norm.weight, model.norm.bias, model.norm.eps
        # That the cut is the network, and the layer the normaliser whose claims are asserted:
        np.testing.assert_allclose(norm(y, *parameters), jax.vmap(model.norm)(y), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(suffix(norm(y, *parameters)), jnp.square(jax.vmap(model)(x) - target).mean())
        quantities = measure(suffix, y, *parameters, normalizer=norm, sampled=range(2))
    measured = {"norm": Measured(norm, {name: np.asarray(value) for name, value in quantities.items()})}
    judged = judge(measured)
    print(table(measured, judged))
    return judged


if __name__ == "__main__":
    main()
