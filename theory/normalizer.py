r"""Normalisers N(y) = (y - centre) / s(y), differentiated along lines; batch normalisation is the instance BATCH.

The raw coordinates are 1 and y; after differentiation everything is written in 1 and yhat, using
y = mu 1 + s yhat and epsilon = (1 - rho) s^2. There the expressions are rational, so equality is decidable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from theory.algebra import ONE, Vector, m, substitute
from theory.derivative import Functional, derivative, representer
from theory.quantities import YHAT, G, H, V, Y, epsilon, gamma, mu, rho, s

LOSS = Functional(G, H)


def centre(y: Vector) -> Vector:
    """C y = y - mean(y) 1."""
    return y - (ONE @ y) / m * ONE


def variance(y: Vector) -> sp.Expr:
    """The biased variance |C y|^2 / m."""
    return centre(y).squared / m


def in_normalised_coordinates(expression):
    """Write y as mu 1 + s yhat and epsilon as (1 - rho) s^2; roots of s^2 then resolve to s."""

    def tidy(scalar: sp.Expr) -> sp.Expr:
        scalar = scalar.xreplace({epsilon: (1 - rho) * s**2})
        scalar = scalar.replace(lambda e: e.is_Pow and not e.exp.is_Integer, lambda e: sp.expand(e.base) ** e.exp)
        return sp.expand(sp.cancel(scalar))

    moved = substitute(expression, {Y: mu * ONE + s * YHAT})
    return moved.map(tidy) if isinstance(moved, Vector) else tidy(moved)


@dataclass(frozen=True)
class Normalizer:
    """A map y -> yhat given by centring and a scale s(y)."""

    name: str
    centred: bool
    scale: Callable[[Vector], sp.Expr]

    @property
    def raw(self) -> Vector:
        """yhat as a function of y, in raw coordinates."""
        return (centre(Y) if self.centred else Y) / self.scale(Y)

    def jacobian(self, x: Vector) -> Vector:
        """D yhat[x], in normalised coordinates."""
        return in_normalised_coordinates(derivative(self.raw, Y, x))

    def second(self, x: Vector, w: Vector) -> Vector:
        """D2 yhat[x, w], in normalised coordinates."""
        return in_normalised_coordinates(derivative(self.raw, Y, (x, w)))

    @cached_property
    def backward(self) -> Vector:
        """v: the gradient of Lhat(y) = L(gamma yhat(y) + beta), read off the first-order chain rule."""
        w = Vector.atom("direction")
        return representer(LOSS.along(gamma * self.jacobian(w)), w)

    def hessian(self, x: Vector, w: Vector) -> sp.Expr:
        """w' Hess(Lhat) x, by the second-order chain rule."""
        velocity, other = gamma * self.jacobian(x), gamma * self.jacobian(w)
        return sp.expand(LOSS.along2(velocity, other, gamma * self.second(x, w)))

    @cached_property
    def hessian_along_v(self) -> sp.Expr:
        """v' Hess(Lhat) v for a generic vector v, which is inserted later."""
        return self.hessian(V, V)


BATCH = Normalizer("batch", centred=True, scale=lambda y: sp.sqrt(variance(y) + epsilon))
