"""Reading a document: names, expressions and vectors; whatever is not plainly one of them is refused.

Text is parsed and never executed. What it could grow to is bounded before anything is multiplied out.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

LONGEST, DEEPEST, HIGHEST, MOST_TERMS, LARGEST = 20_000, 60, 12, 20_000, 10**12
MOST_DIGITS, MOST_BELOW_A_ROOT, MOST_IN_A_RING, MOST_DEGREE = 40, 200, 300_000, 2_000
SIGNS = {"positive integer": {"positive": True, "integer": True}, "positive": {"positive": True},
         "nonnegative": {"nonnegative": True}, "between 0 and 1": {"nonnegative": True}, "real": {"real": True}
         }  # fmt: skip
_NUMBER = re.compile(rf"-?[0-9]{{1,{MOST_DIGITS}}}(/[0-9]{{1,{MOST_DIGITS}}})?")
Sum = sp.Function("Sum_over_channels", real=True)
Vec = dict[str, sp.Expr]


class Refused(ValueError):
    """Why a part of the document is not accepted."""


def name(text: Any) -> str:
    """A name: ASCII letters, digits and underscores, so that two names that look alike are one."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", text, re.ASCII) or text == "sqrt":
        raise Refused(f"got the name {str(text)[:40]!r}; expected ASCII letters, digits and underscores")
    return text


def atom(text: Any) -> tuple[str, ...]:
    """The operators and the vector of an atom, outermost first: "H v"."""
    words = text.split(" ") if isinstance(text, str) else []
    if not words or len(words) > 8:
        raise Refused(f"got the vector {str(text)[:40]!r}; expected a name, or operators and a name")
    return (*map(name, words[:-1]), words[-1] if words[-1] == "1" else name(words[-1]))


def pair(text: Any) -> tuple[str, str]:
    """The two atoms of "<a, b>"."""
    a, comma, b = str(text).removeprefix("<").removesuffix(">").partition(", ")
    if text != f"<{a}, {b}>" or not comma:
        raise Refused(f"got {str(text)[:40]!r}; expected an inner product <a, b>")
    atom(a), atom(b)
    return a, b


def prose(value: Any) -> str:
    """One line of text to show beside what is checked: printable, so that it cannot look like more lines."""
    if not isinstance(value, str) or len(value) > 2000 or not value.isprintable():
        raise Refused(f"got {str(value)[:40]!r}; expected one line of printable text")
    return value


def parse(text: Any, names: Mapping[str, sp.Expr], weights: Mapping[str, int] | None = None) -> sp.Expr:
    """An expression in + - * / **, integers, sqrt and the given names.

    ``weights`` says how many terms a name stands for.
    """
    node = tree(text)
    size(node, weights or {})
    value = _read(node, names)
    if value.has(sp.I, sp.nan, sp.zoo, sp.oo, -sp.oo):
        raise Refused(f"{text[:80]!r} is not a real number everywhere")
    return value


def tree(text: Any) -> ast.expr:
    """The syntax tree of an expression, of bounded length and depth, made of nothing else than `parse` reads."""
    if not isinstance(text, str) or len(text) > LONGEST or not text.isascii() or not text.isprintable():
        raise Refused(f"expected an expression of at most {LONGEST} characters, ASCII, on one line")
    try:
        node = ast.parse(text, mode="eval").body
        depth(node)
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise Refused(f"{text[:80]!r} is no expression: {type(error).__name__}") from None
    return node


def depth(node: ast.expr) -> None:
    """Refuse what is nested more than `DEEPEST` deep; a long sum or product is not deep."""
    todo: list[tuple[ast.AST, int]] = [(node, 0)]
    while todo:
        here, level = todo.pop()
        if level > DEEPEST:
            raise Refused(f"the expression is nested more than {DEEPEST} deep")
        for child in ast.iter_child_nodes(here):
            chain = isinstance(here, ast.BinOp) and isinstance(child, ast.BinOp) and child is here.left
            flat = chain and isinstance(child, ast.BinOp) and isinstance(child.op, (ast.Add, ast.Sub, ast.Mult))
            todo.append((child, level + (0 if flat else 1)))


def size(node: ast.expr, weights: Mapping[str, int]) -> int:
    """At most how many terms the expression has when it is multiplied out; refused where that is too many."""
    found = _size(node, weights)
    if found > MOST_TERMS:
        raise Refused(f"the expression has up to {found} terms; expected at most {MOST_TERMS}")
    return found


def _size(node: ast.expr, weights: Mapping[str, int]) -> int:
    terms = 0
    while isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        terms, node = terms + _size(node.right, weights), node.left
    if isinstance(node, ast.Name):
        return terms + weights.get(node.id, 1)
    if isinstance(node, ast.UnaryOp):
        return terms + _size(node.operand, weights)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        exponent = abs(exponent_of(node.right))
        base = _size(node.left, weights)
        return terms + (base ** int(exponent) if base > 1 and exponent >= 1 else base)
    if isinstance(node, ast.BinOp):
        return terms + min(_size(node.left, weights) * _size(node.right, weights), MOST_TERMS + 1)
    if isinstance(node, ast.Call):
        return terms + sum(_size(argument, weights) for argument in node.args)
    return terms + 1


def rational(text: Any) -> Fraction:
    """An exact number: an integer, or a fraction of two, of at most `MOST_DIGITS` digits each."""
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise Refused(f"got {str(text)[:40]!r}; expected a rational number as text, of at most {MOST_DIGITS} digits")
    return Fraction(text)


def bounded(e: sp.Expr, most: int = MOST_TERMS) -> sp.Expr:
    """The expression, refused if multiplying it out, or factoring what is below its roots, would take too long."""
    if terms(e) > most:
        raise Refused(f"an expression has more than {most} terms")
    if any(terms(root.base) > MOST_BELOW_A_ROOT for root in e.atoms(sp.Pow) if not root.exp.is_Integer):
        raise Refused(f"got more than {MOST_BELOW_A_ROOT} terms below a root")
    return e


def expand(e: sp.Expr) -> sp.Expr:
    """The expression multiplied out, refused before it is where it would be too long."""
    return sp.expand(bounded(e))


def terms(e: sp.Expr) -> int:
    """At most how many terms an expression has when it is multiplied out; a bound on it where that is too many."""
    if e.is_Add:
        found = sum(map(terms, e.args))
    elif e.is_Mul:
        found = math.prod(map(terms, e.args))
    elif e.is_Pow and e.exp.is_Integer:
        found = terms(e.base) ** min(abs(int(e.exp)), MOST_TERMS)
    else:
        found = max((terms(part) for part in e.args), default=1)
    return min(found, MOST_IN_A_RING + 1)


def partial(node: ast.expr) -> Iterator[tuple[ast.expr, bool]]:
    """What an expression divides by, and what it takes roots of (True), as they are written: nothing is cancelled."""
    for here in ast.walk(node):
        match here:
            case ast.BinOp(op=ast.Div(), right=divisor):
                yield divisor, False
            case ast.BinOp(left=base, op=ast.Pow(), right=right):
                exponent = exponent_of(right)
                if exponent < 0:
                    yield base, False
                if not exponent.is_Integer:
                    yield base, True
            case ast.Call(args=[argument]):
                yield argument, True


def factors(node: ast.expr) -> Iterator[ast.expr]:
    """The factors of a product as it is written, powers and quotients taken apart."""
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            yield from factors(left)
            yield from factors(right)
        case ast.BinOp(left=left, op=ast.Div() | ast.Pow()) | ast.Call(args=[left]):
            yield from factors(left)
        case _:
            yield node


def degree(node: ast.expr, degrees: Mapping[str, int]) -> int:
    """At most what power of a number or a name the expression has; refused where that is a number without end."""
    match node:
        case ast.Name(id=known):
            return degrees.get(known, 1)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            found = degree(left, degrees) * max(1, math.ceil(abs(exponent_of(right))))
        case ast.BinOp(op=op):
            parts = []
            while isinstance(node, ast.BinOp) and type(node.op) is type(op):
                parts.append(degree(node.right, degrees))
                node = node.left
            parts.append(degree(node, degrees))
            found = max(parts) if isinstance(op, ast.Add | ast.Sub) else sum(parts)
        case ast.UnaryOp(operand=inside) | ast.Call(args=[inside]):
            return degree(inside, degrees)
        case _:
            return 1
    if found > MOST_DEGREE:
        raise Refused(f"the expression has powers up to {found}; expected at most {MOST_DEGREE}")
    return found


def exponent_of(node: ast.expr) -> sp.Rational:
    """A literal number of at most `HIGHEST`: an integer, or a fraction of two."""
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool) and number <= HIGHEST:
            return sp.Integer(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -exponent_of(operand)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            below = exponent_of(right)
            if below != 0:
                return exponent_of(left) / below
    raise Refused(f"got the exponent {ast.unparse(node)[:40]}; expected a number of at most {HIGHEST}")


def _read(node: ast.expr, names: Mapping[str, sp.Expr]) -> sp.Expr:
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool) and number <= LARGEST:
            return sp.Integer(number)
        case ast.Name(id=found) if found in names:
            return names[found]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_read(operand, names)
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            terms = []
            while isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
                term = _read(node.right, names)
                terms.append(term if isinstance(node.op, ast.Add) else -term)
                node = node.left
            return sp.Add(_read(node, names), *terms)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _read(left, names) * _read(right, names)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _read(left, names) / _read(right, names)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return power(_read(left, names), exponent_of(right))
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument], keywords=[]):
            return sp.sqrt(_read(argument, names))
        case ast.Name(id=found):
            raise Refused(f"the name {found!r} is in no table")
    raise Refused(f"got {ast.unparse(node)[:80]!r}; expected + - * / **, integers, names and sqrt")


def power(base: sp.Expr, exponent: sp.Rational) -> sp.Expr:
    """A power with a bounded exponent."""
    if base.is_Rational and max(abs(base.p), base.q) > LARGEST:
        raise Refused(f"got a power of {str(base)[:20]}...; expected numbers of at most {LARGEST}")
    return base**exponent


def shown(text: Any, meanings: Mapping[str, str]) -> str:
    """The expression printed again from its syntax tree, with names replaced by what the tables say they are."""
    node = tree(text)

    class Spelled(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.Name(meanings.get(node.id, node.id))

    return ast.unparse(ast.fix_missing_locations(Spelled().visit(node)))


def unique(tables: Iterable[Iterable[str]]) -> None:
    """No name stands for two things, in whatever tables; none is used that differs from another by case of Unicode."""
    seen: set[str] = set()
    for table in tables:
        for entry in table:
            if name(entry) in seen:
                raise Refused(f"the name {entry!r} stands for two things")
            seen.add(entry)
