"""Scalars of a proof document: text, read as a tree and never executed, and the same tree written in Coq.

A formula has integers, names, ``+ - * / **`` and ``sqrt``; an exponent is an integer or halves of one, again and again
halved for a root of a root. Everything else is refused.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache

LONGEST, HIGHEST = 100_000, 32  # characters and exponents an honest document stays below
DEGREE, TERMS = 64, 20_000  # powers of powers, sums multiplied out
LARGEST, BITS = 10**40, 10_000  # numbers, and their powers
_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


class Refused(ValueError):
    """Why a document is not translated."""


def parse(text: str) -> ast.expr:
    """The tree of a formula; Refused if it is anything but one."""
    if not isinstance(text, str) or len(text) > LONGEST:
        raise Refused(f"got {text!r:.80}; expected a formula of at most {LONGEST} characters")
    return _parsed(text)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.expr:
    try:
        tree = ast.parse(text, mode="eval").body
        for node in nodes(tree):
            _check(node)
        degree, terms = _grown(tree)
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise Refused(f"got {text!r:.80}; expected a formula; {error}") from None
    if degree > DEGREE or terms > TERMS:
        raise Refused(f"got {text!r:.80}; expected powers of powers up to {DEGREE}, and at most {TERMS} terms")
    return tree


def _grown(node: ast.expr) -> tuple[Fraction, int]:
    """At most what power of a name a formula has, and how many terms when it is multiplied out; no more than told."""
    match node:
        case ast.BinOp(left=base, op=ast.Pow(), right=right):
            (degree, terms), exponent = _grown(base), max(Fraction(1), abs(rational(right)))
            return degree * exponent, min(terms ** math.ceil(exponent), TERMS + 1)
        case ast.BinOp(left=left, op=op, right=right):
            (a, m), (b, n) = _grown(left), _grown(right)
            return max(a, b), min(m + n if isinstance(op, ast.Add | ast.Sub) else m * n, TERMS + 1)
        case ast.UnaryOp(operand=inside) | ast.Call(args=[inside]):
            return _grown(inside)
    return Fraction(1), 1


def raised(base: Fraction, exponent: int) -> Fraction:
    """A power of a number; Refused, before it is computed, where it is a longer number than any honest document has."""
    if max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent) > BITS:
        raise Refused(f"got a number to the power {exponent}; expected one of at most {BITS} bits")
    return base**exponent


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
        case ast.Constant(value=int() as number) if not isinstance(number, bool) and number < LARGEST:
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
