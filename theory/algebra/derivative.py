r"""Differentiation along a line: the derivative of f at y in direction v is d/dt f(y + t v) at t = 0.

An ordinary SymPy ``diff`` in the scalar t, hence exact, for symbolic m. Gradients follow by reading a form that is
linear in a direction as an inner product with it (Riesz).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from bnverify.theory.algebra.vectors import Atom, Inner, SelfAdjoint, Vector, partner, single_atom, substitute, trace

_T = sp.Dummy("t", real=True)
# What a derivative can pass through; anything else is refused, since SymPy would call much of it constant.
_KNOWN = (
    sp.Number, sp.NumberSymbol, sp.Symbol, sp.Add, sp.Mul, sp.Pow, Inner, sp.exp, sp.log, sp.sin, sp.cos, sp.tanh,
    sp.Abs, sp.sign,
)  # fmt: skip
# Atom -> the atoms and symbols whose values change with it, although they are written without it.
_MOVES: dict[Atom, frozenset[sp.Symbol]] = {}


def moves_with(at: Vector, *others: Vector | sp.Symbol) -> None:
    """Declare that vectors and symbols stand for functions of ``at``: a derivative by ``at`` refuses them."""
    atom = single_atom(at)
    named = {single_atom(other) if isinstance(other, Vector) else other for other in others}
    _MOVES[atom] = _MOVES.get(atom, frozenset()) | named


def changes_with(expression: sp.Expr, at: Vector) -> bool:
    """Whether a scalar is written in inner products, or in what stands for functions of ``at``."""
    return bool(expression.atoms(Inner)) or bool(expression.free_symbols & _MOVES.get(single_atom(at), frozenset()))


def derivative(f, at: Vector, along: Vector | tuple[Vector, ...]):
    """Directional derivative of a scalar or vector ``f`` of the atom ``at``, along one or several vectors in turn.

    The directions are constants, whatever they are: ``derivative(f, y, (v, v))`` is the second derivative D2 f[v, v]
    even for v = y. What stands for a function of ``at`` without showing it (v, yhat, g, s, ... for y), and what SymPy
    cannot differentiate, is refused.
    """
    directions = (along,) if isinstance(along, Vector) else tuple(along)
    _differentiable(f, at)
    constants = {Vector({Atom(f"direction_{sp.Dummy().dummy_index}", space=_space(d)): sp.Integer(1)}): d
                 for d in directions}  # fmt: skip
    for constant in constants:
        curve = substitute(f, {at: at + _T * constant})
        f = curve.map(_slope) if isinstance(f, Vector) else _slope(curve)
    return substitute(f, constants)


def _space(direction: Vector) -> str:
    return next((atom.space for atom in direction.terms), "m")


def _differentiable(f, at: Vector) -> None:
    """ValueError where the derivative of f by ``at`` would not be what it says."""
    parts = [*f.terms.values()] if isinstance(f, Vector) else [sp.sympify(f)]
    moving = _MOVES.get(single_atom(at), frozenset())
    hidden: set[sp.Basic] = {a.base for a in f.terms} & moving if isinstance(f, Vector) else set()
    for part in parts:
        for node in sp.preorder_traversal(part):
            if not isinstance(node, _KNOWN):
                raise ValueError(
                    f"got {node} ({type(node).__name__}), of which no derivative is known; expected + - * / **, roots "
                    "and inner products; write it in those"
                )
        hidden |= {a.base for product in part.atoms(Inner) for a in product.args} & moving
        hidden |= part.free_symbols & moving
    if hidden:
        names = ", ".join(sorted(x.name for x in hidden))
        raise ValueError(
            f"got a function of {at!r} through {names}, which changes with {at!r} but does not show it; expected it "
            f"written in {at!r}; use Normalizer.jacobian, .second or .hessian, or insert the definition first"
        )


def _slope(expression: sp.Expr) -> sp.Expr:
    return sp.diff(expression, _T).subs(_T, 0)


def representer(form: sp.Expr, direction: Vector) -> Vector:
    """The vector r with <r, w> = form, for a form linear in the atom w. ValueError where it is not linear."""
    w = single_atom(direction)
    rest = sp.expand(form)
    out = Vector()
    for product in sorted(rest.atoms(Inner), key=Inner.sort_key):
        other = partner(product, w)
        if other is not None:
            coefficient = rest.coeff(product, 1)
            out, rest = out + Vector({other: coefficient}), sp.expand(rest - coefficient * product)
    left = {a.base for c in (rest, *out.terms.values()) for p in c.atoms(Inner) for a in p.args}
    if rest != 0 or w in left:
        raise ValueError(f"got {form}; expected a form linear in {w.name}; differentiate along {w.name} first")
    return out


def gradient(f: sp.Expr, at: Vector) -> Vector:
    """The gradient of a scalar function of ``at``."""
    if isinstance(f, Vector):
        raise TypeError(f"got the vector {f!r}; expected a scalar; use jacobian(f, at)")
    w = Vector.atom(f"w_gradient_{sp.Dummy().dummy_index}", space=single_atom(at).space)
    return representer(derivative(f, at, w), w)


@dataclass(frozen=True, eq=False)
class LinearMap:
    """A linear map of R^m, known by what it does to a generic vector: call it, take its ``trace``, look at it."""

    image: Vector
    probe: Vector

    def __call__(self, vector: Vector) -> Vector:
        return substitute(self.image, {self.probe: vector})

    @property
    def trace(self) -> sp.Expr:
        return trace(self)

    def __repr__(self) -> str:
        return f"x -> {self.image!r}".replace(single_atom(self.probe).name, "x")

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle x \mapsto {self.image._latex()}$"


def jacobian(f: Vector, at: Vector) -> LinearMap:
    """The Jacobian of a vector function of ``at``, as a linear map: ``jacobian(f, y)(x)`` is D f[x]."""
    if not isinstance(f, Vector):
        raise TypeError(f"got the scalar {f}; expected a vector; use gradient(f, at)")
    return _linear(f, at)


def _linear(f: Vector, at: Vector) -> LinearMap:
    """The derivative of f, with a probe that f does not contain."""
    probe = Vector.atom(f"x_{sp.Dummy().dummy_index}", space=single_atom(at).space, latex="x")
    return LinearMap(derivative(f, at, probe).map(sp.simplify), probe)


def hessian(f: sp.Expr, at: Vector) -> LinearMap:
    """The Hessian of a scalar function of ``at``, as a linear map: ``w @ hessian(f, y)(x)`` is D2 f[x, w]."""
    return _linear(gradient(f, at), at)


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
