"""Inner products of a claim brought to one writing each, those of written-out vectors expanded: lemmas with proofs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product as pairs

from bnverify.theory.certify.document import Document, Pair
from bnverify.theory.certify.statement import Statement

_Word = tuple[str, tuple[str, ...], str]


def word_of(a: str, b: str) -> _Word:
    """<a, b> however it is written: symmetric, and an operator moves to the other side."""
    *outer, x = a.split()
    *inner, y = b.split()
    word = (*reversed(outer), *inner)
    return min((x, word, y), (y, word[::-1], x))


@dataclass(frozen=True)
class Lemma:
    """An equation about inner products; `term` proves it, at the channel j where it is about one."""

    name: str
    left: str
    right: str
    proof: str
    channel: bool

    @property
    def coq(self) -> str:
        if not self.channel:
            return f"Lemma {self.name} : {self.left} = {self.right}.\nProof. {self.proof} Qed."
        proof = self.proof.replace("expanded", "expanded_at j in'j")
        return (
            f"Lemma {self.name} : forall j, (j < C)%nat -> {self.left} = {self.right}.\n"
            f"Proof. intros j in'j; {proof} Qed."
        )

    @property
    def term(self) -> str:
        return f"({self.name} j in'j)" if self.channel else self.name


@dataclass(frozen=True)
class Products:
    """The inner products a document can come to speak of."""

    statement: Statement

    @property
    def doc(self) -> Document:
        return self.statement.doc

    def image(self, atom: str) -> dict[str, str]:
        """An atom with the definitions inserted, also below operators: coefficients by atom."""
        if atom in self.doc.definitions:
            return dict(self.doc.definitions[atom])
        operator, _, rest = atom.partition(" ")
        return {f"{operator} {each}": c for each, c in self.image(rest).items()} if rest else {atom: "1"}

    def defined(self, atom: str) -> bool:
        return self.image(atom) != {atom: "1"}

    @cached_property
    def named(self) -> list[Pair]:
        """Inner products with a name that is used, unless `scalars` says what they are."""
        doc = self.doc
        return [pair for name, pair in doc.products.items() if name in doc.used and name not in doc.scalars]

    @cached_property
    def facts(self) -> dict[_Word, str]:
        return {word_of(*pair): text for pair, text in self.doc.facts.items()} | {("1", (), "1"): "m"}

    @cached_property
    def all(self) -> list[Pair]:
        """Every writing that can occur, those of the document first."""
        atoms = [factor["of"] for product in self.doc.certificate for factor in product
                 if factor["because"] == "squared norm"]  # fmt: skip
        spoken = [*self.named, *self.doc.facts, *(pair for of in atoms for pair in pairs(of, of))]
        expanded = [(a, b) for x, y in spoken for a, b in pairs(self.image(x), self.image(y))]
        return list(dict.fromkeys([*spoken, *expanded, *((b, a) for a, b in [*spoken, *expanded])]))

    @cached_property
    def writing(self) -> dict[_Word, Pair]:
        """The one writing of each inner product; where an operator has to move, all are on the right."""
        chosen: dict[_Word, Pair] = {}
        for a, b in self.all:
            if " " not in a:
                chosen.setdefault(word_of(a, b), (a, b))
        for pair in self.all:
            x, operators, y = word_of(*pair)
            chosen.setdefault((x, operators, y), (x, " ".join((*operators, y))))
        return chosen

    def canonical(self, pair: Pair) -> str:
        """An inner product in its one writing; a number where the document knows it."""
        word = word_of(*pair)
        if word in self.facts:
            return self.statement.scalar(self.facts[word])
        return self.statement.product(self.writing[word])

    def swaps(self) -> Iterator[Lemma]:
        """From every other writing to the one."""
        for number, pair in enumerate(self.all):
            target = self.writing[word_of(*pair)]
            if pair != target:
                left, right = map(self.statement.product, (pair, target))
                yield Lemma(f"swap'{number}", left, right, "ip_swap.", any(map(self.statement.varies, pair)))

    def expansions(self) -> Iterator[Lemma]:
        """Bilinearity: inner products of vectors that are written out."""
        write = self.statement
        for number, (a, b) in enumerate(dict.fromkeys(map(self._written, self.named))):
            if not (self.defined(a) or self.defined(b)):
                continue
            terms = [
                f"({write.scalar(c)} * {write.scalar(d)} * {self.canonical((x, y))})"
                for (x, c), (y, d) in pairs(self.image(a).items(), self.image(b).items())
            ]
            rewriting = f"rewrite (dot_ext {write.dimension(a)} _ _ _ _ {self._proof(a)} {self._proof(b)})"
            yield Lemma(f"product'{number}", write.product((a, b)), " + ".join(terms) or "0",
                        f"{rewriting}; expanded; finish.", any(map(write.varies, (a, b))))  # fmt: skip

    def _written(self, pair: Pair) -> Pair:
        return self.writing[word_of(*pair)]

    def _proof(self, atom: str) -> str:
        """A proof that an atom equals its image."""
        write, d = self.statement, self.statement.dimension(atom)
        if atom in self.doc.definitions:
            name = f"def'{list(self.doc.definitions).index(atom)}"
            return f"({name} j in'j)" if write.varies(atom) else name
        operator, _, rest = atom.partition(" ")
        if rest and self.defined(rest):
            return f"(mv_ext {d} {write._at(operator, write.varies(operator))} _ _ {self._proof(rest)})"
        return f"(veq_refl {d} {write.word(atom)})"
