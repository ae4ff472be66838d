r"""LaTeX of the expressions of a proof, in pieces between which a line may be broken: the terms of sums, and inside a
bracket that is long. Who sets them decides where lines end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import sympy as sp
from sympy.printing.latex import LatexPrinter

from bnverify.theory import QUANTITIES, ChannelSum, Vector
from bnverify.theory.algebra.vectors import Atom, Image, Inner, PairSum
from bnverify.theory.proof.claim import Factor, Gram
from bnverify.theory.proof.quantities import LATEX_NAMES, design_norm2

_a = sp.Symbol("a", real=True)
# The squared norm of the inputs is written lambda^2, and <g, yhat> as a.
_BOUND = {design_norm2: sp.Symbol("lambda", positive=True) ** 2}
_SHORTHAND = {QUANTITIES["a"].symbol: _a, **_BOUND}
_SYMBOL_NAMES = {
    **{sp.Symbol("sigma2", **{sign: True}): r"\sigma^{2}" for sign in ("nonnegative", "positive")},
    sp.Symbol("largest_plain", real=True): r"\max_{\lVert X\rVert\le\lambda}(XX^{\top}g)^{\top}H\,XX^{\top}g",
    **LATEX_NAMES,
}
LONG = 44  # signs that are never broken apart; a bracket around more is opened
_LONG = {tex for tex in _SYMBOL_NAMES.values() if re.search(r"[(|:]|\\l|\\max", tex)}
SIGNS = {"==": "=", "<=": r"\le", ">=": r"\ge", "<": "<", ">": ">"}


class _Printer(LatexPrinter):
    """Coefficients as one fraction, vectors, quadratic forms and sums behind it, long sums in brackets."""

    def _print(self, expr, **kwargs) -> str:
        if isinstance(expr, Inner | PairSum):
            return self._product(expr, **kwargs)
        if isinstance(expr, Vector):
            return self._print(_scalar(expr))
        return super()._print(expr, **kwargs)

    def _product(self, expr: Inner | PairSum, exp: str | None = None) -> str:
        """An inner product, a squared norm, a quadratic form or a sum of products of entries."""
        power = "" if exp is None else f"^{{{exp}}}"
        if isinstance(expr, PairSum):
            (p,) = (_closed(atom.tex) for atom in expr.args)
            body = rf"\sum_{{i\neq k}} {p}_i\, {p}_k"
        elif expr.args[0] == expr.args[1]:
            double = 2 if exp is None else 2 * int(exp) if exp.isdigit() else rf"2\cdot {exp}"
            return rf"\lVert {expr.args[0].tex}\rVert^{{{double}}}"
        elif isinstance(expr.args[1], Image):
            left = expr.args[0].tex
            left = left if re.fullmatch(r"\\?[A-Za-z]+_[A-Za-z0-9]", left) else _closed(left)
            body = rf"{left}^{{\top}} {expr.args[1].tex}"
        else:
            return rf"\langle {expr.args[0].tex}, {expr.args[1].tex}\rangle{power}"
        return f"({body}){power}" if power else body

    def _print_sign(self, expr) -> str:
        return rf"\operatorname{{sgn}}({self._print(expr.args[0])})"

    def _print_Piecewise(self, expr) -> str:
        """The indicator of a condition in Iverson's brackets."""
        (value, condition), *rest = expr.args
        if value != 1 or rest != [(sp.Integer(0), sp.true)]:
            return super()._print_Piecewise(expr)
        sides = (condition.rhs, condition.lhs) if condition.lhs.is_Pow else condition.args
        return f"1[{self._print(sides[0])} {SIGNS[condition.rel_op]} {self._print(sides[1])}]"

    def _print_Add(self, expr, order=None) -> str:
        return _joined(self.terms(expr))

    def _print_Mul(self, expr) -> str:
        sign, before, sums, after = self.factors(expr)
        return sign + before + "".join(self._bracketed(factor) for factor in sums) + after

    def _bracketed(self, factor: sp.Expr) -> str:
        return self._print(factor) if factor.is_Pow else _bracket(self._print(factor))

    def _print_Pow(self, expr) -> str:
        if expr.base.is_Add and expr.exp.is_Integer and expr.exp > 0:
            return f"{_bracket(self._print(expr.base))}^{{{expr.exp}}}"
        return self._print_Mul(expr) if expr.exp.is_negative else super()._print_Pow(expr)

    def terms(self, expr: sp.Expr) -> list[tuple[str, sp.Expr]]:
        """Signs and terms of a sum, a positive one first, otherwise by length."""
        signed = []
        for index, term in enumerate(sp.Add.make_args(expr)):
            sign = self.factors(term)[0] if term.is_Mul else "-" if term.is_number and term < 0 else ""
            length = sp.count_ops(term.xreplace({_a: QUANTITIES["a"].symbol}))
            signed.append(((length, term.has(_a), index), sign, term))
        signed.sort(key=lambda item: item[0])
        first = next((item for item in signed if not item[1]), signed[0])
        signed.remove(first)
        return [(sign, -term if sign else term) for _, sign, term in (first, *signed)]

    def factors(self, expr: sp.Expr) -> tuple[str, str, list[sp.Expr], str]:
        """A product as sign, coefficient, bracketed sums, and what is written behind them."""
        numerator, denominator = sp.fraction(expr)
        sign = 1
        inline: list[tuple[int, str, str]] = []
        sums: list[sp.Expr] = []
        behind: list[str] = []
        for factor in sp.Mul.make_args(numerator):
            base = factor.base if factor.is_Pow else factor
            if factor.is_Number:
                sign, factor = (-sign, -factor) if factor < 0 else (sign, factor)
                if factor != 1:
                    inline.append((0, "", self._print(factor)))
            elif base.is_Add:
                if factor.is_Add and (
                    (len(base.args) == 2 and base.as_coeff_Add()[0] < 0) or all(map(_negative, base.args))
                ):
                    sign, factor = -sign, sp.Add(*(-t for t in factor.args))
                if any(term.has(Inner, Atom, ChannelSum) or sp.fraction(term)[1] != 1 for term in base.args):
                    sums.append(factor)
                else:
                    shown = self._print(factor)
                    inline.append((2, "", shown if factor.is_Pow else f"({shown})"))
            elif isinstance(base, Atom | ChannelSum) or base.has(Image) or self._print(base) in _LONG:
                behind.append(self._print(factor))
            else:
                rank = 3 if base == _a else 1 if base.is_Symbol else 4
                inline.append((rank, str(base), self._print(factor)))
        coefficient = " ".join(shown for _, _, shown in sorted(inline))
        if denominator != 1:
            if len(inline) == 1 and inline[0][0] == 2 and not (sums or behind):
                coefficient = re.sub(r"^\((.*)\)$", r"\1", coefficient)
            coefficient = rf"\frac{{{coefficient or '1'}}}{{{self._print(denominator)}}}"
        after = (r"\," if coefficient else "") + r"\,".join(behind) if behind else ""
        return "-" if sign < 0 else "", coefficient, sums, after


def _negative(term: sp.Expr) -> bool:
    return term.as_coeff_Mul()[0] < 0


def _closed(tex: str) -> str:
    """The name of a vector so that an index or a transposition after it belongs to all of it."""
    closed = re.fullmatch(r"\\?[A-Za-z]+|\\(hat|mathbf) [A-Za-z0-9]|\(.*\)", tex)
    return tex if closed else f"({tex})"


def _bracket(body: str) -> str:
    size = "bigg" if r"\Big" in body else "Big" if r"\frac" in body else ""
    return rf"\{size}l({body}\{size}r)" if size else f"({body})"


def _joined(terms: list[tuple[str, sp.Expr]]) -> str:
    shown = [f"{sign or '+'} {_print(term)}" for sign, term in terms]
    return " ".join(shown).removeprefix("+ ")


_PRINTER = _Printer({"symbol_names": _SYMBOL_NAMES})


def _print(expr: sp.Expr) -> str:
    return _PRINTER._print(expr)


def _scalar(expression: sp.Expr | Vector, spelled: bool = False) -> sp.Expr:
    """A vector as the sum of its terms; <g, yhat> under its name a unless ``spelled``."""
    names = _BOUND if spelled else _SHORTHAND
    if isinstance(expression, Vector):
        # Not evaluated: sums of vectors have an order of their own, and none of their terms is another's multiple.
        terms = (c.xreplace(names) * atom for atom, c in expression.terms.items())
        return sp.Add(*terms, evaluate=False)
    return sp.sympify(expression).xreplace(names)


@cache
def latex(expression: sp.Expr | Vector) -> str:
    """LaTeX of an expression in one row."""
    return _print(_scalar(expression))


def symbol(name: str) -> str:
    """LaTeX of a quantity of the table; an abbreviation keeps its definition."""
    defined, shown = QUANTITIES[name].latex, latex(QUANTITIES[name].symbol)
    return f"{shown} = {defined}" if QUANTITIES[name].symbol in _SHORTHAND else defined


def length(tex: str) -> int:
    """About how many signs a formula has."""
    tex = re.sub(r"\\(left|right|[bB]igg?[lr]?|[lt]?frac|mathbf|mathrm|operatorname|displaystyle|[,;:!])", "", tex)
    return len(re.sub(r"\\[A-Za-z]+|\\.", "x", re.sub(r"[{}^_ ]", "", tex)))


def _pieces(expr: sp.Expr) -> list[str]:
    """Strings between which a line may be broken."""
    out: list[str] = []
    for number, (sign, term) in enumerate(_PRINTER.terms(expr)):
        lead = f"{sign or '+'} " if number else sign
        whole = lead + _print(term)
        _, before, sums, after = _PRINTER.factors(term) if term.is_Mul else ("", "", [], "")
        if length(whole) <= LONG:
            out.append(whole)
        elif isinstance(term, ChannelSum) and term.args[0].is_Add:
            out += _enclose(_pieces(term.args[0]), lead + r"\sum_j \Bigl[", r"\Bigr]_j")
        elif len(sums) == 1 and sums[0].is_Add:
            inner = _pieces(sums[0])
            size = "bigg" if any(r"\Big" in piece for piece in inner) else "Big"
            out += _enclose(inner, rf"{lead}{before}\{size}l(", rf"\{size}r){after}")
        else:
            out.append(whole)
    return out


def _enclose(pieces: list[str], opening: str, closing: str) -> list[str]:
    pieces = [opening + pieces[0], *pieces[1:]]
    return [*pieces[:-1], pieces[-1] + closing]


def relation(left, sign: str, right, *, spelled: bool = False) -> tuple[str, ...]:
    """A relation in pieces; <g, yhat> is abbreviated to a unless ``spelled``."""
    first, *rest = _pieces(_scalar(right, spelled))
    return (*_pieces(_scalar(left, spelled)), f"{sign} {first}", *rest)


def expression(value, *, spelled: bool = False) -> tuple[str, ...]:
    """One expression in pieces."""
    return tuple(_pieces(_scalar(value, spelled)))


def certificate(terms: Iterable[tuple[Factor, ...]]) -> tuple[str, ...]:
    """A sum of products in pieces; a vector stands for its squared norm."""
    pieces: list[str] = []
    for number, factors in enumerate(terms):
        lead = "+ " if number else ""
        for factor in factors:
            shown = lead + _factor(factor)
            if isinstance(factor, Vector) and length(shown) > LONG:
                pieces += _enclose(_pieces(_scalar(factor)), lead + r"\biggl\lVert ", r"\biggr\rVert^{2}")
            else:
                pieces.append(shown)
            lead = r"\cdot "
    return tuple(pieces)


def _factor(factor: Factor) -> str:
    if isinstance(factor, Gram):
        return rf"\operatorname{{Gram}}({', '.join(latex(vector) for vector in factor.vectors)})"
    if not isinstance(factor, Vector):
        return f"({latex(factor)})" if factor.is_Add else latex(factor)
    body = latex(factor)
    size = "bigg" if r"\Big" in body else "Big" if r"\frac" in body else ""
    left, right = (rf"\{size}l", rf"\{size}r") if size else ("", "")
    return rf"{left}\lVert {body}{right}\rVert^{{2}}"
