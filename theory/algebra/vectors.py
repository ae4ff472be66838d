r"""Inner-product algebra of :math:`\mathbb R^m` for symbolic m.

A vector is a linear combination of named atoms (``1``, ``y``, ``g``, ...) with SymPy coefficients. Atoms meet
scalars only through inner products, which are SymPy expressions of their own: bilinear, symmetric, with
:math:`\langle 1, 1\rangle = m`. No component is ever written down, so m stays a symbol.

    >>> from bnverify.theory import ONE, Y, m
    >>> (Y - (ONE @ Y) / m * ONE) @ ONE
    0
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import sympy as sp
from sympy.printing.latex import LatexPrinter

m = sp.Symbol("m", integer=True, positive=True)


class Atom(sp.Symbol):
    """A named basis vector of a space (``m``: R^m, ``n``: the weights of a filter, ``m*C``, ``n*C``: a layer).

    Facts known about it are used when inner products are formed (``norm2``, ``total``) and
    when signs are decided (``nonzero``; ``entrywise``: no entry is negative)."""

    __slots__ = ("_identity", "entrywise", "nonzero", "norm2", "space", "tex", "total")

    def __new__(
        cls, name: str, *, latex: str | None = None, norm2=None, total=None, nonzero: bool = False,
        entrywise: bool = False, space: str = "m",
    ) -> Atom:  # fmt: skip
        self = sp.Symbol.__xnew__(cls, _checked(name), commutative=True)
        self.norm2 = None if norm2 is None else sp.sympify(norm2)
        self.total = None if total is None else sp.sympify(total)
        self.tex = latex or name
        self.nonzero, self.entrywise, self.space = nonzero, entrywise, space
        facts = (space, self.norm2, self.total, nonzero, entrywise)
        self._identity = ("atom", self.name, *map(sp.srepr, facts))
        return self

    def __getnewargs_ex__(self):
        facts = {name: getattr(self, name) for name in ("norm2", "total", "nonzero", "entrywise", "space")}
        return (self.name,), facts | {"latex": self.tex}

    def _hashable_content(self):
        """Facts belong to the identity: two declarations of one name with other facts are two vectors. It is asked for
        at every comparison, so it is written once."""
        return self._identity

    @property
    def base(self) -> Atom:
        """The atom below all operators."""
        return self

    @property
    def operators(self) -> tuple[SelfAdjoint, ...]:
        """The operators applied to it, outermost first."""
        return ()

    def _latex(self, printer) -> str:
        return self.tex


class Image(Atom):
    """The image of an atom under a self-adjoint operator, itself an atom."""

    __slots__ = ("operator", "preimage")

    def __new__(cls, operator: SelfAdjoint, preimage: Atom) -> Image:
        self = sp.Symbol.__xnew__(cls, f"{operator.name} {preimage.name}", commutative=True)
        self.norm2 = self.total = None
        self.tex, self.space = f"{operator.tex} {preimage.tex}", preimage.space
        self.nonzero = self.entrywise = False
        self.operator, self.preimage = operator, preimage
        known = (operator.name, str(operator.nonnegative))
        self._identity = ("image", *known, *preimage._identity[1:])
        return self

    def __getnewargs_ex__(self):
        return (self.operator, self.preimage), {}

    @property
    def base(self) -> Atom:
        return self.preimage.base

    @property
    def operators(self) -> tuple[SelfAdjoint, ...]:
        return (self.operator, *self.preimage.operators)


class Inner(sp.Function):
    r"""The inner product of two atoms, :math:`\langle a, b\rangle`: a real symmetric symbol."""

    nargs = 2

    @classmethod
    def eval(cls, a, b):
        if not (isinstance(a, Atom) and isinstance(b, Atom)):
            raise TypeError(f"Inner takes two atoms, got {a!r} and {b!r}; write `u @ v` for vectors")
        if a.space != b.space:
            raise TypeError(f"got {a} of space {a.space} and {b} of space {b.space}; expected two of one space")
        if a == b and a.norm2 is not None:
            return a.norm2
        for one, other in ((a, b), (b, a)):
            if one == _ONE and other.total is not None:
                return other.total
        # <A B x, C y> = <x, B A C y>, as every operator is self-adjoint: written with all operators on one side, or as
        # a squared norm where it is one.
        word = (*reversed(a.operators), *b.operators)
        first, word, last = min((a.base, word, b.base), (b.base, word[::-1], a.base), key=_word_key)
        half = len(word) // 2
        norm = first == last and word == word[::-1] and len(word) == 2 * half
        image = last
        for operator in reversed(word[half:] if norm else word):
            image = Image(operator, image)
        other = image if norm else first
        return None if (a, b) == (other, image) else cls(other, image)

    def _eval_is_extended_real(self):
        return True

    def _eval_is_real(self):
        return True

    def _eval_is_finite(self):
        return True

    def _eval_is_nonnegative(self):
        a, b = self.args
        semidefinite = isinstance(b, Image) and b.preimage == a and b.operator.nonnegative
        return True if a == b or semidefinite or (a.entrywise and b.entrywise) else None

    def _eval_is_positive(self):
        return True if self.args[0] == self.args[1] and self.args[0].nonzero else None

    def _latex(self, printer: LatexPrinter, exp: str | None = None) -> str:
        a, b = self.args
        if a == b:
            body = rf"\lVert {a.tex}\rVert^{{2}}"
            return body if exp is None else rf"\lVert {a.tex}\rVert^{{2\cdot {exp}}}"
        body = rf"{a.tex}^{{\top}} {b.tex}" if isinstance(b, Image) else rf"\langle {a.tex}, {b.tex}\rangle"
        return (
            body if exp is None else rf"\left({body}\right)^{{{exp}}}" if isinstance(b, Image) else f"{body}^{{{exp}}}"
        )

    def _sympystr(self, printer) -> str:
        a, b = self.args
        return f"|{a.name}|²" if a == b else f"<{a.name}, {b.name}>"


def _word_key(written: tuple) -> tuple:
    first, word, last = written
    return (first.name, tuple(operator.name for operator in word), last.name)


def _checked(name: str) -> str:
    """The name of a vector or an operator: letters a-z, digits, underscores, or "1" for the vector of ones."""
    if not isinstance(name, str) or not re.fullmatch(r"1|[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII):
        raise ValueError(f"got the name {name!r}; expected ASCII letters, digits and underscores; pass latex= for more")
    return name


class Vector:
    """A linear combination of atoms. Supports ``+ - * /`` with scalars, ``u @ v`` (inner product) and printing."""

    __array_ufunc__ = None
    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[Atom, sp.Expr] | None = None):
        self.terms: dict[Atom, sp.Expr] = {a: c for a, c in (terms or {}).items() if c != 0}

    @classmethod
    def atom(cls, name: str, **facts) -> Vector:
        """A new named vector; ``facts``: ``norm2`` = <a, a>, ``total`` = <1, a>, ``nonzero``."""
        return cls({Atom(name, **facts): sp.Integer(1)})

    def __add__(self, other: Vector) -> Vector:
        if not isinstance(other, Vector):
            return NotImplemented
        terms = dict(self.terms)
        for atom, coefficient in other.terms.items():
            terms[atom] = terms.get(atom, sp.Integer(0)) + coefficient
        return Vector(terms)

    def __mul__(self, scalar) -> Vector:
        if isinstance(scalar, Vector):
            raise TypeError("the product of two vectors is not defined in this algebra; write `u @ v`")
        return self.map(lambda c: c * sp.sympify(scalar))

    __rmul__ = __mul__

    def __truediv__(self, scalar) -> Vector:
        return self * (1 / sp.sympify(scalar))

    def __neg__(self) -> Vector:
        return self * -1

    def __sub__(self, other: Vector) -> Vector:
        return self + (-other)

    def __matmul__(self, other: Vector) -> sp.Expr:
        """The inner product, bilinear in both vectors."""
        if not isinstance(other, Vector):
            raise TypeError(f"got {other!r}; expected a Vector; write `c * u` for a multiple")
        return sp.Add(*(c * d * Inner(a, b) for a, c in self.terms.items() for b, d in other.terms.items()))

    def map(self, function: Callable[[sp.Expr], sp.Expr]) -> Vector:
        """Apply a function to every coefficient."""
        return Vector({a: function(c) for a, c in self.terms.items()})

    def subs(self, *args, **kwargs) -> Vector:
        return self.map(lambda c: c.subs(*args, **kwargs))

    def coefficient(self, vector: Vector) -> sp.Expr:
        """The coefficient of a single-atom vector."""
        return self.terms.get(single_atom(vector), sp.Integer(0))

    @property
    def squared(self) -> sp.Expr:
        """The squared norm <u, u>."""
        return self @ self

    def equals(self, other: Vector) -> bool:
        """Whether the difference is exactly zero; ``==`` compares the written form, as everywhere in SymPy."""
        return is_zero(self - other)

    def __eq__(self, other) -> bool:
        return isinstance(other, Vector) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __repr__(self) -> str:
        """One bracketed coefficient a vector: (gamma/s) g + (-gamma*<1, g>/(m*s)) 1."""
        terms = sorted(self.terms.items(), key=lambda item: item[0].sort_key())
        return " + ".join(a.name if c == 1 else f"({c}) {a.name}" for a, c in terms) or "0"

    def _latex(self, printer=None, **settings) -> str:
        """LaTeX; ``settings`` go to ``sympy.latex`` for the coefficients."""
        if not self.terms:
            return "0"
        terms = sorted(self.terms.items(), key=lambda item: item[0].sort_key())
        return " ".join(_latex_term(c, a, settings) for a, c in terms).removeprefix("+ ").strip()

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self._latex()}$"


def _latex_term(coefficient: sp.Expr, atom: Atom, settings: Mapping) -> str:
    negative = coefficient.could_extract_minus_sign()
    magnitude = -coefficient if negative else coefficient
    body = "" if magnitude == 1 else sp.latex(magnitude, **settings) + r"\,"
    if magnitude.is_Add:
        body = rf"\left({sp.latex(magnitude, **settings)}\right)"
    return f"{'-' if negative else '+'} {body}{atom.tex}"


class SelfAdjoint:
    """A symmetric operator on R^m, such as a Hessian: ``H(u)`` is linear and ``u @ H(v) == v @ H(u)``.

    ``nonnegative`` declares it positive semidefinite, so that u @ H(u) counts as non-negative.
    """

    def __init__(self, name: str, *, latex: str | None = None, nonnegative: bool = False):
        self.name, self.tex, self.nonnegative = _checked(name), latex or name, nonnegative

    def __call__(self, vector: Vector) -> Vector:
        if not isinstance(vector, Vector):
            raise TypeError(f"got {vector!r}; expected a Vector; an operator acts on vectors only")
        return Vector({Image(self, atom): c for atom, c in vector.terms.items()})

    def __eq__(self, other) -> bool:
        return isinstance(other, SelfAdjoint) and (self.name, self.nonnegative) == (other.name, other.nonnegative)

    def __hash__(self) -> int:
        return hash(("SelfAdjoint", self.name, self.nonnegative))

    def __repr__(self) -> str:
        return self.name


def single_atom(vector: Vector) -> Atom:
    """The atom of a vector that is one atom with coefficient 1; ValueError otherwise."""
    if list(vector.terms.values()) != [1]:
        raise ValueError(f"got {vector!r}; expected a single named vector; define one with Vector.atom(name)")
    return next(iter(vector.terms))


def is_zero(expression: sp.Expr | Vector) -> bool:
    """Whether an expression, rational in its symbols, is identically zero: an exact decision, no numerics."""
    if isinstance(expression, Vector):
        return all(is_zero(c) for c in expression.terms.values())
    return sp.expand(sp.fraction(sp.together(expression))[0]) == 0


def substitute(expression, replacement: Mapping[Vector | Atom, Vector]):
    """Replace atoms by vectors in a scalar or a vector, bilinearly, also below a self-adjoint operator."""
    table = {(k if isinstance(k, Atom) else single_atom(k)): v for k, v in replacement.items()}

    def image_of(atom: Atom) -> Vector:
        if atom in table:
            return table[atom]
        if isinstance(atom, Image):
            return atom.operator(image_of(atom.preimage))
        return Vector({atom: sp.Integer(1)})

    def scalar(expr: sp.Expr) -> sp.Expr:
        return expr.xreplace({p: image_of(p.args[0]) @ image_of(p.args[1]) for p in expr.atoms(Inner)})

    if isinstance(expression, Vector):
        out = Vector()
        for atom, coefficient in expression.terms.items():
            out = out + image_of(atom) * scalar(coefficient)
        return out
    return scalar(sp.sympify(expression))


def trace(operator: Callable[[Vector], Vector]) -> sp.Expr:
    """The trace of a linear map of R^m built from the identity and dyads: of x -> c x + u <w, x> it is c m + <u, w>."""
    atom = Atom(f"trace_probe_{sp.Dummy().dummy_index}")
    total = sp.Integer(0)
    for left, coefficient in operator(Vector({atom: sp.Integer(1)})).terms.items():
        rest = sp.expand(coefficient)
        if left == atom:
            total, rest = total + rest * m, sp.Integer(0)
        for product in rest.atoms(Inner):
            other = partner(product, atom)
            if other is not None:
                factor = rest.coeff(product, 1)
                total, rest = total + factor * Inner(left, other), sp.expand(rest - factor * product)
        if rest != 0 or atom in {a.base for p in total.atoms(Inner) for a in p.args} or left.base == atom != left:
            raise ValueError(
                "got a map that is not the identity and dyads; expected a linear map without named operators on its "
                "argument; expand it first"
            )
    return sp.expand(total)


def partner(product: Inner, atom: Atom) -> Atom | None:
    """The atom b with product = <atom, b>, if the atom takes part in it; operators are moved to the other side."""
    for here, there in (product.args, product.args[::-1]):
        if here.base == atom and there.base != atom:
            for operator in here.operators:
                there = Image(operator, there)
            return there
    return None


class PairSum(sp.Function):
    r"""The sum of p_i p_k over pairs i != k, which is <1, p>^2 - |p|^2: non-negative if no entry of p is negative."""

    nargs = 1

    def _eval_is_extended_real(self):
        return True

    def _eval_is_nonnegative(self):
        return True if self.args[0].entrywise else None

    def doit(self, **hints) -> sp.Expr:
        p = self.args[0]
        return Inner(_ONE, p) ** 2 - Inner(p, p)

    def _latex(self, printer, exp: str | None = None) -> str:
        p = self.args[0].tex
        body = rf"\sum_{{i\neq k}} {p}_i {p}_k"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


_ONE = Atom("1", latex=r"\mathbf 1", norm2=m, total=m, entrywise=True)
ONE = Vector({_ONE: sp.Integer(1)})
