"""The example of a document: exact numbers that satisfy everything it assumes, looked at one by one."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from fractions import Fraction
from math import isqrt
from typing import Any

from .reading import Refused, atom, pair, rational, tree

_LARGEST, _LONGEST, _DIMENSION = 10**40, 100_000, 16


def satisfied(document: Mapping[str, Any]) -> None:
    """Refused unless the example fulfils the definition, every hypothesis, every entry, and the statement."""
    example = document["example"]
    if not isinstance(example, Mapping) or not example.get("channels"):
        raise Refused("there is no example: nothing shows that what is assumed can hold")
    if len(example["channels"]) > 4 or len(str(example)) > _LONGEST:
        raise Refused(f"expected an example of at most 4 channels and {_LONGEST} characters")
    of_size = any("m" in (h["condition"]["left"], h["condition"]["right"]) for h in document["hypotheses"]
                  if h["condition"] is not None)  # fmt: skip
    sizes = [rational(channel["symbols"]["m"]) for channel in example["channels"]]
    if document["normalizer"] is not None and not of_size and min(sizes) <= 2:
        raise Refused("expected an example of more than two values: with fewer, what is assumed may hold for nothing")
    points = [Point(document, channel, example) for channel in example["channels"]]
    for point in points:
        point.others = points
    for n in document["same_for_all_channels"] if document["sums_over_channels"] else ():
        if len({point.value(n) for point in points}) > 1:
            raise Refused(f"{n} is not the same for all channels of the example")
    for point in points:
        point.check()


class Point:
    """One channel of the example: a number for every symbol, entries for every vector, a matrix for every operator."""

    def __init__(self, document: Mapping[str, Any], channel: Mapping[str, Any], example: Mapping[str, Any]):
        self.document, self.others = document, [self]
        layer = example.get("layer", {})
        merged = {
            part: {**layer.get(part, {}), **channel.get(part, {})} for part in ("symbols", "vectors", "operators")
        }
        self.numbers = {n: rational(x) for n, x in merged["symbols"].items()}
        self.vectors = {n: [rational(x) for x in entries] for n, entries in merged["vectors"].items()}
        self.matrices = {n: [[rational(x) for x in row] for row in rows] for n, rows in merged["operators"].items()}
        size = self.numbers["m"]
        parts: dict[str, Any] = {"symbols": self.numbers, "vectors": self.vectors, "operators": self.matrices}
        missing = [n for part, of in parts.items() for n in document[part] if n not in of]
        if missing:
            raise Refused(f"the example says nothing of {', '.join(missing)}")
        if size.denominator != 1 or not 1 <= size <= _DIMENSION:
            raise Refused(f"expected an example of at most {_DIMENSION} values")
        self.vectors["1"] = [Fraction(1)] * int(size)
        if any(len(u) > 4 * _DIMENSION for u in self.vectors.values()):
            raise Refused("expected shorter vectors in the example")
        for n, rows in self.matrices.items():
            if len(rows) > _DIMENSION or any(len(row) != len(rows) for row in rows):
                raise Refused(f"the operator {n} of the example is not square, or too large")
            if any(rows[i][j] != rows[j][i] for i in range(len(rows)) for j in range(len(rows))):
                raise Refused(f"the operator {n} of the example is not symmetric")

    def check(self) -> None:
        d = self.document
        for n, sign in d["symbols"].items():
            x = self.numbers[n]
            good = {"real": True, "nonnegative": x >= 0, "positive": x > 0, "between 0 and 1": 0 <= x <= 1,
                    "positive integer": x > 0 and x.denominator == 1}[sign]  # fmt: skip
            if not good:
                raise Refused(f"{n} is {x} in the example")
        for n, v in d["vectors"].items():
            if v["space"] == "m" and len(self.vectors[n]) != self.numbers["m"]:
                raise Refused(f"{n} of the example is no vector of R^m")
            if v["entries"] == "nonnegative" and min(self.vectors[n]) < 0:
                raise Refused(f"{n} of the example has a negative entry")
        for n, operator in d["operators"].items():
            if operator["is"] == "positive semidefinite" and not semidefinite(self.matrices[n]):
                raise Refused(f"{n} of the example is not positive semidefinite")
        if d["normalizer"] is not None:
            self.definition(d["normalizer"])
        for h in d["hypotheses"]:
            for e in h["equations"]:
                self.equal(e["left"], e["right"], f"the hypothesis {h['name']}")
            c = h["condition"]
            if c is not None and not compare(self.value(c["left"]), c["relation"], self.value(c["right"])):
                raise Refused(f"the example does not satisfy the hypothesis {h['name']}")
        for table in ("facts", "definitions", "scalars", "relations"):
            for entry, value in d[table].items():
                self.equal(entry, value, entry)
        if any(self.value(entry["value"]) == 0 for entry in d["nonzero"]):
            raise Refused("what is divided by is 0 in the example")
        s = d["statement"]
        if not compare(self.value(s["left"]), s["relation"], self.value(s["right"])):
            raise Refused("the statement is false at the example")

    def definition(self, n: Mapping[str, Any]) -> None:
        """P, s yhat = P y, mu, the scale, rho, and z."""
        y, s, yhat = self.vectors["y"], self.numbers["s"], self.vectors[n["values"]]
        size = len(y)
        unit = [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]
        if n["projector"] is not None:
            projector = self.matrices[n["projector"]]
        else:
            projector = [[e - Fraction(int(n["centred"]), size) for e in row] for row in unit]
        columns = [[inner(row, column) for row in projector] for column in projector]
        if columns != projector or self.matrices.get(n["projector"] or "P", projector) != projector:
            raise Refused("the example does not satisfy the definition of the projector")
        if [s * e for e in yhat] != [inner(row, y) for row in projector]:
            raise Refused("the example does not satisfy the definition of the values")
        if n["centred"] and self.numbers["mu"] != sum(y, Fraction(0)) / size:
            raise Refused("the example does not satisfy the definition of the mean")
        if n["scale"] is not None and self.value(n["scale"]) != s:
            raise Refused("the example does not satisfy the definition of the scale")
        if n["scale"] is not None and "rho" in self.numbers and self.value(n["rho"]) != self.numbers["rho"]:
            raise Refused("the example does not satisfy the definition of rho")
        gain, shift = self.value(n["gain"]), self.value(n["shift"])
        if "z" in self.vectors and self.vectors["z"] != [gain * e + shift for e in yhat]:
            raise Refused("the example does not satisfy the definition of z")

    def equal(self, left: str, right: Any, what: str) -> None:
        if isinstance(right, Mapping):
            combined = [sum((self.value(c) * self.entries(word)[i] for word, c in right.items()), Fraction(0))
                        for i in range(len(self.entries(left)))]  # fmt: skip
            good = combined == self.entries(left)
        else:
            good = (self.dot(*pair(left)) if left.startswith("<") else self.value(left)) == self.value(right)
        if not good:
            raise Refused(f"the example does not satisfy {what}")

    def entries(self, word: str) -> list[Fraction]:
        *operators, plain = atom(word)
        u = self.vectors[plain]
        for operator in reversed(operators):
            matrix = self.matrices[operator]
            u = [inner(row, u) for row in matrix]
        return u

    def dot(self, a: str, b: str) -> Fraction:
        return inner(self.entries(a), self.entries(b))

    def value(self, text: str) -> Fraction:
        return self.evaluate(tree(text))

    def evaluate(self, node: ast.expr) -> Fraction:
        d = self.document
        match node:
            case ast.Constant(value=int() as number):
                return Fraction(number)
            case ast.Name(id=n) if n in d["symbols"]:
                return self.numbers[n]
            case ast.Name(id=n) if n in d["inner_products"]:
                return self.dot(*pair(d["inner_products"][n]))
            case ast.Name(id=n) if n in d["sums_over_channels"]:
                return sum((point.value(d["sums_over_channels"][n]) for point in self.others), Fraction(0))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.evaluate(operand)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.evaluate(left) + self.evaluate(right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return self.evaluate(left) - self.evaluate(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return self.evaluate(left) * self.evaluate(right)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self.evaluate(left) / self.evaluate(right)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return power(self.evaluate(left), self.evaluate(right))
            case ast.Call(args=[argument]):
                return root(self.evaluate(argument))
        raise Refused("the example cannot be evaluated")


def inner(u: list[Fraction], w: list[Fraction]) -> Fraction:
    """The inner product."""
    return sum((p * q for p, q in zip(u, w, strict=True)), Fraction(0))


def semidefinite(matrix: list[list[Fraction]]) -> bool:
    """Whether a symmetric matrix is positive semidefinite, by elimination."""
    rows = [list(row) for row in matrix]
    for i in range(len(rows)):
        pivot = rows[i][i]
        if pivot < 0 or (pivot == 0 and any(rows[i])):
            return False
        for j in range(i + 1, len(rows)) if pivot else ():
            factor = rows[j][i] / pivot
            rows[j] = [p - factor * q for p, q in zip(rows[j], rows[i], strict=True)]
        if pivot:
            rows[i] = [Fraction(0)] * len(rows)
    return True


def power(base: Fraction, exponent: Fraction) -> Fraction:
    """A power in exact arithmetic."""
    if abs(exponent) > 12 or max(abs(base.numerator), base.denominator) > _LARGEST:
        raise Refused("expected smaller numbers in the example")
    if exponent.denominator in (2, 4):
        base, exponent = root(base), exponent * 2
        return power(base, exponent)
    return base ** int(exponent) if exponent.denominator == 1 else root(Fraction(-1))


def root(x: Fraction) -> Fraction:
    """The square root of the square of a rational."""
    if x >= 0:
        found = Fraction(isqrt(x.numerator), isqrt(x.denominator))
        if found * found == x:
            return found
    raise Refused("expected an example in which every root is rational")


def compare(left: Fraction, relation: str, right: Fraction) -> bool:
    """Whether a relation holds between exact numbers."""
    return {"==": left == right, "<=": left <= right, "<": left < right, ">=": left >= right, ">": left > right}[
        relation
    ]
