"""A formula in the language of the audit, written in Coq: what has to be believed is this translation.

Functions are written out in the language itself (`theory.audit.language`): bn(y) is (y - mean)/sqrt(var). A gradient is
any vector that is one in the sense of the library. What is divided by, and what roots are taken of, becomes a premise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.language import Node, Relation
from bnverify.theory.certify.expressions import Refused

RELATIONS = {"==": "=", "<=": "<=", "<": "<", ">=": ">=", ">": ">", "!=": "<>"}
_DECLARED = {"positive": "0 < {}", "nonnegative": "0 <= {}", "negative": "{} < 0", "nonzero": "{} <> 0"}


def names_in_coq(formula: Formula) -> dict[str, str]:
    """The names of a formula as variables of Coq; Refused for one that is not ASCII."""
    for name in formula.names:
        if not name.isascii():
            raise Refused(f"got the name {name!r}; expected ASCII")
    return {name: f"{name}'" for name in formula.names}


def declared(formula: Formula, names: Mapping[str, str]) -> Iterator[str]:
    """What is declared of the symbols, as premises."""
    for name, words in formula.symbols.items():
        for word in words.split():
            if word != "real":
                yield _DECLARED[word].format(names[name])


def number(value: Fraction) -> str:
    """A rational as a quotient of literals, which tactics compute with."""
    return f"({value.numerator})" if value.denominator == 1 else f"({value.numerator} / {value.denominator})"


@dataclass(frozen=True)
class Writer:
    """The translation, with ``names`` for symbols and vectors and ``m`` for the size. Collected on the way: gradients
    with their names, what has to hold for everything to be defined, and what roots are taken of."""

    names: Mapping[str, str]
    m: str
    gradients: dict[tuple[str, str], tuple[str, Node]] = field(default_factory=dict)
    defined: dict[str, None] = field(default_factory=dict)
    radicands: dict[str, Node] = field(default_factory=dict)
    memo: dict[int, str] = field(default_factory=dict)

    def relation(self, relation: Relation) -> str:
        """left op right; between vectors, in their first m entries."""
        if relation.vector:
            if relation.op != "==":
                raise Refused(f"got {relation.text}; expected = between vectors")
            return f"veq {self.m} {self.vector(relation.left)} {self.vector(relation.right)}"
        return f"{self.scalar(relation.left)} {RELATIONS[relation.op]} {self.scalar(relation.right)}"

    def scalar(self, node: Node) -> str:
        """A number, fully in parentheses."""
        if id(node) not in self.memo:
            self.memo[id(node)] = self._scalar(node)
        return self.memo[id(node)]

    def vector(self, node: Node) -> str:
        """A vector, fully in parentheses."""
        if id(node) not in self.memo:
            self.memo[id(node)] = self._vector(node)
        return self.memo[id(node)]

    def _scalar(self, node: Node) -> str:
        match node.op, node.args:
            case "number", _:
                return number(Fraction(node.value or 0))
            case "size", _:
                return f"(INR {self.m})"
            case "symbol", _:
                return self.names[str(node.value)]
            case "add", (left, right):
                return f"({self.scalar(left)} + {self.scalar(right)})"
            case "multiply", (left, right):
                return f"({self.scalar(left)} * {self.scalar(right)})"
            case "divide", (left, right):
                below = self.scalar(right)
                if right.op not in ("number", "size"):
                    self.defined[f"{below} <> 0"] = None
                return f"({self.scalar(left)} / {below})"
            case "dot", (left, right):
                return f"(dot {self.m} {self.vector(left)} {self.vector(right)})"
            case "entry", (vector,):
                return f"({self.vector(vector)} {int(node.value or 1) - 1}%nat)"
            case "power", (base,):
                return self._power(base, Fraction(node.value or 0))
        raise Refused(f"got the operation {node.op}; it is not translated")

    def _vector(self, node: Node) -> str:
        match node.op, node.args:
            case "vector", _:
                return self.names[str(node.value)]
            case "one", _:
                return "one"
            case "add", (left, right):
                return f"(vadd {self.vector(left)} {self.vector(right)})"
            case "scale", (factor, vector):
                return f"(vscal {self.scalar(factor)} {self.vector(vector)})"
            case "entrywise", (left, right):
                return f"(fun i => {self.vector(left)} i * {self.vector(right)} i)"
            case "grad", _:
                key = self.function(node), str(node.args[1].value)
                return self.gradients.setdefault(key, (f"gradient{len(self.gradients)}", node))[0]
        raise Refused(f"got the operation {node.op}; it is not translated")

    def function(self, node: Node) -> str:
        """The function whose gradient is meant; its variable has a name of its own."""
        inside = Writer({**self.names, str(node.args[1].value): "x'"}, self.m)
        text = f"(fun x' => {inside.scalar(node.args[0])})"
        if inside.gradients:
            raise Refused("got a gradient of a gradient; it is not translated")
        self.radicands.update(inside.radicands)
        return text

    def _power(self, base: Node, exponent: Fraction) -> str:
        below = self.scalar(base)
        if exponent.denominator == 2:
            self.defined[f"0 < {below}"] = None
            self.radicands[below] = base
            below = f"(sqrt {below})"
        elif exponent < 0:
            self.defined[f"{below} <> 0"] = None
        power = f"({below} ^ {abs(exponent.numerator)})" if abs(exponent.numerator) != 1 else below
        return power if exponent > 0 else f"(/ {power})"
