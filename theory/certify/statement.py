"""The statement of a claim in Coq: variables, premises and goal, translated node by node from its document.

This, the reader of documents and the definitions of theory/coq are what a certificate asks to be believed, besides Coq:
everything else a generated file has in it is a proof, which the kernel checks. Vectors of a channel are functions of
the channel in a layer's claim; operators are matrices; every given is a hypothesis of the section, and closing the
section drops those the proof does not use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bnverify.theory.certify.document import Condition, Document, Pair, Vector
from bnverify.theory.certify.expressions import Refused, coq, names, parse

# fmt: off
_RESERVED = frozenset((
    "as", "at", "cofix", "else", "end", "exists", "exists2", "fix", "for", "forall", "fun", "if", "IF", "in", "let",
    "match", "mod", "return", "Prop", "Set", "SProp", "Type", "then", "using", "where", "with",
    "vec", "mat", "bsum", "dot", "one", "vzero", "vadd", "vscal", "veq", "mv", "sym", "psd", "nonneg",
    "R", "nat", "INR", "IZR", "sqrt", "pow", "lt", "le", "S", "O", "C", "j",
))
# fmt: on
_SIGNS = {
    "positive": "0 < {}",
    "nonnegative": "0 <= {}",
    "between 0 and 1": "0 <= {} <= 1",
    "positive integer": "1 <= {}",
}
_RELATIONS = {"==": "=", "<=": "<=", "<": "<", ">=": ">=", ">": ">"}
_DIMENSIONS = {"n": "n'", "m*C": "mC'", "n*C": "nC'"}


@dataclass(frozen=True)
class Premise:
    """A hypothesis of the section. ``channel`` if it is one for every channel."""

    name: str
    text: str
    channel: bool = False

    @property
    def coq(self) -> str:
        return f"forall j, (j < C)%nat -> {self.text}" if self.channel else self.text

    @property
    def term(self) -> str:
        """A proof of its text, at the channel j where it has one."""
        return f"({self.name} j in'j)" if self.channel else self.name


@dataclass(frozen=True)
class Statement:
    """How a document is written in Coq."""

    doc: Document

    # Names.

    def identifier(self, name: str) -> str:
        """A name of the document in Coq: the same, but for words that mean something else there."""
        return name + "'" if name in _RESERVED else name

    def dimension(self, atom: str) -> str:
        """The dimension of the space of an atom."""
        base = atom.split()[-1]
        if base != "1":
            space = self.doc.spaces[base]
            return _DIMENSIONS.get(space, space)
        return "m"

    def varies(self, atom: str) -> bool:
        """Whether a vector or an operator is one of a channel."""
        base = atom.split()[-1]
        return self.doc.layer and base != "1" and not self.doc.spaces[base].endswith("*C")

    def of_channel(self, name: str) -> bool:
        """Whether a scalar is one of a channel."""
        doc = self.doc
        if not doc.layer or name == "m" or name in doc.sums or name in doc.constants:
            return False
        if name in doc.products and name not in doc.free:
            return any(map(self.varies, doc.products[name]))
        return True

    def mentions_channel(self, *texts: str) -> bool:
        return any(self.of_channel(name) for text in texts for name in names(parse(text)))

    # Terms.

    def word(self, atom: str) -> str:
        """An atom: its vector, and the matrices before it applied."""
        *operators, base = atom.split()
        term = "one" if base == "1" else self._at(self.identifier(base), self.varies(base))
        for operator in reversed(operators):
            term = f"(mv {self.dimension(atom)} {self.operator(operator)} {term})"
        return term

    def operator(self, name: str) -> str:
        """A matrix."""
        return self._at(self.identifier(name), self.varies(name))

    def product(self, pair: Pair) -> str:
        if len({self.dimension(atom) for atom in pair}) > 1:
            raise Refused(f"got an inner product of {pair[0]} and {pair[1]}; expected vectors of one space")
        return f"(dot {self.dimension(pair[0])} {self.word(pair[0])} {self.word(pair[1])})"

    def name(self, name: str) -> str:
        """A scalar. A free inner product is a number."""
        doc = self.doc
        if name == "m":
            return "(INR m)"
        if name in doc.products and name not in doc.free:
            return self.product(doc.products[name])
        if name in doc.sums:
            return f"(bsum C (fun j => {self.scalar(doc.sums[name])}))"
        return self._at(self.identifier(name), self.of_channel(name))

    def scalar(self, text: str) -> str:
        return coq(parse(text), self.name)

    def combination(self, vector: Vector) -> str:
        """A linear combination of atoms."""
        terms = [f"(vscal {self.scalar(text)} {self.word(atom)})" for atom, text in vector.items()]
        if not terms:
            return "vzero"
        term = terms.pop()
        while terms:
            term = f"(vadd {terms.pop()} {term})"
        return term

    def condition(self, condition: Condition) -> str:
        left, right = condition.left, condition.right
        if isinstance(right, Mapping):
            return f"veq {self.dimension(left)} {self.word(left)} {self.combination(right)}"
        if condition.relation == "==" and left == "m" and right.isdigit():
            return f"m = {right}%nat"
        return f"{self.scalar(left)} {_RELATIONS[condition.relation]} {self.scalar(right)}"

    @staticmethod
    def _at(term: str, channel: bool) -> str:
        return f"({term} j)" if channel else term

    # The section.

    @cached_property
    def vectors(self) -> tuple[str, ...]:
        return tuple(base for base in self.doc.spaces if base not in self.doc.operators)

    @cached_property
    def matrices(self) -> tuple[str, ...]:
        return tuple(operator for operator in self.doc.operators if operator in self.doc.spaces)

    def variables(self) -> Iterator[str]:
        """The declarations of what the statement quantifies over."""
        doc = self.doc
        dimensions = {"m", *map(self.dimension, doc.spaces), *(["C"] if doc.layer else [])}
        yield f"Variables ({' '.join(sorted(dimensions))} : nat)."
        numbers = [n for n in (*doc.signs, *doc.functions, *doc.free) if n != "m" and n in doc.used]
        for kind, family in (("R", numbers), ("vec", self.vectors), ("mat", self.matrices)):
            for varies in (False, True):
                of_channel = self.of_channel if kind == "R" else self.varies
                chosen = [self.identifier(n) for n in dict.fromkeys(family) if of_channel(n) == varies]
                if chosen:
                    yield f"Variables ({' '.join(chosen)} : {'nat -> ' * varies}{kind})."

    def premises(self) -> Iterator[Premise]:
        """Everything the document takes as given."""
        doc = self.doc
        yield Premise("size'", "(1 <= m)%nat")
        for name, sign in doc.signs.items():
            if name != "m" and sign in _SIGNS and name in doc.used:
                yield Premise(f"sign'{name}", _SIGNS[sign].format(self.name(name)), self.of_channel(name))
        for name in self.matrices:
            word = "psd" if doc.operators[name] == "positive semidefinite" else "sym"
            yield Premise(f"op'{name}", f"{word} {self.dimension(name)} {self.word(name)}", self.varies(name))
        for name in sorted(doc.nonnegative & set(self.vectors)):
            yield Premise(f"entries'{name}", f"nonneg {self.dimension(name)} {self.word(name)}", self.varies(name))
        for number, (pair, value) in enumerate(doc.facts.items()):
            if all(atom.split()[-1] in (*self.vectors, "1") for atom in pair):
                yield self._equation(f"fact'{number}", self.product(pair), value, any(map(self.varies, pair)))
        for name, value in doc.scalars.items():
            yield self._equation(f"given'{name}", self.name(name), value, self.of_channel(name))
        for number, (atom, vector) in enumerate(doc.definitions.items()):
            yield Premise(f"def'{number}", self.condition(Condition(atom, "==", vector)), self.varies(atom))
        for number, (left, right) in enumerate(doc.relations.items()):
            yield self._equation(f"rel'{number}", self.scalar(left), right, self.mentions_channel(left))
        for number, hypothesis in enumerate(doc.hypotheses):
            for place, condition in enumerate(hypothesis.conditions):
                texts = (
                    condition.right.values()
                    if isinstance(condition.right, Mapping)
                    else (condition.left, condition.right)
                )
                yield Premise(f"hyp'{number}'{place}", self.condition(condition), self.mentions_channel(*texts))
        for number, text in enumerate(doc.radicands):
            yield Premise(f"root'{number}", f"0 < {self.scalar(text)}", self.mentions_channel(text))
        for number, text in enumerate(doc.divisors):
            if doc.signs.get(text) not in ("positive", "positive integer"):
                yield Premise(f"nonzero'{number}", f"{self.scalar(text)} <> 0", self.mentions_channel(text))

    def _equation(self, name: str, left: str, right: str, channel: bool) -> Premise:
        if self.mentions_channel(right) and not channel:
            raise Refused(
                f"got {right:.80} for what is the same in all channels; expected no scalar of a channel in it"
            )
        return Premise(name, f"{left} = {self.scalar(right)}", channel)

    def goal(self) -> str:
        statement = self.doc.statement
        if self.mentions_channel(statement.left, str(statement.right)):
            raise Refused("the statement of a layer speaks of a channel")
        return self.condition(statement)
