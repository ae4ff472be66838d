r"""Concrete examples in exact arithmetic: small rational vectors, and every quantity of the table computed from them.

Derivatives come from `algebra.jet`, through the definition of the normaliser entry by entry; no derived formula enters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

import sympy as sp

from bnverify.theory.algebra.jet import Jet, root
from bnverify.theory.algebra.vectors import ONE, m
from bnverify.theory.normalizers.normalizer import BATCH, KnownScale, Normalizer
from bnverify.theory.proof.quantities import QUANTITIES, Y, epsilon, names_of

Entries = Sequence[Any]


def exact(number: Any) -> sp.Expr:
    """A Fraction, integer or float as a SymPy number."""
    return sp.Rational(number.numerator, number.denominator) if isinstance(number, Fraction) else sp.sympify(number)


def dot(u: Entries, w: Entries) -> Any:
    """The inner product of two sequences."""
    return sum((a * b for a, b in zip(u, w, strict=True)), 0 * u[0])


def _mean(entries: Entries) -> Any:
    return sum(entries[1:], entries[0]) * Fraction(1, len(entries))


def _centre(entries: Entries) -> list[Any]:
    mean = _mean(entries)
    return [e - mean for e in entries]


def _compiled(names: Sequence[sp.Symbol], formula: sp.Expr) -> Callable[..., Any]:
    """The formula for numbers of any kind: its own fractions stay exact, square and fourth roots are `root`."""
    taken = sp.Function("root")

    def by_root(power: sp.Pow) -> sp.Expr:
        base = taken(power.base) if power.exp.q == 2 else taken(taken(power.base))
        return base**power.exp.p

    plain = formula.replace(lambda e: e.is_Pow and e.exp.is_Rational and e.exp.q in (2, 4), by_root)
    constants = {number: sp.Dummy() for number in plain.atoms(sp.Rational) if not number.is_Integer}
    compiled = sp.lambdify([*names, *constants.values()], plain.xreplace(constants), modules=[{"root": root}])
    exact_ones = [Fraction(int(number.p), int(number.q)) for number in constants]
    return lambda *numbers: compiled(*numbers, *exact_ones)


@cache
def scale_of(normalizer: Normalizer) -> Callable[[Entries, Any], Any]:
    """The scale as a function of entries and epsilon: the formula, with inner products spelled out as sums."""
    if isinstance(normalizer.scale, KnownScale):
        of = normalizer.scale.of
        if of is None:
            raise ValueError(f"got {normalizer!r}; expected a scale that can be computed; give KnownScale(of=...)")
        return lambda entries, eps: of(entries, Fraction(len(entries))) + eps
    names = [sp.Dummy(name) for name in ("square", "total", "size", "eps")]
    formula = normalizer.formula(Y).xreplace({Y @ Y: names[0], ONE @ Y: names[1], m: names[2], epsilon: names[3]})
    compiled = _compiled(names, formula)
    return lambda entries, eps: compiled(
        dot(entries, entries), sum(entries[1:], entries[0]), Fraction(len(entries)), eps
    )


@cache
def squared_scale_of(normalizer: Normalizer) -> Callable[[Entries], Any] | None:
    """s^2 at epsilon = 0 as a function of entries, for a scale of the form sqrt(q + epsilon); None for another."""
    if isinstance(normalizer.scale, KnownScale):
        return None
    names = [sp.Dummy(name) for name in ("square", "total", "size")]
    square = sp.expand(normalizer.formula(Y) ** 2).xreplace({Y @ Y: names[0], ONE @ Y: names[1], m: names[2]})
    rest = sp.expand(square - epsilon)
    if rest.has(epsilon) or not rest.is_rational_function():
        return None
    compiled = _compiled(names, rest)
    return lambda entries: compiled(dot(entries, entries), sum(entries[1:], entries[0]), Fraction(len(entries)))


@dataclass(frozen=True, repr=False)
class Example:
    """One vector y, normalised, followed by a loss with gradient g and Hessian H at z. All entries rational (or
    floats, in a search). ``w``, ``x`` are test vectors; H None means zero."""

    y: tuple[Any, ...]
    g: tuple[Any, ...]
    gamma: Any = Fraction(1)
    beta: Any = Fraction(0)
    epsilon: Any = Fraction(0)
    H: tuple[tuple[Any, ...], ...] | None = None
    w: tuple[Any, ...] | None = None
    x: tuple[Any, ...] | None = None
    normalizer: Normalizer = BATCH

    @property
    def size(self) -> int:
        return len(self.y)

    def normalise(self, y: Entries) -> tuple[list[Any], Any]:
        """(yhat, s) of any y, numbers or jets."""
        s = scale_of(self.normalizer)(y, self.epsilon)
        return [e / s for e in (_centre(y) if self.normalizer.centred else y)], s

    def loss(self, y: Entries) -> Any:
        """<g, z - z0> + (z - z0)'H(z - z0)/2 with z = gamma yhat(y) + beta and z0 its value at the example."""
        move = [self.gamma * (new - old) for new, old in zip(self.normalise(y)[0], self.yhat, strict=True)]
        linear = dot(self.g, move)
        if self.H is None:
            return linear
        return linear + dot(move, [dot(row, move) for row in self.H]) * Fraction(1, 2)

    def along(self, direction: Entries) -> list[Jet]:
        """The line y + t direction."""
        return [Jet(a, b) for a, b in zip(self.y, direction, strict=True)]

    @cached_property
    def yhat(self) -> list[Any]:
        return self.normalise(self.y)[0]

    @cached_property
    def s(self) -> Any:
        return self.normalise(self.y)[1]

    @cached_property
    def units(self) -> list[list[int]]:
        return [[int(i == k) for i in range(self.size)] for k in range(self.size)]

    def gradient(self, function: Callable[[Entries], Jet]) -> list[Any]:
        """All partial derivatives of a function of y, by one jet each."""
        return [function(self.along(unit)).c1 for unit in self.units]

    def second(self, x: Entries, w: Entries) -> Any:
        """The bilinear form of the Hessian of Lhat, by polarisation."""
        q = [self.loss(self.along(d)).c2 for d in ([a + b for a, b in zip(x, w, strict=True)], x, w)]
        return (q[0] - q[1] - q[2]) / 2

    @cached_property
    def v(self) -> list[Any]:
        return self.gradient(self.loss)

    @cached_property
    def n(self) -> list[Any]:
        return self.gradient(lambda y: self.normalise(y)[1])

    def velocity(self, direction: Entries) -> list[Any]:
        """D yhat[direction]."""
        return [e.c1 for e in self.normalise(self.along(direction))[0]]

    def project(self, u: Entries) -> list[Any]:
        return _centre(u) if self.normalizer.centred else list(u)

    def _vector(self, name: str) -> Entries:
        """The vector of that name in the names of quantities."""
        makers: dict[str, Callable[[], Entries]] = {
            "one": lambda: [Fraction(1)] * self.size, "y": lambda: self.y, "g": lambda: self.g, "v": lambda: self.v,
            "yhat": lambda: self.yhat, "n": lambda: self.n,
            "w": lambda: self._test(self.w), "x": lambda: self._test(self.x),
            "z": lambda: [self.gamma * e + self.beta for e in self.yhat],
            "u": lambda: [self.gamma * e for e in self.velocity(self.v)],
            "Jx": lambda: self.velocity(self._test(self.x)),
            "JJx": lambda: self.velocity(self.velocity(self._test(self.x))),
            "Kx": lambda: [e.c2 for e in self.normalise(self.along(self._test(self.x)))[0]],
            "Pg": lambda: self.project(self.g), "Px": lambda: self.project(self._test(self.x)),
            "Pv": lambda: self.project(self.v),
            "signs": lambda: [(e > 0) - (e < 0) for e in _centre(self.y)],
        }  # fmt: skip
        return makers[name]()

    def _test(self, vector: tuple[Any, ...] | None) -> tuple[Any, ...]:
        if vector is None:
            raise KeyError("got an example without test vectors; expected w and x; pass Example(..., w=, x=)")
        return vector

    def number(self, name: str) -> Any:
        """The quantity of that name of `theory.QUANTITIES`; KeyError for one an example of one vector has not."""
        scalars: dict[str, Callable[[], Any]] = {
            "m": lambda: self.size, "epsilon": lambda: self.epsilon, "gamma": lambda: self.gamma,
            "beta": lambda: self.beta, "mu": lambda: _mean(self.y), "s": lambda: self.s,
            "rho": lambda: dot(self.n, self.y) / self.s, "a": lambda: dot(self.g, self.yhat),
            "grad_gamma": lambda: self._by_parameter(gamma=1), "grad_beta": lambda: self._by_parameter(beta=1),
            "grad_mu": lambda: self._by_moment(mean=1), "grad_sigma2": lambda: self._by_moment(variance=1),
            "v_Hhat_v": lambda: self.second(self.v, self.v),
            "w_Hhat_x": lambda: self.second(self._test(self.w), self._test(self.x)),
            "v_H_v": lambda: self._form(self.v, self.v), "g_H_g": lambda: self._form(self.g, self.g),
            "u_H_u": lambda: self._form(self._vector("u"), self._vector("u")),
            "uw_H_ux": lambda: self.gamma**2 * self._form(self.velocity(self._test(self.w)), self._vector("Jx")),
            "x_M_x": lambda: self.normalise(self.along(self._test(self.x)))[1].c2,
            "v_M_v": lambda: self.normalise(self.along(self.v))[1].c2,
        }  # fmt: skip
        if name in scalars:
            return scalars[name]()
        left, _, right = name.partition("_")
        try:
            return dot(self._vector(left), self._vector(right))
        except KeyError:
            raise KeyError(f"got quantity {name}; expected one that a single normalised vector has") from None

    def _form(self, u: Entries, w: Entries) -> Any:
        return Fraction(0) if self.H is None else dot(u, [dot(row, w) for row in self.H])

    def _by_parameter(self, *, gamma: int = 0, beta: int = 0) -> Any:
        z = [Jet(self.gamma, gamma) * e + Jet(self.beta, beta) for e in self.yhat]
        return dot(self.g, [e.c1 for e in z])

    def _by_moment(self, *, mean: int = 0, variance: int = 0) -> Any:
        """dL/dmu or dL/dsigma^2 of yhat = (y - mu)/sqrt(sigma^2 + epsilon), the other moment held fixed."""
        mu, sigma2 = Jet(_mean(self.y), mean), Jet(self.s * self.s - self.epsilon, variance)
        z = [self.gamma * (Jet(e) - mu) / root(sigma2 + self.epsilon) for e in self.y]
        return dot(self.g, [e.c1 for e in z])

    def numbers(self, relation: sp.Basic) -> dict[sp.Basic, Any]:
        """Symbol -> number for all quantities in a relation or expression."""
        return {QUANTITIES[name].symbol: self.number(name) for name in names_of(relation)}

    def __str__(self) -> str:
        parts = [f"y = {_row(self.y)}", f"g = {_row(self.g)}"]
        parts += [f"H = {matrix_text(self.H)}"] if self.H is not None else []
        parts += [f"w = {_row(self.w)}"] if self.w is not None else []
        parts += [f"x = {_row(self.x)}"] if self.x is not None else []
        parts += [f"gamma = {self.gamma}"] if self.gamma != 1 else []
        parts += [f"epsilon = {self.epsilon}"]
        return ", ".join(parts) + ("" if self.normalizer is BATCH else f" ({self.normalizer.name})")

    __repr__ = __str__


def algebraic(example: Example) -> Example:
    """The example over SymPy's algebraic numbers, where any root exists."""
    return replace(
        example, y=tuple(map(exact, example.y)), g=tuple(map(exact, example.g)), gamma=exact(example.gamma),
        beta=exact(example.beta), epsilon=exact(example.epsilon),
    )  # fmt: skip


def matrix_text(rows: Sequence[Sequence[Any]]) -> str:
    """A matrix in words: 0, I, a multiple of I, or its rows."""
    size = len(rows)
    factor = rows[0][0]
    if all(rows[i][k] == (factor if i == k else 0) for i in range(size) for k in range(len(rows[0]))):
        return "0" if factor == 0 else {1: "I", -1: "-I"}.get(factor, f"{factor} I")
    return "[" + ", ".join(map(_row, rows)) + "]"


def _row(entries: Iterable[Any]) -> str:
    return "(" + ", ".join(str(e) for e in entries) + ")"
