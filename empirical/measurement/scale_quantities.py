"""The gradient n and the Hessian M of a normaliser's scale on measured vectors, by differentiating the scale alone."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from bnverify.empirical.normalization.normalizers import Normalization, l1, l1_uncentred, linf, linf_uncentred

# In roundings of the largest value: so near to 0, or to another entry, an entry may be on either side of it.
_MARGIN = 2**10


def scale_quantities(
    norm: Normalization,
    y: Array,
    g: Array,
    v: Array,
    w: Array,
    x: Array,
    epsilon: Array,
    precision: Any = None,
) -> dict[str, Array]:
    """Quantities of n, M and the projector P, which subtracts what the normaliser subtracts; and two flags a vector:
    ``smooth``, whether the scale is differentiable there, and ``deviation``, the root mean square of Py."""

    def scale(columns):
        return norm.scale(columns, epsilon)

    def projected(u):
        return norm.columns(u) - norm.statistics(u, epsilon)[0]

    def gradient(columns):
        return jax.grad(lambda c: scale(c).sum())(columns)

    def second(direction):
        return jax.jvp(gradient, (columns,), (direction,))[1]

    columns, g_columns, v_columns, w_columns, x_columns = (norm.columns(u) for u in (y, g, v, w, x))
    n, mx, mv = gradient(columns), second(x_columns), second(v_columns)
    py, pg, px, pv = (projected(u) for u in (y, g, x, v))
    pairs = {
        "n_n": (n, n), "n_y": (n, columns), "n_x": (n, x_columns), "n_v": (n, v_columns), "w_n": (w_columns, n),
        "n_Pg": (n, pg), "Pg_Pg": (pg, pg), "w_Pg": (w_columns, pg), "w_Px": (w_columns, px), "g_Pv": (g_columns, pv),
        "y_v": (columns, v_columns), "x_M_x": (x_columns, mx), "v_M_v": (v_columns, mv), "Mx_Mx": (mx, mx),
    }  # fmt: skip
    out = {name: (a * b).sum(0) for name, (a, b) in pairs.items()}
    out |= {"one_n": n.sum(0), "one_Pg": pg.sum(0)}
    out |= {"smooth": smooth(norm, columns, precision), "deviation": jnp.sqrt(jnp.square(py).mean(0))}
    if norm.scale is l1:
        signs = jnp.sign(py)
        out |= {"w_signs": (w_columns * signs).sum(0), "one_signs": signs.sum(0)}
    return out


def smooth(norm: Normalization, columns: Float[Array, "m K"], precision: Any = None) -> Array:
    """Whether the scale is differentiable at every vector: not where an entry is 0 (L1) or two tie (Linf)."""
    entries = columns - columns.mean(0) if norm.scale in (l1, linf) else columns
    size = jnp.abs(entries)
    margin = _MARGIN * float(jnp.finfo(precision or columns.dtype).eps) * jnp.abs(columns).max(0)
    if norm.scale in (l1, l1_uncentred):
        return size.min(0) > margin
    if norm.scale in (linf, linf_uncentred) and len(columns) > 1:
        largest, second = jax.lax.top_k(size.T, 2)[0].T
        return second < largest - margin
    return jnp.full(columns.shape[-1], True)
