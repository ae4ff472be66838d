r"""Differentiation along a line: the derivative of f at y in direction v is d/dt f(y + t v) at t = 0.

An ordinary SymPy ``diff`` in the scalar t, hence exact, for symbolic m. Gradients follow by reading a form that is
linear in a direction as an inner product with it (Riesz).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from bnverify.theory.algebra.vectors import Atom, Image, Inner, SelfAdjoint, Vector, single_atom, substitute, trace

_T = sp.Symbol("t", real=True)


def derivative(f, at: Vector, along: Vector | tuple[Vector, ...]):
    """Directional derivative of a scalar or vector ``f`` of the atom ``at``, along one or several vectors in turn.

    The directions are constants: ``derivative(f, y, (v, v))`` is the second derivative D2 f[v, v].
    """
    for direction in (along,) if isinstance(along, Vector) else along:
        curve = substitute(f, {at: at + _T * direction})
        f = curve.map(_slope) if isinstance(f, Vector) else _slope(curve)
    return f


def _slope(expression: sp.Expr) -> sp.Expr:
    return sp.diff(expression, _T).subs(_T, 0)


def representer(form: sp.Expr, direction: Vector) -> Vector:
    """The vector r with <r, w> = form, for a form linear in the atom w. ValueError where it is not linear."""
    w = single_atom(direction)
    rest = sp.expand(form)
    out = Vector()
    for product in rest.atoms(Inner):
        partner = _partner(product, w)
        if partner is not None:
            coefficient = rest.coeff(product, 1)
            out, rest = out + Vector({partner: coefficient}), sp.expand(rest - coefficient * product)
    if rest != 0 or any(_partner(p, w) for c in out.terms.values() for p in c.atoms(Inner)):
        raise ValueError(f"got {form}; expected a form linear in {w.name}; differentiate along {w.name} first")
    return out


def _partner(product: Inner, w: Atom) -> Atom | None:
    """The atom b with product = <w, b>, if w takes part in it."""
    a, b = product.args
    if w in (a, b):
        return b if a == w else a
    if isinstance(b, Image) and b.preimage == w:
        return Image(b.operator, a)
    return None


def gradient(f: sp.Expr, at: Vector) -> Vector:
    """The gradient of a scalar function of ``at``."""
    w = Vector.atom("w_gradient")
    return representer(derivative(f, at, w), w)


_PROBE = Vector.atom("x_probe", latex="x")


@dataclass(frozen=True, eq=False)
class LinearMap:
    """A linear map of R^m, known by what it does to a generic vector: call it, take its ``trace``, look at it."""

    image: Vector

    def __call__(self, vector: Vector) -> Vector:
        return substitute(self.image, {_PROBE: vector})

    @property
    def trace(self) -> sp.Expr:
        return trace(self)

    def __repr__(self) -> str:
        return f"x -> {self.image!r}".replace("x_probe", "x")

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle x \mapsto {self.image._latex()}$"


def jacobian(f: Vector, at: Vector) -> LinearMap:
    """The Jacobian of a vector function of ``at``, as a linear map: ``jacobian(f, y)(x)`` is D f[x]."""
    return LinearMap(derivative(f, at, _PROBE).map(sp.simplify))


def hessian(f: sp.Expr, at: Vector) -> LinearMap:
    """The Hessian of a scalar function of ``at``, as a linear map: ``w @ hessian(f, y)(x)`` is D2 f[x, w]."""
    return LinearMap(derivative(gradient(f, at), at, _PROBE).map(sp.simplify))


@dataclass(frozen=True)
class Functional:
    """A scalar function of which only the gradient and Hessian at one point are known (the rest of the network)."""

    gradient: Vector
    hessian: SelfAdjoint

    def along(self, velocity: Vector) -> sp.Expr:
        """Chain rule, first order: d/dt L(z(t)) = <g, z'>."""
        return self.gradient @ velocity

    def along2(self, velocity: Vector, other: Vector, acceleration: Vector) -> sp.Expr:
        """Chain rule, second order: the mixed derivative along two velocities is <z', H z'> + <g, z''>."""
        return velocity @ self.hessian(other) + self.gradient @ acceleration
