"""Scalars of a proof document: text, read as a tree and never executed, and the same tree written in Coq.

A formula has integers, names, ``+ - * / **`` and ``sqrt``; an exponent is an integer or halves of one, again and again
halved for a root of a root. Everything else is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from fractions import Fraction

LONGEST, HIGHEST = 100_000, 32  # characters and exponents an honest document stays below
_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


class Refused(ValueError):
    """Why a document is not translated."""


def parse(text: str) -> ast.expr:
    """The tree of a formula; Refused if it is anything but one."""
    if not isinstance(text, str) or len(text) > LONGEST:
        raise Refused(f"got {text!r:.80}; expected a formula of at most {LONGEST} characters")
    try:
        tree = ast.parse(text, mode="eval").body
        for node in nodes(tree):
            _check(node)
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise Refused(f"got {text!r:.80}; expected a formula; {error}") from None
    return tree


def nodes(tree: ast.expr) -> Iterator[ast.expr]:
    """The subformulas of a formula, itself first; an exponent is not one."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        match node:
            case ast.UnaryOp(operand=operand):
                todo.append(operand)
            case ast.BinOp(left=left, op=op, right=right):
                todo += [left] if isinstance(op, ast.Pow) else [right, left]
            case ast.Call(args=args):
                todo += args


def _check(node: ast.expr) -> None:
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return
        case ast.Name(id=name) if name.isascii():
            return
        case ast.UnaryOp(op=ast.USub()) | ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
            return
        case ast.BinOp(op=ast.Pow(), right=right):
            exponent = rational(right)
            if abs(exponent.numerator) <= HIGHEST and exponent.denominator in (1, 2, 4, 8):
                return
        case ast.Call(func=ast.Name(id="sqrt"), args=[_], keywords=[]):
            return
    raise ValueError(f"{ast.unparse(node)[:80]!r} is none of + - * / **, integers, names and sqrt")


def rational(node: ast.expr) -> Fraction:
    """The value of an exponent."""
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return Fraction(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -rational(operand)
        case ast.BinOp(left=left, op=ast.Div(), right=right) if rational(right):
            return rational(left) / rational(right)
    raise ValueError(f"the exponent {ast.unparse(node)[:80]!r} is no rational number")


def names(tree: ast.expr) -> list[str]:
    """The names in a formula, each once, in order."""
    return list(dict.fromkeys(node.id for node in nodes(tree) if isinstance(node, ast.Name)))


def coq(tree: ast.expr, name: Callable[[str], str]) -> str:
    """The formula in Coq, node by node; ``name`` writes the names."""

    def write(node: ast.expr) -> str:
        match node:
            case ast.Constant(value=number):
                return str(number)
            case ast.Name(id=word):
                return name(word)
            case ast.UnaryOp(operand=operand):
                return f"(- {write(operand)})"
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return power(write(left), rational(right))
            case ast.BinOp(left=left, op=op, right=right):
                return f"({write(left)} {_SIGNS[type(op)]} {write(right)})"
            case ast.Call(args=[argument]):
                return f"(sqrt {write(argument)})"
        raise Refused(f"got {ast.unparse(node)[:80]!r}; expected a formula")

    return write(tree)


def power(base: str, exponent: Fraction) -> str:
    """A power in Coq, of an exponent with denominator 1, 2, 4 or 8; a root is `sqrt`, a negative power an inverse."""
    denominator = exponent.denominator
    while denominator > 1:
        base, denominator = f"(sqrt {base})", denominator // 2
    raised = base if abs(exponent.numerator) == 1 else f"({base} ^ {abs(exponent.numerator)})"
    return raised if exponent > 0 else f"(/ {raised})" if exponent < 0 else "1"


def divisors(tree: ast.expr) -> Iterator[ast.expr]:
    """What a formula divides by, products and powers taken apart; numbers are left out."""
    for node in nodes(tree):
        match node:
            case ast.BinOp(op=ast.Div(), right=divisor):
                yield from _factors(divisor)
            case ast.BinOp(left=base, op=ast.Pow(), right=right) if rational(right) < 0:
                yield from _factors(base)


def _factors(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            yield from _factors(left)
            yield from _factors(right)
        case ast.BinOp(left=left, op=ast.Div() | ast.Pow()) | ast.Call(args=[left]) | ast.UnaryOp(operand=left):
            yield from _factors(left)
        case ast.Constant(value=number) if number:
            return
        case _:
            yield node


def radicands(tree: ast.expr) -> Iterator[ast.expr]:
    """What a formula takes roots of, the innermost first."""
    found = [
        node.args[0] if isinstance(node, ast.Call) else node.left
        for node in nodes(tree)
        if isinstance(node, ast.Call)
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and rational(node.right).denominator > 1)
    ]
    return reversed(found)  # type: ignore[return-value]
