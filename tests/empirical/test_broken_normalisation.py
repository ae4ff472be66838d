"""Negative controls of the measurement: a normalisation that is not batch norm violates the claims."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from empirical import measurement
from empirical.compile import compile_claim
from empirical.verdict import residuals
from theory import CLAIMS

constant = jax.lax.stop_gradient


def _moments(y):
    mean = y.mean(0)
    return mean, jnp.square(y - mean).mean(0)


def _norm(y, gamma, beta, epsilon, *, mean=None, scale=None):
    own_mean, variance = _moments(y)
    scale = jnp.sqrt(variance + epsilon) if scale is None else scale
    return gamma * (y - (own_mean if mean is None else mean)) / scale + beta


BROKEN = {
    "unbiased variance": lambda y, g, b, e: _norm(y, g, b, e, scale=jnp.sqrt(_moments(y)[1] * 9 / 8 + e)),
    "mean not differentiated": lambda y, g, b, e: _norm(y, g, b, e, mean=constant(y.mean(0))),
    "variance not differentiated": lambda y, g, b, e: _norm(y, g, b, e, scale=jnp.sqrt(constant(_moments(y)[1]) + e)),
    "epsilon outside the root": lambda y, g, b, e: _norm(y, g, b, e, scale=jnp.sqrt(_moments(y)[1]) + e),
    "inference mode": lambda y, g, b, e: _norm(
        y, g, b, e, mean=constant(y.mean(0)), scale=jnp.sqrt(constant(_moments(y)[1]) + e)
    ),
    "gamma squared": lambda y, g, b, e: _norm(y, g * g, b, e),
}


def _violated(monkeypatch, norm) -> set[str]:
    monkeypatch.setattr(measurement, "batch_norm", norm)
    monkeypatch.setattr(measurement, "_normalise", jax.jit(norm))
    for name in ("_first_derivatives", "_second_derivatives"):
        traced = getattr(measurement, name).__wrapped__
        monkeypatch.setattr(measurement, name, jax.jit(lambda *arguments, f=traced: f(*arguments)))
    y = jax.random.normal(jax.random.key(0), (9, 3)) * 2 + 1
    gamma, beta = jnp.array([1.5, -0.7, 0.3]), jnp.array([0.1, 0.2, 0.3])
    weights = jnp.arange(1.0, 10.0)[:, None]

    def suffix(z):
        return jnp.sum(jnp.sin(z) ** 2 * weights) + jnp.prod(jnp.cos(z[:3, 0]))

    found = measurement.measure(suffix, y, gamma, beta, 0.1, sampled=(0, 1, 2))
    quantities = {name: np.asarray(value) for name, value in found.items()}
    out = set()
    for key, claim in CLAIMS.items():
        compiled = compile_claim(claim)
        special = key.startswith("observation") or any(h.condition is not None for h in claim.hypotheses)
        if not special and all(name in quantities for name in compiled.names):
            worst = residuals(claim, compiled(quantities)).max()
            out |= {key} if worst > 1e-10 else set()
    return out


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_batch_norm_violates_the_claims(monkeypatch, name):
    violated = _violated(monkeypatch, BROKEN[name])
    assert {"fact-c1", "theorem-4.1-exact", "theorem-4.2-exact", "theorem-4.2-layer-exact", "hessian"} <= violated


def test_batch_norm_itself_violates_none(monkeypatch):
    assert _violated(monkeypatch, _norm) == set()
