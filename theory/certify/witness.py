"""Numbers at which all premises of a claim hold, so that it is not true for want of cases: searched, then shown in Coq.

The search is not trusted. What is shown is ~ (forall ..., premises -> False), with the premises as Coq printed them.
"""

from __future__ import annotations

import ast
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from bnverify.theory.certify.document import Condition, Document, Pair
from bnverify.theory.certify.expressions import Refused, names, parse, raised, rational
from bnverify.theory.proof.recheck.reading import rational as exact

_TRIALS, _PATIENCE = 4000, 200  # and after how many of them the document's own example is tried
_ENTRIES = (Fraction(1), Fraction(-1), Fraction(0), Fraction(2), Fraction(1, 2))
_NUMBERS = (Fraction(1), Fraction(2), Fraction(3), Fraction(1, 2), Fraction(3, 4), Fraction(0), Fraction(-1))
_HOLDS = {
    "==": lambda a, b: a == b, "<=": lambda a, b: a <= b, "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b, ">": lambda a, b: a > b,
}  # fmt: skip
_SIGN = {
    "positive": lambda x: x > 0, "nonnegative": lambda x: x >= 0, "between 0 and 1": lambda x: 0 <= x <= 1,
    "positive integer": lambda x: x >= 1, "real": lambda x: True,
}  # fmt: skip

Entries = tuple[Fraction, ...]


class _Missing(Exception):
    """A value needs a number that is not chosen yet."""


class _Impossible(Exception):
    """The numbers chosen do not do: a division by zero, a root that is not rational, a premise that fails."""


@dataclass
class Example:
    """Numbers, vectors and matrices for the names of a document; one channel."""

    doc: Document
    m: int
    numbers: dict[str, Fraction] = field(default_factory=dict)
    vectors: dict[str, Entries] = field(default_factory=dict)
    matrices: dict[str, tuple[Entries, ...]] = field(default_factory=dict)
    roots: set[Fraction] = field(default_factory=set)

    def size(self, atom: str) -> int:
        base = atom.split()[-1]
        return self.m if base == "1" or self.doc.spaces[base] == "m" else 2

    def vector(self, atom: str) -> Entries:
        *operators, base = atom.split()
        if base != "1" and base not in self.vectors:
            raise _Missing
        entries = (Fraction(1),) * self.m if base == "1" else self.vectors[base]
        for operator in reversed(operators):
            entries = tuple(_dot(row, entries) for row in self.matrices[operator])
        return entries

    def side(self, side: str | Pair) -> Fraction:
        return self.value(side) if isinstance(side, str) else _dot(*map(self.vector, side))

    def value(self, text: str) -> Fraction:
        return self._value(parse(text))

    def _value(self, node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(value=int() as number):
                return Fraction(number)
            case ast.Name(id=name):
                return self.named(name)
            case ast.UnaryOp(operand=operand):
                return -self._value(operand)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(self._value(left), rational(right))
            case ast.Call(args=[argument]):
                return self._power(self._value(argument), Fraction(1, 2))
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self._value(left), self._value(right)
                if isinstance(op, ast.Div) and b == 0:
                    raise _Impossible
                match op:
                    case ast.Add():
                        return a + b
                    case ast.Sub():
                        return a - b
                    case ast.Mult():
                        return a * b
                return a / b
        raise _Impossible

    def _power(self, base: Fraction, exponent: Fraction) -> Fraction:
        for _ in range(exponent.denominator.bit_length() - 1):
            root = Fraction(math.isqrt(max(base.numerator, 0)), math.isqrt(base.denominator))
            if root <= 0 or root**2 != base:
                raise _Impossible
            self.roots.add(root)
            base = root
        if base == 0 and exponent < 0:
            raise _Impossible
        return raised(base, exponent.numerator)

    def named(self, name: str) -> Fraction:
        doc = self.doc
        if name == "m":
            return Fraction(self.m)
        if name in doc.sums:
            return self.value(doc.sums[name])
        if name in doc.products and name not in doc.free:
            a, b = map(self.vector, doc.products[name])
            return _dot(a, b)
        if name not in self.numbers:
            raise _Missing
        return self.numbers[name]

    def combination(self, vector: dict[str, str], size: int) -> Entries:
        parts = [(self.value(text), self.vector(atom)) for atom, text in vector.items()]
        return tuple(sum((c * entries[i] for c, entries in parts), Fraction(0)) for i in range(size))


def _dot(u: Entries, v: Entries) -> Fraction:
    return sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))


def search(doc: Document) -> Example | None:
    """The first numbers found at which every premise of the document holds."""
    chance = random.Random(doc.key)
    for trial in range(_TRIALS):
        if trial == _PATIENCE and (own := _own(doc)) is not None:
            return own
        try:
            return _tried(doc, chance, trial)
        except (_Impossible, _Missing, Refused):
            continue
    return None


def _own(doc: Document) -> Example | None:
    """The document's own example, which has larger numbers, if every premise holds there."""
    if doc.stated is None:
        return None
    try:
        numbers = {name: exact(text) for name, text in doc.stated["symbols"].items()}
        vectors = {name: tuple(map(exact, row)) for name, row in doc.stated["vectors"].items()}
        operators = doc.stated["operators"].items()
        matrices = {name: tuple(tuple(map(exact, row)) for row in rows) for name, rows in operators}
        example = Example(doc, int(numbers.pop("m")), numbers, vectors, matrices)
        for name in doc.free:
            example.numbers[name] = _dot(*map(example.vector, doc.products[name]))
        return _met(example)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError, _Missing, _Impossible):
        return None


def _tried(doc: Document, chance: random.Random, trial: int) -> Example:
    example = Example(doc, int(doc.size) if doc.size else (2, 4, 2, 3)[trial % 4])
    bases = [name for name in doc.spaces if name not in doc.operators]
    for name in doc.operators:
        if name in doc.spaces:
            example.matrices[name] = _symmetric(example.size(name), chance, doc.operators[name])
    for name in bases:
        if name not in doc.definitions or not _written_out(doc, name):
            example.vectors[name] = _entries(doc, name, example.size(name), chance)
    unknown = [n for n in (*doc.signs, *doc.functions, *doc.free) if n != "m" and n in doc.used]
    equations = list(_equations(doc))
    while True:
        progress = False
        for atom, vector in doc.definitions.items():
            if " " not in atom and atom not in example.vectors:
                try:
                    example.vectors[atom] = example.combination(dict(vector), example.size(atom))
                    progress = True
                except _Missing:
                    pass
        progress |= any(_solved(example, equation, unknown) for equation in equations)
        missing = [name for name in unknown if name not in example.numbers]
        if not progress and not missing:
            break
        if not progress:
            free = [name for name in missing if name not in doc.scalars] or missing
            name = free[0] if trial < _TRIALS // 2 else chance.choice(free)  # in another order others can be solved for
            example.numbers[name] = chance.choice([x for x in _NUMBERS if _SIGN[doc.signs.get(name, "real")](x)])
    return _met(example)


def _met(example: Example) -> Example:
    """The example, if every premise holds there."""
    equal = all(example.side(left) == example.value(right) for left, right in _equations(example.doc))
    if not equal or not all(_holds(example, condition) for condition in _conditions(example.doc)):
        raise _Impossible
    return example


def _written_out(doc: Document, atom: str) -> bool:
    """Whether the definition of an atom does not speak of itself."""
    inside = _reached(doc, *doc.definitions[atom].values()) & set(doc.products)
    return all(atom not in each.split() for name in inside for each in doc.products[name])


def _symmetric(size: int, chance: random.Random, kind: str) -> tuple[Entries, ...]:
    if kind == "positive semidefinite" or chance.random() < 0.5:
        return tuple(tuple(Fraction(int(i == k)) for k in range(size)) for i in range(size))
    entries = {(i, k): chance.choice(_ENTRIES) for i in range(size) for k in range(i + 1)}
    return tuple(tuple(entries[max(i, k), min(i, k)] for k in range(size)) for i in range(size))


def _entries(doc: Document, name: str, size: int, chance: random.Random) -> Entries:
    unit = (name, name) in doc.facts
    entries = [chance.choice(_ENTRIES[:2] if unit and chance.random() < 0.8 else _ENTRIES) for _ in range(size)]
    if name in doc.nonnegative:
        return tuple(map(abs, entries))
    if doc.facts.get(("1", name)) == "0":
        mean = sum(entries, Fraction(0)) / size
        entries = [e - mean for e in entries]
    return tuple(entries)


def _equations(doc: Document) -> Iterator[tuple[str | Pair, str]]:
    """Premises that are equations between scalars."""
    for hypothesis in doc.hypotheses:
        yield from ((c.left, c.right) for c in hypothesis.conditions if c.relation == "==" and isinstance(c.right, str))
    yield from doc.facts.items()
    yield from doc.relations.items()
    yield from doc.scalars.items()


def _solved(example: Example, equation: tuple[str | Pair, str], unknown: list[str]) -> bool:
    """Whether the equation gave one more number: the only one in it that is not known, and linear in it."""
    left, right = equation
    texts = [side for side in equation if isinstance(side, str)]
    inside = {name for name in _reached(example.doc, *texts) if name in unknown and name not in example.numbers}
    if len(inside) != 1:
        return False
    (name,) = inside
    known = dict(example.numbers)
    at = []
    for trial in (Fraction(1), Fraction(2), Fraction(3)):
        example.numbers = known | {name: trial}
        try:
            at.append(example.side(left) - example.value(right))
        except (_Missing, _Impossible):
            example.numbers = known
            return False
    slope = at[1] - at[0]
    example.numbers = known
    if slope == 0 or at[2] - at[1] != slope:
        return False
    example.numbers = known | {name: 1 - at[0] / slope}
    return True


def _reached(doc: Document, *texts: str) -> set[str]:
    todo, found = list(texts), set()
    while todo:
        for name in names(parse(todo.pop())):
            if name not in found:
                found.add(name)
                todo += [doc.sums[name]] if name in doc.sums else []
    return found


def _conditions(doc: Document) -> Iterator[Condition]:
    for hypothesis in doc.hypotheses:
        yield from hypothesis.conditions
    yield from (Condition(atom, "==", vector) for atom, vector in doc.definitions.items())
    yield from (Condition(text, ">", "0") for text in doc.radicands)
    for name, sign in doc.signs.items():
        if name in doc.used and name != "m":
            yield Condition(name, "sign", sign)
    yield from (Condition(text, "!=", "0") for text in doc.divisors)


def _holds(example: Example, condition: Condition) -> bool:
    left, right = condition.left, condition.right
    if not isinstance(right, str):
        return example.vector(left) == example.combination(dict(right), example.size(left))
    if condition.relation == "sign":
        return _SIGN[right](example.named(left))
    if condition.relation == "!=":
        return example.value(left) != 0
    return _HOLDS[condition.relation](example.value(left), example.value(right))
