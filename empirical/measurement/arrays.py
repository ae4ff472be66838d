"""What a layer under test computes, as arrays: its values, its gradients, its derivatives along test directions.

The names are those of vectors in theory/. Nothing else of the measurement comes from the layer, and nothing here comes
from anywhere else; the rest of the quantities are moments of y and inner products (`reductions`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from bnverify.empirical.measurement.cut import Foreign
from bnverify.empirical.measurement.layer import FIRST, Layer, Parameters
from bnverify.empirical.measurement.probes import Tests

Arrays = dict[str, Any]


@partial(jax.jit, static_argnums=0)
def value(layer: Layer, p: Parameters, y: Array) -> Array:
    """z."""
    return layer.value(p, y)


@partial(jax.jit, static_argnums=0)
def layer_arrays(layer: Layer, p: Parameters, y: Array, g: Array, spread: Array, tests: Tests) -> Arrays:
    """Of a layer that JAX differentiates; ``spread`` is s, in the shape of y."""
    unit, norm = layer.unit(p), layer.norm
    v, grad_gamma, grad_beta = layer.pulled_to_all(p, y, g)
    out = {"z": layer.value(p, y), "v": v, "grad_gamma": grad_gamma, "grad_beta": grad_beta}
    if norm.correction is not None:
        return out
    w, x = tests.w, tests.x
    out["yhat"] = layer.value(unit, y)
    if norm.second_moment:
        for name, at in (("scaled", tests.k * y), ("shifted", y + tests.c * spread)):
            out |= {f"yhat_{name}": layer.value(unit, at), f"v_{name}": layer.pulled(p, at, g)}
    if layer.mode == FIRST:
        return out | {"Jw": layer.pulled(unit, y, w)}
    out |= {"Jx": layer.velocity(unit, y, x), "Kx": layer.acceleration(unit, y, x)}
    if norm.second_moment:
        out |= {"JJx": layer.velocity(unit, y, out["Jx"]), "u": layer.velocity(p, y, v)}
    return out


def foreign_arrays(
    foreign: Foreign, norm: Any, p: Parameters, y: np.ndarray, g: np.ndarray, spread: np.ndarray, tests: Tests
) -> Arrays:
    """Of a layer that is two functions of arrays."""
    ones, zeros = np.ones_like(p.gamma), np.zeros_like(p.beta)
    v, grad_gamma, grad_beta = foreign.backward(y, p.gamma, p.beta, g)
    out = {"z": foreign.forward(y, p.gamma, p.beta), "v": v}
    out |= {name: d for name, d in (("grad_gamma", grad_gamma), ("grad_beta", grad_beta)) if d is not None}
    if norm.correction is not None:
        return _double(out)
    out |= {"yhat": foreign.forward(y, ones, zeros), "Jw": foreign.backward(y, ones, zeros, np.asarray(tests.w))[0]}
    if norm.second_moment:
        for name, at in (("scaled", tests.k * y), ("shifted", y + tests.c * spread)):
            out[f"yhat_{name}"] = foreign.forward(at, ones, zeros)
            out[f"v_{name}"] = foreign.backward(at, p.gamma, p.beta, g)[0]
    return _double(out)


def _double(arrays: Arrays) -> Arrays:
    return {name: jnp.asarray(np.asarray(each), jnp.float64) for name, each in arrays.items()}
