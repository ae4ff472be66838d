r"""The language a printed formula is written in: scalars, vectors of R^m, and what normalisation needs.

``parse`` turns text into a `Node` and refuses what it does not know; nothing is ever executed. Functions that can be
written with others are written out at once (``var(y)`` becomes inner products), so that only a few operations exist
for `theory.audit.evaluation` (numbers) and `theory.audit.symbolic` (proofs for every m).
"""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from bnverify.errors import InputError

LONGEST, DEEPEST, LARGEST_EXPONENT = 2000, 60, 40
RELATIONS = ("==", "<=", ">=", "<", ">", "!=")
FUNCTIONS = {
    "dot": "dot(u, v): the inner product, also written u @ v",
    "sum": "sum(u): the sum of the entries",
    "mean": "mean(u): their mean",
    "var": "var(u): their biased variance",
    "norm": "norm(u): the Euclidean norm",
    "center": "center(u): u minus its mean",
    "bn": "bn(u), bn(u, eps): (u - mean)/sqrt(var + eps), eps = 0 if left out",
    "rms": "rms(u), rms(u, eps): u/sqrt(mean square + eps)",
    "grad": "grad(f, y): the gradient of the scalar f with respect to the vector y",
    "sqrt": "sqrt(a)", "abs": "abs(a)", "exp": "exp(a)", "log": "log(a)",
    "min": "min(a, b)", "max": "max(a, b)",
}  # fmt: skip
RESERVED = {*FUNCTIONS, "one", "m", "tanh"}
_CHARACTERS = {"≤": "<=", "≥": ">=", "≠": "!=", "−": "-", "·": "*", "^": "**", "×": "*"}


@dataclass(frozen=True)
class Node:
    """An operation on arguments; ``vector`` tells whether its value is one; ``value`` is a number or a name."""

    op: str
    args: tuple[Node, ...] = ()
    value: Fraction | str | None = None
    vector: bool = False

    def names(self) -> frozenset[str]:
        """The names of the symbols and vectors it is built from."""
        own = frozenset({str(self.value)}) if self.op in ("symbol", "vector") else frozenset()
        return own.union(*(argument.names() for argument in self.args))

    def sized(self) -> bool:
        """Whether the number of entries is in it, by its name or by a mean."""
        return self.op == "size" or any(argument.sized() for argument in self.args)


@dataclass(frozen=True)
class Relation:
    """``left op right``, both scalars or both vectors; ``text`` is what was written."""

    op: str
    left: Node
    right: Node
    text: str

    @property
    def vector(self) -> bool:
        return self.left.vector

    def names(self) -> frozenset[str]:
        return self.left.names() | self.right.names()

    def sized(self) -> bool:
        """Whether the number of entries is in it."""
        return self.left.sized() or self.right.sized()


def number(value: int | Fraction) -> Node:
    """A number as a node."""
    return Node("number", value=Fraction(value))


ONE_VECTOR = Node("one", vector=True)
SIZE = Node("size")


def add(left: Node, right: Node) -> Node:
    """The sum of two numbers or of two vectors."""
    return Node("add", (left, right), vector=left.vector)


def scaled(factor: Node, vector: Node) -> Node:
    """A number times a vector."""
    return Node("scale", (factor, vector), vector=True)


def dot(left: Node, right: Node) -> Node:
    """The inner product."""
    return Node("dot", (left, right))


def divided(left: Node, right: Node) -> Node:
    """A number over a number."""
    return Node("divide", (left, right))


def power(base: Node, exponent: Fraction) -> Node:
    """A number to a whole or half power."""
    return Node("power", (base,), value=exponent)


def mean(vector: Node) -> Node:
    """The mean of the entries."""
    return divided(dot(ONE_VECTOR, vector), SIZE)


def negative(node: Node) -> Node:
    """Minus a number or a vector."""
    return scaled(number(-1), node) if node.vector else Node("multiply", (number(-1), node))


def centred(vector: Node) -> Node:
    """The vector minus its mean."""
    return add(vector, negative(scaled(mean(vector), ONE_VECTOR)))


def variance(vector: Node) -> Node:
    """The biased variance of the entries."""
    return divided(dot(centred(vector), centred(vector)), SIZE)


def over(vector: Node, scalar: Node) -> Node:
    """A vector over a number."""
    return scaled(divided(number(1), scalar), vector)


def readable(text: str, what: str) -> str:
    """The text with the usual signs of mathematics spelled as operators; InputError for what cannot be read."""
    if not isinstance(text, str):
        raise InputError(got=f"{what}: {text!r}", expected="text in quotation marks", advice=f'write {what} = "..."')
    if len(text) > LONGEST:
        raise InputError(got=f"{what} of {len(text)} characters", expected=f"at most {LONGEST}",
                         advice="name parts of it under [define]")  # fmt: skip
    odd = next((c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co")), None)
    if odd is not None:
        raise InputError(got=f"{what} with the invisible character U+{ord(odd):04X}",
                         expected="letters, digits, operators and spaces on one line", advice="remove it")  # fmt: skip
    for sign, plain in _CHARACTERS.items():
        text = text.replace(sign, plain)
    return text.strip()


def parse_relation(text: str, scope: Mapping[str, Node], what: str) -> Relation:
    """One relation, ``left <= right`` and the like; a single ``=`` means equality."""
    plain = readable(text, what)
    tree = _tree(_equality_signs(plain), plain, what)
    if not isinstance(tree, ast.Compare) or len(tree.ops) != 1:
        raise InputError(got=f"{what}: {text!r}", expected="one relation: left = right, or with <=, >=, <, >",
                         advice="write two relations as two entries of a list")  # fmt: skip
    reader = _Reader(scope, what, _equality_signs(plain))
    left, right = reader.read(tree.left), reader.read(tree.comparators[0])
    op = _COMPARISONS.get(type(tree.ops[0]))
    if op is None:
        raise InputError(got=f"{what}: {text!r}", expected=f"a relation with one of = {' '.join(RELATIONS[1:])}",
                         advice="write the relation with one of these signs")  # fmt: skip
    if left.vector != right.vector:
        left, right = (side if side.vector or not _zero(side) else scaled(number(0), ONE_VECTOR)
                       for side in (left, right))  # fmt: skip
    if left.vector != right.vector:
        raise InputError(got=f"{what}: {text!r}, a vector and a scalar", expected="two scalars or two vectors",
                         advice="write `c*one` for the vector with all entries c")  # fmt: skip
    if left.vector and op not in ("==", "!="):
        raise InputError(got=f"{what}: {text!r}", expected="= between vectors", advice="compare norms or entries")
    return Relation(op, left, right, plain)


def parse(text: str, scope: Mapping[str, Node], what: str) -> Node:
    """An expression."""
    plain = readable(text, what)
    return _Reader(scope, what, plain).read(_tree(plain, plain, what))


def _zero(node: Node) -> bool:
    return node.op == "number" and node.value == 0


def _equality_signs(text: str) -> str:
    """A lonely = as ==."""
    out = []
    for i, character in enumerate(text):
        around = text[i - 1 : i] + text[i + 1 : i + 2]
        out.append("==" if character == "=" and not set(around) & set("=<>!") else character)
    return "".join(out)


def _tree(text: str, shown: str, what: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f" near column {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
        raise InputError(got=f"{what}: {shown[:80]!r}, which cannot be read{place}", expected="a formula like "
                         "dot(g, y)**2 <= dot(g, g)*dot(y, y)", advice="close brackets, write products with *",
                         ) from None  # fmt: skip


_COMPARISONS = {
    ast.Eq: "==", ast.LtE: "<=", ast.GtE: ">=", ast.Lt: "<", ast.Gt: ">", ast.NotEq: "!=",
}  # fmt: skip


class _Reader:
    """From Python's syntax tree to nodes, with the kinds checked."""

    def __init__(self, scope: Mapping[str, Node], what: str, text: str):
        self.scope, self.what, self.text, self.depth = scope, what, text, 0

    def refuse(self, got: str, expected: str, advice: str) -> InputError:
        return InputError(got=f"{self.what}: {got}", expected=expected, advice=advice)

    def read(self, tree: ast.expr) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.refuse("brackets nested too deep", f"at most {DEEPEST} levels", "name parts under [define]")
        try:
            return self._read(tree)
        finally:
            self.depth -= 1

    def _read(self, tree: ast.expr) -> Node:
        if isinstance(tree, ast.Constant):
            return self._number(tree)
        if isinstance(tree, ast.Name):
            return self._name(unicodedata.normalize("NFKC", tree.id))
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, (ast.USub, ast.UAdd)):
            argument = self.read(tree.operand)
            return argument if isinstance(tree.op, ast.UAdd) else negative(argument)
        if isinstance(tree, ast.BinOp):
            return self._binary(tree)
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.keywords:
            return self._call(tree.func.id, tree.args)
        if isinstance(tree, ast.Subscript):
            return self._entry(tree)
        raise self.refuse(f"{ast.unparse(tree)!r}", "numbers, names, + - * / **, @ and the functions "
                          + ", ".join(FUNCTIONS), "write it with these")  # fmt: skip

    def _number(self, tree: ast.Constant) -> Node:
        """As it is written, every digit: Python's tree has decimals as floating point."""
        written = (ast.get_source_segment(self.text, tree) or "").replace("_", "")
        value = None
        if type(tree.value) in (int, float) and len(written.lower().partition("e")[2]) <= 4:
            value = Fraction(tree.value if type(tree.value) is int else written)
        if value is None or abs(value) > 10**30:
            raise self.refuse(f"{written[:40]!r}", "numbers up to 10**30", "write numbers such as 2, 1/3 or 0.5")
        return number(value)

    def _name(self, name: str) -> Node:
        if name == "one":
            return ONE_VECTOR
        if name in self.scope:
            return self.scope[name]
        known = ", ".join([*self.scope, "one", "m"])
        raise self.refuse(f"the name {name!r}, which is not declared", f"one of {known}",
                          f"declare {name} under [symbols] or as a vector")  # fmt: skip

    def _entry(self, tree: ast.Subscript) -> Node:
        vector, index = self.read(tree.value), tree.slice
        if not vector.vector or not isinstance(index, ast.Constant) or type(index.value) is not int or index.value < 1:
            raise self.refuse(f"{ast.unparse(tree)!r}", "an entry such as y[1], counted from 1", "write y[1]")
        return Node("entry", (vector,), value=Fraction(index.value))

    def _binary(self, tree: ast.BinOp) -> Node:
        left = self.read(tree.left)
        if isinstance(tree.op, ast.Pow):
            return self._power(left, self.read(tree.right))
        right = self.read(tree.right)
        both, shown = left.vector + right.vector, ast.unparse(tree)
        if isinstance(tree.op, (ast.Add, ast.Sub)):
            if both == 1:
                raise self.refuse(f"{shown!r}, a vector and a scalar", "two of one kind",
                                  "write `c*one` for the vector with all entries c")  # fmt: skip
            return add(left, right if isinstance(tree.op, ast.Add) else negative(right))
        if isinstance(tree.op, ast.MatMult):
            if both != 2:
                raise self.refuse(f"{shown!r}", "two vectors around @", "write products of numbers with *")
            return dot(left, right)
        if isinstance(tree.op, ast.Mult):
            if both == 2:
                return Node("entrywise", (left, right), vector=True)
            if both == 1:
                return scaled(*((right, left) if left.vector else (left, right)))
            return Node("multiply", (left, right))
        if isinstance(tree.op, ast.Div) and not right.vector:
            return over(left, right) if left.vector else divided(left, right)
        raise self.refuse(f"{shown!r}", "+ - * / ** and @ between numbers or vectors", "write it with these")

    def _power(self, base: Node, exponent: Node) -> Node:
        value = constant(exponent)
        if value is None or value.denominator > 2 or abs(value) > LARGEST_EXPONENT:
            raise self.refuse("an exponent that is not a small number", "a whole or half number up to "
                              f"{LARGEST_EXPONENT}", "write the power with a number, or with exp and log")  # fmt: skip
        if base.vector:
            if value.denominator != 1 or value < 1:
                raise self.refuse("a power of a vector", "entrywise powers 1, 2, 3, ...", "use entries y[1]")
            out = base
            for _ in range(int(value) - 1):
                out = Node("entrywise", (out, base), vector=True)
            return out
        return power(base, value)

    def _call(self, name: str, arguments: list[ast.expr]) -> Node:
        if name not in FUNCTIONS:
            raise self.refuse(f"the function {name!r}", f"one of {', '.join(FUNCTIONS)}", "write it with these")
        if name == "grad":
            return self._gradient(arguments)
        args = [self.read(argument) for argument in arguments]
        kinds = "".join("v" if a.vector else "s" for a in args)
        if kinds not in _KINDS[name]:
            raise self.refuse(f"{name} of {len(args)} argument(s) of kinds {kinds or 'none'}", FUNCTIONS[name],
                              "give vectors (v) where vectors are asked for, numbers (s) elsewhere")  # fmt: skip
        return _BUILD[name](*args)

    def _gradient(self, arguments: list[ast.expr]) -> Node:
        args = [self.read(argument) for argument in arguments]
        if len(args) != 2 or args[0].vector or args[1].op != "vector":
            raise self.refuse("grad of something else", FUNCTIONS["grad"] + ", y a declared vector",
                              "write grad(dot(g, bn(y)), y)")  # fmt: skip
        return Node("grad", tuple(args), vector=True)


def constant(node: Node) -> Fraction | None:
    """The value of a number built from numbers, None where it is not one."""
    if node.op == "number" and isinstance(node.value, Fraction):
        return node.value
    parts = [constant(argument) for argument in node.args]
    known = [part for part in parts if part is not None]
    if len(known) != len(parts) or not parts:
        return None
    if node.op == "multiply":
        return known[0] * known[1]
    if node.op == "add":
        return known[0] + known[1]
    if node.op == "divide" and known[1]:
        return known[0] / known[1]
    return None


def _rms(vector: Node, epsilon: Node | None = None) -> Node:
    return over(vector, power(add(divided(dot(vector, vector), SIZE), epsilon or number(0)), Fraction(1, 2)))


def _bn(vector: Node, epsilon: Node | None = None) -> Node:
    return over(centred(vector), power(add(variance(vector), epsilon or number(0)), Fraction(1, 2)))


_KINDS = {
    "dot": ("vv",), "sum": ("v",), "mean": ("v",), "var": ("v",), "norm": ("v",), "center": ("v",), "bn": ("v", "vs"),
    "rms": ("v", "vs"), "sqrt": ("s",), "abs": ("s",), "exp": ("s",), "log": ("s",), "min": ("ss",), "max": ("ss",),
}  # fmt: skip
_BUILD: dict[str, Callable[..., Node]] = {
    "dot": dot, "sum": lambda u: dot(ONE_VECTOR, u), "mean": mean, "var": variance,
    "norm": lambda u: power(dot(u, u), Fraction(1, 2)), "center": centred, "bn": _bn, "rms": _rms,
    "sqrt": lambda a: power(a, Fraction(1, 2)),
    **{name: (lambda *args, name=name: Node(name, args)) for name in ("abs", "exp", "log", "min", "max")},
}  # fmt: skip
