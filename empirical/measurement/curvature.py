"""Second derivatives of the loss at a cut: directions at y and z, and quadratic forms of both Hessians."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array

from bnverify.empirical.measurement.batch_norm_quantities import scaled_hessian
from bnverify.empirical.measurement.layer import Layer, Parameters
from bnverify.empirical.measurement.probes import Tests
from bnverify.empirical.measurement.reductions import Quantities
from bnverify.empirical.measurement.settings import cheaply_compiled
from bnverify.empirical.measurement.vectors import only

_PARALLEL = 2.0**17  # roundings that two directions may be from parallel


@partial(cheaply_compiled, static_argnums=(0, 1))
def directions(
    layer: Layer, plain_curvature: bool, p: Parameters, y: Array, g: Array, v: Array, tests: Tests, sampled: Array
) -> tuple[Array, Array]:
    """Directions at y, and at z those that they become. Batch norm: v, then v and x in single channels, and at z v and
    g alone. Others: v in single vectors."""
    norm, velocity = layer.norm, partial(layer.velocity, p, y)
    along_y = only(norm, sampled, v)
    if not norm.second_moment:
        return along_y, jax.vmap(velocity)(along_y)
    along_y = jnp.concatenate([v[None], along_y, only(norm, sampled, jnp.asarray(tests.x))])
    along_z = [jax.vmap(velocity)(along_y)]
    if plain_curvature:
        along_z += [only(norm, sampled, v), only(norm, sampled, g)]
    return along_y, jnp.concatenate(along_z)


@partial(cheaply_compiled, static_argnums=(0, 1))
def second_quantities(
    layer: Layer, plain_curvature: bool, p: Parameters, y: Array, g: Array, along_y: Array, along_z: Array,
    curved: Array, tests: Tests, sampled: Array,
) -> Quantities:  # fmt: skip
    """``curved`` is H applied to ``along_z``, so (dy, H dz) is the tangent of (y, g) and the derivative of the backward
    pass along it is Hess(Lhat) dy. With the length of every H d, which rounding is relative to."""
    norm, n = layer.norm, len(sampled)

    def dots(u: Array, v: Array) -> Array:
        return jax.vmap(jnp.vdot)(*(each.astype(jnp.result_type(float)) for each in (u, v)))

    def tangent(dy: Array, dg: Array) -> Array:
        return layer.tangent(p, y, g, dy, dg)

    curved_hat = jax.vmap(tangent)(along_y, curved[: len(along_y)])
    size = jnp.sqrt(dots(curved, curved))
    first = 1 if norm.second_moment else 0  # where the whole layer comes before single channels
    own, x = slice(first, first + n), slice(first + n, first + 2 * n)
    blocks = {
        "v_Hhat_v": dots(along_y[own], curved_hat[own]),
        "u_H_u": dots(along_z[own], curved[own]),
        "size_H_u": size[own],
    }
    out = {}
    if norm.second_moment:
        out = {
            "layer_v_Hhat_v": dots(along_y[:1], curved_hat[:1]),
            "layer_u_H_u": dots(along_z[:1], curved[:1]),
            "size_layer_H_u": size[:1],
        }
        w = only(norm, sampled, jnp.asarray(tests.w))
        u_w = jax.vmap(partial(layer.velocity, p, y))(w)
        blocks |= {"w_Hhat_x": dots(w, curved_hat[x]), "uw_H_ux": dots(u_w, curved[x]), "size_H_ux": size[x]}
        apart = _PARALLEL * float(jnp.finfo(y.dtype).eps)
        scaled = partial(scaled_hessian, layer, p, tests.k * y, g, apart=apart)
        blocks["w_Hhat_x_scaled"] = jax.vmap(scaled)(w, along_y[x], along_z[x], curved[x])
        start, none = 2 * n + 1, jnp.full(n, jnp.nan, y.dtype)
        for name in ("v", "g"):
            part = slice(start, start + n)
            blocks[f"{name}_H_{name}"] = dots(along_z[part], curved[part]) if plain_curvature else none
            blocks[f"size_H_{name}"] = size[part] if plain_curvature else none
            start += n
    nowhere = jnp.full(norm.columns(y).shape[-1], jnp.nan, jnp.result_type(float))
    return out | {name: nowhere.at[sampled].set(values.astype(nowhere.dtype)) for name, values in blocks.items()}
