r"""What one rounding leaves in each measured quantity: sizes that cannot cancel.

An inner product <p, q> may be zero by cancellation, but its rounding is relative to |p||q|; the normalised values
(y - mu)/s may be small, but theirs is relative to |y|/s. Here every vector of the table has a *norm* and an *error*:
what a relative rounding of one leaves in it, from the norms of the factors it is a product of and from the conditioning
of mean and variance at this y,

    e(yhat) = sqrt(m)(|mu| + deviation)/s,
    e(v)    = (|gamma|/s)(|g| + e(a)|n| + |a| e(n)) + |v| e(s)/s,    e(a) = |g|(|yhat| + e(yhat)).

A quantity has the error of its factors: e(<p, q>) = |p||q| + e(p)|q| + |p|e(q). Nothing here is derived from a claim.

Rounding is relative as long as numbers are *normal*. What is smaller than the smallest normal number of the type is
rounded to a multiple of its last bit or, where the processor flushes it, to zero: an absolute error of up to ``least``
in every entry of a vector and in every one of the m products of a sum. It enters where the relative ones do, in units
of the same rounding: least/unit in an entry, m least/unit in a sum; and from there it goes through the claim's products
and quotients as they do. At a normal size it is nothing beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
import sympy as sp

from bnverify.theory import QUANTITIES
from bnverify.theory.algebra.vectors import Inner

Size = tuple[np.ndarray, np.ndarray]
"""Norm and error of a vector."""


@dataclass(frozen=True)
class Sizes:
    """Errors of the quantities of one place, by name; ``unit`` is the tolerance, for what is of second order.

    Arrays are as `bnverify.empirical.judgement.compile` has them: channels on the last axis. What a record does not
    have is left out of a size or replaced by what batch norm has there. ``squares``: the variance is taken as the
    difference E[y^2] - E[y]^2, which loses what the mean is larger than the deviation, squared.
    """

    q: Mapping[str, np.ndarray]
    unit: float
    least: float = 0.0
    squares: bool = False

    @cached_property
    def _errors(self) -> dict[str, np.ndarray]:
        return {}

    @cached_property
    def _vectors(self) -> dict[str, Size]:
        return {}

    def error(self, name: str) -> np.ndarray:
        """What a rounding of one leaves in a quantity: its own size at least, unless it is a number that was given."""
        if name not in self._errors:
            self._errors[name] = self._error(name)
        return self._errors[name]

    def _error(self, name: str) -> np.ndarray:
        own, symbol = _SCALARS.get(name), QUANTITIES[name].symbol
        if own is _given:
            return np.asarray(0.0)
        if own is not None:
            return np.fmax(own(self), np.abs(self.q[name])) + self.flushed
        if isinstance(symbol, Inner):
            product = self.product(*(self.vector(atom.name) for atom in symbol.args))
            return np.fmax(product, np.abs(self.q[name])) + self.flushed
        return np.abs(self.q[name]) + self.flushed

    @cached_property
    def flushed(self) -> np.ndarray:
        """What a sum of m products has lost below the smallest normal number, in units of a rounding."""
        return self.count**2 * self.least / self.unit

    def product(self, left: Size, right: Size) -> np.ndarray:
        """The error of an inner product."""
        (p, e), (r, f) = left, right
        return p * r + e * r + p * f + self.unit * e * f

    def vector(self, name: str) -> Size:
        """Norm and error of a vector by the name of its atom; of one that is not in the table, by its own square."""
        if name not in self._vectors:
            self._vectors[name] = self._vector(name)
        return self._vectors[name]

    def _vector(self, name: str) -> Size:
        known = _VECTORS.get(name)
        if known is None:
            square = _square(name)
            measured = np.asarray(0.0) if square is None or square not in self.q else self.q[square]
            return np.sqrt(np.abs(measured)), np.asarray(0.0)
        norm, error = known(self)
        return norm, error + self.count * self.least / self.unit

    def root(self, name: str, otherwise: np.ndarray | float = 0.0) -> np.ndarray:
        """The root of a squared norm that was measured."""
        return np.sqrt(np.abs(self.q[name]) + self.unit * self.flushed) if name in self.q else np.asarray(otherwise)

    def absolute(self, name: str, otherwise: float = 0.0) -> np.ndarray:
        return np.abs(self.q[name]) if name in self.q else np.asarray(otherwise)

    @cached_property
    def deviation(self) -> np.ndarray:
        if "deviation" in self.q:
            return self.absolute("deviation")
        return self.absolute("s") * np.sqrt(self.absolute("rho", 1.0))

    @cached_property
    def count(self) -> np.ndarray:
        return np.sqrt(self.absolute("m", 1.0))

    @cached_property
    def level(self) -> np.ndarray:
        """|mu| + deviation: the size of the values, as far as the normaliser subtracts one from them."""
        return self.absolute("mu") + self.deviation

    @cached_property
    def per_s(self) -> np.ndarray:
        """e(s)/s."""
        return 1 + self.absolute("mu") / self.q["s"] + self.cancelled

    @cached_property
    def cancelled(self) -> np.ndarray:
        """What a difference of squares adds to e(s)/s."""
        return (self.level / self.q["s"]) ** 2 if self.squares else np.asarray(0.0)

    @cached_property
    def gain(self) -> np.ndarray:
        """What multiplies the Jacobian of yhat, over s."""
        return self.absolute("gamma", 1.0) * self.absolute("r", 1.0) / self.q["s"]

    @cached_property
    def yhat(self) -> Size:
        norm = self.count * self.deviation / self.q["s"]
        return norm, self.count * self.level / self.q["s"] + norm * self.cancelled

    @cached_property
    def along_gamma(self) -> np.ndarray:
        """The error of <T g, yhat> over all vectors, |Tg||y|/s summed over them being measured: what a difference of
        squares adds to e(yhat) is the share of the worst vector in each."""
        share = self.cancelled * np.divide(
            self.deviation, self.level, out=np.zeros_like(self.level), where=self.level > 0
        )
        return self.absolute("size_along_gamma") * (1 + np.max(share, axis=-1, keepdims=True))

    @cached_property
    def m_norm(self) -> np.ndarray:
        """The norm of the scale's Hessian M, from a random direction; 1/(m s) at least, as batch norm has it."""
        least = 1 / (self.count**2 * self.q["s"])
        random = self.root("Mx_Mx") / self.root("x_x", 1.0)
        return np.maximum(random, least)

    @cached_property
    def m_error(self) -> np.ndarray:
        return self.m_norm * (1 + 3 * self.absolute("mu") * self.count * self.n[0] / self.q["s"] + 3 * self.cancelled)

    @cached_property
    def n(self) -> Size:
        norm = self.root("n_n", self.deviation / (self.q["s"] * self.count))
        return norm, norm * (1 + self.cancelled) + self.m_norm * self.count * self.absolute("mu")

    @cached_property
    def a_error(self) -> np.ndarray:
        return self.root("g_g") * sum(self.yhat)

    @cached_property
    def v(self) -> Size:
        return self.pulled(self.root("g_g"), self.absolute("a") + self.unit * self.a_error, self.a_error, "v_v")

    def pulled(self, g: np.ndarray, a: np.ndarray, a_error: np.ndarray, square: str) -> Size:
        """Norm and error of a vector pulled back through the normalisation."""
        n, n_error = self.n
        before = g + a_error * n + a * n_error
        norm = self.root(square, self.gain * before)
        return norm, self.gain * before + norm * self.per_s

    def moved(self, direction: Size, gain: np.ndarray) -> Size:
        """Norm and error of gain D yhat[direction], gain over s."""
        (d, e), (n, n_error), (yhat, yhat_error) = direction, self.n, self.yhat
        norm = gain * d * (1 + yhat * n)
        error = gain * ((e + d) * (1 + yhat * n) + d * (yhat_error * n + yhat * n_error))
        return norm, error + norm * self.per_s

    def bent(self, direction: Size) -> Size:
        """Norm and error of D2 yhat[direction, direction]."""
        (d, e), (n, n_error), (yhat, yhat_error) = direction, self.n, self.yhat
        s, along = self.q["s"], n * d
        norm = 2 * along / s**2 * (d + along * yhat) + self.m_norm * d**2 * yhat / s
        steeper = 2 / s**2 * (n_error * d * (d + 2 * along * yhat) + along * (d + along * yhat_error))
        curved = (self.m_error * yhat + self.m_norm * yhat_error) * d**2 / s
        relative = np.divide(e, d, out=np.zeros(np.broadcast_shapes(np.shape(e), np.shape(d))), where=d > 0)
        return norm, steeper + curved + norm * (2 * relative + 2 * self.per_s)

    def shifted(self) -> Sizes:
        """The same where y has been moved by up to 2s."""
        return replace(self, q={**self.q, "mu": self.absolute("mu") + 2 * self.q["s"]})

    def less_epsilon(self) -> Sizes:
        """The same where epsilon is divided by k^2."""
        smaller = np.sqrt(self.deviation**2 + self.absolute("epsilon") / self.absolute("k", 1.0) ** 2)
        return replace(self, q={**self.q, "deviation": self.deviation, "s": smaller})

    def curvature(self, direction: Size, other: Size, size: str) -> np.ndarray:
        """The error of <z'[other], H z'[direction]> with |H z'[direction]| as it was measured."""
        return np.add(*self.moved(other, self.gain)) * self.absolute(size)

    def hessian(self, direction: Size, other: Size, size: str) -> np.ndarray:
        """The error of a quadratic form of Hess(Lhat): that of H and that of <g, D2 z>."""
        (d, e), (f, h) = direction, other
        both = (np.maximum(d, f), np.maximum(e, h))
        bend, error = self.bent(both)
        return self.curvature(direction, other, size) + self.absolute("gamma", 1.0) * self.root("g_g") * (error + bend)

    def over_channels(self, values: np.ndarray) -> np.ndarray:
        return np.sum(values, axis=-1, keepdims=True)


_NAMES = {quantity.symbol: name for name, quantity in QUANTITIES.items()}


def name_of(expression: sp.Basic) -> str | None:
    """The quantity an expression is, None where it is not one."""
    return _NAMES.get(expression)


@cache
def _square(name: str) -> str | None:
    """The quantity that is the square of a vector, by the name of its atom; None where there is none."""
    for row in QUANTITIES.values():
        if isinstance(row.symbol, Inner) and all(atom.name == name for atom in row.symbol.args):
            return row.name
    return None


def _given(s: Sizes) -> np.ndarray:
    """Numbers that were given, and so are without error."""
    return np.asarray(0.0)


def _exact(name: str) -> Callable[[Sizes], Size]:
    return lambda s: (s.root(name), np.asarray(0.0))


def _filter_gradient(s: Sizes) -> Size:
    return s.root("gradW_gradW"), s.root("design_norm2") * s.v[1]


def _output(s: Sizes) -> Size:
    """z = gamma (r yhat + d) + beta on a vector of norm one, for gamma and beta one number a vector."""
    norm, error = s.yhat
    gamma, shift = s.absolute("gamma", 1.0), s.absolute("d") * s.absolute("gamma", 1.0) + s.absolute("beta")
    gain = gamma * s.absolute("r", 1.0)
    running = gamma * (s.absolute("mu_run") + s.level) / s.q["s_run"] if "s_run" in s.q else 0.0
    return gain * norm + shift * s.count, gain * error + (shift + running) * s.count


def _written(s: Sizes) -> np.ndarray:
    """<w, z> where gamma differs inside a vector: |Gamma w| and |beta| were measured."""
    if "gw_gw" not in s.q:
        return s.product(s.vector("w"), _output(s))
    norm, error = s.yhat
    one_number = s.product(s.vector("w"), _output(s)) if "r" in s.q else 0.0
    return s.root("gw_gw") * (norm + error) + s.root("w_w") * s.root("beta_beta") + one_number


def _layer(of: Callable[[Sizes], np.ndarray], size: str) -> Callable[[Sizes], np.ndarray]:
    return lambda s: np.sqrt(s.over_channels(of(s) ** 2)) * s.absolute(size)


def _layer_hessian(s: Sizes) -> np.ndarray:
    bend, error = s.bent(s.v)
    return _SCALARS["layer_u_H_u"](s) + s.over_channels(s.absolute("gamma") * s.root("g_g") * (bend + error))


_VECTORS: dict[str, Callable[[Sizes], Size]] = {
    "1": lambda s: (s.count, np.asarray(0.0)),
    "w": _exact("w_w"),
    "x": _exact("x_x"),
    "g": _exact("g_g"),
    "y": lambda s: (s.count * s.level, np.asarray(0.0)),
    "z": _output,
    "z_w": _output,
    "yhat": lambda s: s.yhat,
    "yhat_measured": lambda s: s.yhat,
    "yhat_less": lambda s: s.less_epsilon().yhat,
    "yhat_scaled": lambda s: (s.absolute("k", 1.0) * s.yhat[0], s.absolute("k", 1.0) * s.yhat[1]),
    "yhat_shifted": lambda s: (s.yhat[0], s.shifted().yhat[1]),
    "v": lambda s: s.v,
    "v_scaled": lambda s: s.v,
    "v_shifted": lambda s: s.shifted().v,
    "u": lambda s: s.moved(s.v, s.gain),
    "u_w": lambda s: s.moved(s.vector("w"), s.gain),
    "u_x": lambda s: s.moved(s.vector("x"), s.gain),
    "Jx": lambda s: s.moved(s.vector("x"), 1 / s.q["s"]),
    "JJx": lambda s: s.moved(s.vector("Jx"), 1 / s.q["s"]),
    "Kx": lambda s: s.bent(s.vector("x")),
    "n": lambda s: s.n,
    "signs": lambda s: (s.count, np.asarray(0.0)),
    "P g": lambda s: (s.root("Pg_Pg", s.root("g_g")), s.root("g_g")),
    "P x": lambda s: (s.root("x_x"), s.root("x_x")),
    "P v": lambda s: (s.v[0], s.v[0] + s.v[1]),
    "M x": lambda s: (s.m_norm * s.root("x_x"), s.m_error * s.root("x_x")),
    "M v": lambda s: (s.m_norm * s.v[0], s.m_error * s.v[0] + s.m_norm * s.v[1]),
    "W_filter": _exact("W_W"),
    "grad_W_filter": _filter_gradient,
    "W_filter_before": _exact("previous_previous"),
    "D_filter": _exact("direction_direction"),
    "t_filter": _exact("t_t"),
    "W_filter_stepped": lambda s: (s.root("stepped_stepped"), s.root("stepped_stepped")),
    "W_exponential": lambda s: (s.absolute("k") * s.root("W_W"), s.absolute("k") * s.root("W_W")),
    "W_filter_next": lambda s: (s.root("W_next_W_next"), s.absolute("learning_rate") * _filter_gradient(s)[1]),
}

_SCALARS: dict[str, Callable[[Sizes], np.ndarray]] = {
    **dict.fromkeys(("m", "epsilon", "k", "learning_rate", "gamma", "beta", "b", "mu_run", "s_run"), _given),
    **dict.fromkeys(("running_weight", "mean_before", "variance_before", "followed"), _given),
    **dict.fromkeys(("momentum", "weight_decay", "next_learning_rate", "next_weight_decay"), _given),
    "mu": lambda s: s.level,
    **dict.fromkeys(("within_variance", "between_variance"), lambda s: s.level**2),
    "s": lambda s: s.q["s"] * s.per_s,
    "rho": lambda s: s.absolute("rho") + s.unit * (s.absolute("mu") / s.q["s"]) ** 2,
    "r": lambda s: s.absolute("r") * s.per_s,
    "d": lambda s: (s.level + s.absolute("mu_run")) / s.q["s_run"],
    "a": lambda s: s.a_error,
    "w_z": _written,
    "w_gamma_yhat": lambda s: s.root("gw_gw") * sum(s.yhat),
    "w_beta": lambda s: s.root("w_w") * s.root("beta_beta"),
    "along_gamma": lambda s: s.along_gamma,
    "layer_tg_yhat": lambda s: s.along_gamma,
    "along_beta": lambda s: s.absolute("size_along_beta"),
    "layer_one_tg": lambda s: s.absolute("size_along_beta"),
    "mean_after": lambda s: s.absolute("mean_before") + s.absolute("running_weight") * s.level,
    "variance_after": lambda s: s.absolute("variance_before") + 2 * s.absolute("running_weight") * s.level**2,
    "grad_gamma": lambda s: s.a_error,
    "grad_beta": lambda s: s.count * s.root("g_g"),
    "grad_mu": lambda s: s.gain * s.per_s * s.count * s.root("g_g"),
    "grad_sigma2": lambda s: s.gain / s.q["s"] * (s.a_error + s.absolute("a") * s.per_s),
    "grad_bias": lambda s: s.count * s.root("g_g"),
    "weight_grad": lambda s: s.product(s.vector("W_filter"), _filter_gradient(s)),
    "weight_grad_plain": lambda s: s.root("design_norm2") * s.root("W_W") * s.root("g_g"),
    "W_S_W": lambda s: s.absolute("design_norm2") / s.count**2 * s.absolute("W_W"),
    "w_zw": lambda s: s.product(s.vector("w"), _output(s)),
    "design_norm2": lambda s: s.absolute("design_norm2"),
    "frozen_plain": lambda s: s.absolute("design_norm2") * s.absolute("g_g"),
    "frozen_normalised": lambda s: s.absolute("design_norm2") * s.product(s.v, s.v),
    "next_y_v": lambda s: s.absolute("size_next"),
    "distance2": lambda s: s.absolute("W0_W0"),
    "layer_distance2": lambda s: s.absolute("layer_W0_W0"),
    "g_H_g": lambda s: s.root("g_g") * s.absolute("size_H_g"),
    "v_H_v": lambda s: np.add(*s.v) * s.absolute("size_H_v"),
    "u_H_u": lambda s: s.curvature(s.v, s.v, "size_H_u"),
    "uw_H_ux": lambda s: s.curvature(s.vector("x"), s.vector("w"), "size_H_ux"),
    "v_Hhat_v": lambda s: s.hessian(s.v, s.v, "size_H_u"),
    "w_Hhat_x": lambda s: s.hessian(s.vector("x"), s.vector("w"), "size_H_ux"),
    "w_Hhat_x_scaled": lambda s: s.hessian(s.vector("x"), s.vector("w"), "size_H_ux"),
    "layer_u_H_u": _layer(lambda s: np.add(*s.moved(s.v, s.gain)), "size_layer_H_u"),
    "layer_v_Hhat_v": _layer_hessian,
}  # fmt: skip
