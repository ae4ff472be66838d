"""How far two measurements of one site are apart, relative to sizes that cannot cancel.

An inner product is small where its vectors are orthogonal, as claims say of some; what rounding leaves of it is
relative to the lengths of the vectors. The gradient v is a difference, whose terms are as large as gamma/s |g|.
"""

from __future__ import annotations

import numpy as np

_EXACT = ("sampled", "matched")


def apart(found, expected):
    """By name, the largest difference relative to the size of the quantity, for all that both have."""
    out = {}
    for name in sorted(set(found) & set(expected)):
        one, other = (np.asarray(each[name], float) for each in (found, expected))
        assert one.shape == other.shape and (np.isnan(one) == np.isnan(other)).all(), name
        difference = np.nanmax(np.abs(one - other), initial=0.0)
        size = np.nanmax(np.maximum(np.abs(other), _size(name, expected, other.shape)), initial=0.0)
        out[name] = float(difference if name in _EXACT or size == 0 else difference / size)
    return out


def _size(name, q, shape):
    lengths = _lengths(q)
    first, _, second = name.partition("_")
    if first not in lengths or second not in lengths:
        return np.zeros(shape)
    return np.broadcast_to(lengths[first] * lengths[second], shape)


def _lengths(q):
    """Of the vectors that inner products which claims say to vanish are of, a number a vector or the largest."""
    m, s = (np.asarray(q[name], float) for name in ("m", "s"))
    centre = np.abs(np.asarray(q.get("mu", 0.0)))
    g, gamma = np.sqrt(np.asarray(q["g_g"])), np.abs(np.asarray(q["gamma"])).max() if "gamma" in q else 1.0
    yhat = np.sqrt(np.asarray(q["yhat_yhat"]))
    v = np.maximum(np.sqrt(np.asarray(q["v_v"])), gamma * g / s)
    return {
        "one": np.sqrt(m), "v": v, "Pg": gamma * g, "yhat": yhat, "n": np.sqrt(np.asarray(q.get("n_n", 1 / m), float)),
        "y": np.sqrt(m) * (centre + s),
    }  # fmt: skip
