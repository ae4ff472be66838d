r"""A counterexample as mathematics: what its ``str`` says, "y = (0, 1), gamma = 1", typeset.

Vectors are rows of numbers; a value that is a list of rows is a matrix. Zero matrices and multiples of the identity
are written as such, and rational entries share one denominator. Words stay words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from math import lcm
from typing import Any

import sympy as sp

from bnverify.reports.document.prose import prose

Matrix = list[list[Fraction]]
_NUMBER = re.compile(r"-?\d+(?:/\d+)?")
_ROW = re.compile(r"\([^()]*\)")


def assignments(example: Any) -> list[tuple[str, str]]:
    """Name and value of everything an example names, in its order; what has no value is kept with an empty name."""
    parts = [""]
    depth = 0
    for character in str(example):
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    out: list[tuple[str, str]] = []
    for part in (part.strip() for part in parts):
        name, equals, value = part.partition(" = ")
        if equals:
            value, note = _without_note(value)
            out.append((name, value))
            out += [("", note)] if note else []
        elif out and _ROW.fullmatch(part) and out[-1][0]:  # a further row of the matrix before it
            out[-1] = (out[-1][0], f"{out[-1][1]}, {part}")
        else:
            out.append(("", part))
    return out


def _without_note(value: str) -> tuple[str, str]:
    """A value and the words in brackets behind it, such as the name of a normalizer."""
    noted = re.fullmatch(r"(.*\S) \(([a-z][^()]*)\)", value)
    return (noted[1], noted[2]) if noted else (value, "")


def marked(example: Any, *, matrices: bool = True) -> str:
    """The example as marked-up text; ``matrices`` as arrays of LaTeX, otherwise as rows in brackets."""
    draw = _array if matrices else _rows
    shown = [f", {_assignment(name, value, draw)}" if name else f" ({prose(value)})"
             for name, value in assignments(example)]  # fmt: skip
    return "".join(shown).removeprefix(", ").strip()


def _assignment(name: str, value: str, draw: Callable[[Matrix], str]) -> str:
    symbol = prose(f"{name} = 0").split("=")[0].strip(" $")
    rows = [[entry for entry in row[1:-1].split(",") if entry.strip()] for row in _ROW.findall(value)]
    if not rows and _NUMBER.fullmatch(value):
        return f"${symbol} = {number(Fraction(value))}$"
    if not rows or not all(_NUMBER.fullmatch(entry.strip()) for row in rows for entry in row):
        return prose(f"{name} = {value}")
    matrix = [[Fraction(entry.strip()) for entry in row] for row in rows]
    if len(matrix) > 1 or value.startswith("["):
        return f"${symbol} = {_special(matrix) or draw(matrix)}$"
    transposed = r"^{\top}" if value.endswith("'") else ""
    return f"${symbol} = {_row(matrix[0])}{transposed}$"


def number(value: Any) -> str:
    """An exact number in LaTeX, fractions small."""
    return re.sub(r"^- ", "-", sp.latex(sp.sympify(value)).replace(r"\frac", r"\tfrac"))


def _row(entries: list[Fraction]) -> str:
    separator = r",\, "
    return f"({separator.join(map(number, entries))})"


def _special(matrix: Matrix) -> str:
    """A zero matrix, or a multiple of the identity, by its name; empty for any other."""
    if not any(any(row) for row in matrix):
        return "0"
    factor, size = matrix[0][0], len(matrix)
    if size == 1 or matrix != [[factor * (i == k) for k in range(size)] for i in range(size)]:
        return ""
    return {Fraction(1): "I", Fraction(-1): "-I"}.get(factor, rf"{number(factor)}\, I")


def _scaled(matrix: Matrix) -> tuple[str, Matrix]:
    """The common denominator as a factor in front, and what it leaves."""
    common = lcm(*(entry.denominator for row in matrix for entry in row))
    factor = "" if common == 1 else rf"\tfrac{{1}}{{{common}}}"
    return factor, [[entry * common for entry in row] for row in matrix]


def _array(matrix: Matrix) -> str:
    factor, whole = _scaled(matrix)
    body = r" \\ ".join(" & ".join(map(str, row)) for row in whole)
    return rf"{factor}\begin{{pmatrix}} {body} \end{{pmatrix}}"


def _rows(matrix: Matrix) -> str:
    factor, whole = _scaled(matrix)
    separator = r",\; "
    return rf"{factor}\,[{separator.join(map(_row, whole))}]"
