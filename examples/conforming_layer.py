"""A layer of one's own with a hand-written backward pass, under the conformance suite: right, and wrong in one term.

Run: python examples/conforming_layer.py, or bnverify layer examples/conforming_layer.py:right --shape 32,8
"""

import jax
import jax.numpy as jnp

from bnverify.empirical.conformance import conforms

EPSILON = 1e-5


def _statistics(y):
    mean = y.mean(-1, keepdims=True)
    return mean, jnp.sqrt(jnp.square(y - mean).mean(-1, keepdims=True) + EPSILON)


def _written(mean_term):
    """Layer norm whose backward pass subtracts ``mean_term`` times the mean of the gradient; 1 is right."""

    @jax.custom_vjp
    def layer(y, gamma, beta):
        mean, s = _statistics(y)
        return gamma * (y - mean) / s + beta

    def forward(y, gamma, beta):
        return layer(y, gamma, beta), (y, gamma)

    def backward(kept, g):
        y, gamma = kept
        mean, s = _statistics(y)
        yhat, scaled = (y - mean) / s, g * gamma
        middle = mean_term * scaled.mean(-1, keepdims=True)
        v = (scaled - middle - yhat * (scaled * yhat).mean(-1, keepdims=True)) / s
        return v, (g * yhat).sum(0), g.sum(0)

    layer.defvjp(forward, backward)
    return layer


right, wrong = _written(1), _written(2)


def main(batch: int = 32, features: int = 8):
    reports = {name: conforms(layer, shape=(batch, features), name=name) for name, layer in
               (("right", right), ("wrong", wrong))}  # fmt: skip
    for report in reports.values():
        print(report, end="\n\n")
    return reports


if __name__ == "__main__":
    main()
