r"""Normalisers N(y) = P y / s(y), P the centring projector or the identity: one derivation serves them all.

A scale is given as a formula in inner products (L2: batch, layer, RMS, weight normalisation, ...) or by what is known
of it at one point: its gradient n and Hessian M (`KnownScale`: L1, Linf, Lp). Everything else, the Jacobian, the
backward pass and the second derivatives, follows from the quotient rule, applied by SymPy along a line.

The raw coordinates are 1 and y; after differentiation everything is written in 1 and yhat, using y = mu 1 + s yhat
(or s yhat without centring) and the definition of s, solved for epsilon. There the expressions are rational, so
equality is decidable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from bnverify.theory.algebra.derivative import Functional, changes_with, derivative, gradient, representer
from bnverify.theory.algebra.vectors import ONE, Inner, SelfAdjoint, Vector, m, substitute
from bnverify.theory.proof.quantities import YHAT, G, H, Y, beta, epsilon, gamma, mu, s

LOSS = Functional(G, H)
# yhat of a normaliser other than batch norm: only that it is centred is known of it, or nothing.
CENTRED_VALUES = Vector.atom("yhat_centred", latex=r"\hat y", total=0)
FREE_VALUES = Vector.atom("yhat_free", latex=r"\hat y")
_T, _U = sp.Dummy("t", real=True), sp.Dummy("u", real=True)


def centre(y: Vector) -> Vector:
    """C y = y - mean(y) 1."""
    return y - (ONE @ y) / m * ONE


def variance(y: Vector) -> sp.Expr:
    """The biased variance |C y|^2 / m."""
    return centre(y).squared / m


@dataclass(frozen=True)
class KnownScale:
    """A scale of which the gradient n and the Hessian M at y are known, as vectors and operators of the algebra.

    ``of(entries, size)`` is the scale itself, for numbers of any kind: what a declared gradient is checked against, and
    how examples are computed. It is made of + - * / abs(), and of root() and largest() of `algebra.jet`.
    """

    gradient: Vector
    hessian: Callable[[Vector], Vector]
    of: Callable[[Sequence[Any], Any], Any] | None = None


@dataclass(frozen=True, eq=False)
class Normalizer:
    """A map y -> yhat = P y / s(y), where P centres (``centred``) or does nothing; s is ``scale``.

        >>> Normalizer("RMS", centred=False, scale=lambda y: sp.sqrt(y.squared / m + epsilon))

    defines one; a scale in a formula must use `epsilon` at most once, and be positive. ``projector`` replaces P by an
    operator of the algebra in general statements, about a scale of which n and M are known: y = mu 1 + s yhat and
    what follows from it hold for the centring and the identity only. ``values`` is the atom standing for yhat,
    z = ``gain`` yhat + ``shift`` 1, ``over`` says in words which values form one vector.
    """

    name: str
    centred: bool
    scale: Callable[[Vector], sp.Expr] | KnownScale
    over: str = "the values of one vector"
    values: Vector | None = None
    projector: SelfAdjoint | None = None
    gain: sp.Expr = gamma
    shift: sp.Expr = beta

    def __repr__(self) -> str:
        return f"Normalizer({self.name})"

    def __post_init__(self) -> None:
        formula = not isinstance(self.scale, KnownScale) or self.scale.of is not None
        if self.projector is not None and (self.centred or formula):
            beside = "a centring" if self.centred else "a formula"
            raise ValueError(
                f"got the projector {self.projector} of {self.name} beside {beside}; "
                "expected a KnownScale(gradient, hessian) without centring: of a projector only P P = P is known; "
                "leave the projector out"
            )
        if self.values is not None and not self.centred and (ONE @ self.values) == 0:
            raise ValueError(
                f"got values of {self.name} declared to sum to zero without centring; expected values of which that is "
                "not assumed; leave `values` out"
            )

    @property
    def definition(self) -> str:
        """The definition in one line, as it is printed with everything that rests on it."""
        yhat = repr(self.normalised)
        projected = f"{self.projector} y" if self.projector is not None else "y - mu 1" if self.centred else "y"
        known = isinstance(self.scale, KnownScale)
        scale = "s known by its gradient n and Hessian" if known else f"s = {self.formula(Y)}"
        return f"s {yhat} = {projected}, {scale}, z = ({self.gain}) {yhat} + ({self.shift}) 1"

    def check(self) -> None:
        """ValueError where the gain or the shift changes with y, or the scale, if it is a formula, is not positive at a
        vector of different entries."""
        for name, part in (("gain", self.gain), ("shift", self.shift)):
            if changes_with(sp.sympify(part), Y):
                raise ValueError(
                    f"got the {name} {part} of {self.name}, which changes with y; expected a constant; write the map "
                    "as another scale, or state what the constant is at this y as a hypothesis"
                )
        if isinstance(self.scale, KnownScale):
            return
        entries = (6, -1, 5, 3)
        exact = (sum(e * e for e in entries), sum(entries), len(entries), sp.Rational(1, 2))
        numbers = dict(zip((Y @ Y, ONE @ Y, m, epsilon), map(sp.sympify, exact), strict=True))
        value = sp.N(self.formula(Y).xreplace(numbers))
        if value.is_number and not value > 0:
            raise ValueError(
                f"got the scale {self.formula(Y)} of {self.name}, which is {value} at y = {entries}; expected one "
                "that is positive; change its sign"
            )

    @property
    def normalised(self) -> Vector:
        """The atom standing for yhat, with what is known of it."""
        return self.values or (CENTRED_VALUES if self.centred else FREE_VALUES)

    def numerator(self, y: Vector) -> Vector:
        """P y."""
        if self.projector is not None:
            return self.projector(y)
        return centre(y) if self.centred else y

    def formula(self, y: Vector) -> sp.Expr:
        """The scale of y in inner products; ValueError for a scale known by its gradient only."""
        if isinstance(self.scale, KnownScale):
            raise ValueError(
                f"got a scale of {self.name} known by its gradient only; expected a formula; use jacobian(x) or n"
            )
        return self.scale(y)

    @property
    def output(self) -> Vector:
        """z = gain yhat + shift 1."""
        return self.gain * self.normalised + self.shift * ONE

    @property
    def raw(self) -> Vector:
        """yhat as a function of y, in raw coordinates; ValueError for a scale without a formula."""
        return self.numerator(Y) / self.formula(Y)

    @cached_property
    def _coordinates(self) -> tuple[Vector, dict[sp.Expr, sp.Expr]]:
        """y in the coordinates 1 and yhat, and what the definition of s says about epsilon (or about |yhat|^2)."""
        y = mu * ONE + s * self.normalised if self.centred else s * self.normalised
        if isinstance(self.scale, KnownScale):
            return y, {}
        value = resolve_roots(substitute(self.formula(Y), {Y: y}))
        unknown = epsilon if value.has(epsilon) else self.normalised.squared
        # SymPy's solver differentiates what it finds, so inner products are hidden from it.
        hidden = {inner: sp.Dummy(nonnegative=True) for inner in value.atoms(Inner) - {unknown}}
        square = sp.Dummy(positive=True)
        plain = value.xreplace(hidden).xreplace({unknown: square})
        solutions = sp.solve(resolve_roots(plain**2) - s**2, square) if (plain**2).is_rational_function() else []
        solutions = solutions or sp.solve(plain - s, square)
        if len(solutions) != 1:
            raise ValueError(
                f"got the scale {value} of {self.name}; expected one that can be solved for {unknown}; "
                "give it as a KnownScale by its gradient and Hessian"
            )
        shown = {dummy: inner for inner, dummy in hidden.items()}
        return y, {unknown: solutions[0].xreplace(shown)}

    def in_normalised_coordinates(self, expression):
        """Write y in 1 and yhat and eliminate epsilon by the definition of s; roots of s^2 then resolve to s."""
        y, known = self._coordinates
        moved = substitute(expression, {Y: y})

        def tidy(scalar: sp.Expr) -> sp.Expr:
            return sp.expand(sp.cancel(resolve_roots(scalar.xreplace(known))))

        return moved.map(tidy) if isinstance(moved, Vector) else tidy(moved)

    @cached_property
    def n(self) -> Vector:
        """The gradient of the scale at y."""
        if isinstance(self.scale, KnownScale):
            return self.scale.gradient
        return self.in_normalised_coordinates(gradient(self.formula(Y), Y))

    def scale_hessian(self, x: Vector, w: Vector) -> sp.Expr:
        """w' M x, M the Hessian of the scale at y."""
        if isinstance(self.scale, KnownScale):
            return sp.expand(w @ self.scale.hessian(x))
        return self.in_normalised_coordinates(derivative(self.formula(Y), Y, (x, w)))

    def _surface(self, x: Vector, w: Vector) -> Vector:
        """yhat(y + t x + u w) up to the terms in t, u and t u."""
        scale = s + _T * (self.n @ x) + _U * (self.n @ w) + _T * _U * self.scale_hessian(x, w)
        return (s * self.normalised + _T * self.numerator(x) + _U * self.numerator(w)) / scale

    def jacobian(self, x: Vector) -> Vector:
        """D yhat[x] in normalised coordinates, by the quotient rule."""
        curve = (s * self.normalised + _T * self.numerator(x)) / (s + _T * (self.n @ x))
        return curve.map(lambda c: sp.expand(sp.diff(c, _T).subs(_T, 0)))

    def second(self, x: Vector, w: Vector) -> Vector:
        """D2 yhat[x, w] in normalised coordinates."""
        return self._surface(x, w).map(lambda c: sp.expand(sp.diff(c, _T, _U).subs({_T: 0, _U: 0})))

    @cached_property
    def backward(self) -> Vector:
        """v: the gradient of Lhat(y) = L(gamma yhat(y) + beta), read off the first-order chain rule."""
        w = Vector.atom(f"direction_{sp.Dummy().dummy_index}")
        return representer(LOSS.along(self.gain * self.jacobian(w)), w)

    def hessian(self, x: Vector, w: Vector) -> sp.Expr:
        """w' Hess(Lhat) x, by the second-order chain rule."""
        velocity, other = self.gain * self.jacobian(x), self.gain * self.jacobian(w)
        return sp.expand(LOSS.along2(velocity, other, self.gain * self.second(x, w)))


def resolve_roots(scalar: sp.Expr) -> sp.Expr:
    """Roots of squares, where the square shows only after expansion."""
    return scalar.replace(lambda e: e.is_Pow and not e.exp.is_Integer, lambda e: sp.expand(e.base) ** e.exp)


BATCH = Normalizer(
    "batch", centred=True, scale=lambda y: sp.sqrt(variance(y) + epsilon), values=YHAT,
    over="all values of one channel in the batch",
)  # fmt: skip


def in_normalised_coordinates(expression):
    """The coordinates of batch normalisation: y = mu 1 + s yhat and epsilon = (1 - rho) s^2."""
    return BATCH.in_normalised_coordinates(expression)
