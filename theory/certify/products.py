"""Inner products of a claim brought to one writing each, those of written-out vectors expanded: lemmas with proofs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product as pairs
from itertools import starmap

from bnverify.theory.certify.document import Document, Pair, Word, word_of
from bnverify.theory.certify.expressions import names, parse
from bnverify.theory.certify.statement import Statement


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
        proof = self.proof.replace("products", "products_at j in'j")
        return (
            f"Lemma {self.name} : forall j, (j < C)%nat -> {self.left} = {self.right}.\n"
            f"Proof. intros j in'j; {proof} Qed."
        )

    @property
    def term(self) -> str:
        return f"({self.name} j in'j)" if self.channel else self.name


def _moved(a: str, b: str) -> Pair:
    """An inner product with all matrices on the right."""
    *outer, base = a.split()
    return base, " ".join([*reversed(outer), b])


@dataclass(frozen=True)
class Products:
    """The inner products a document can come to speak of."""

    statement: Statement

    @property
    def doc(self) -> Document:
        return self.statement.doc

    def defined(self, atom: str) -> bool:
        return self.doc.image(atom) != {atom: "1"}

    def _turned(self, a: str, b: str) -> bool:
        """Whether a matrix has to be on the right for what is written out: P y, where that is the definition."""
        return " " not in a and " " in b and b in self.doc.definitions

    def expandable(self, a: str, b: str) -> bool:
        """Whether one of them is written out, and not by this very inner product."""
        texts = [*self.doc.image(a).values(), *self.doc.image(b).values()]
        inside = {name for text in texts for name in names(parse(text))} & set(self.doc.products)
        itself = word_of(a, b) in {word_of(*self.doc.products[name]) for name in inside}
        return (self.defined(a) or self.defined(b)) and not itself

    @cached_property
    def facts(self) -> dict[Word, str]:
        return {word_of(*pair): text for pair, text in self.doc.facts.items()} | {("1", (), "1"): "m"}

    @property
    def known(self) -> list[str]:
        """The inner products that `scalars` writes out and that occur elsewhere too."""
        return [name for name in self.doc.scalars if name in self.doc.products and name not in self.doc.free]

    @cached_property
    def all(self) -> list[Pair]:
        """Every writing that can occur, those of the document first."""
        related = [self.doc.products[name] for name in self.known]
        occurring = self.doc.expanded([*self.doc.spoken, *related])
        occurring = self.doc.expanded([*occurring, *starmap(_moved, occurring)])
        words = [(x, list(operators), y) for x, operators, y in starmap(word_of, occurring) if operators]
        both = [pair for x, w, y in words for pair in ((x, " ".join([*w, y])), (y, " ".join([*w[::-1], x])))]
        occurring = self.doc.expanded([*occurring, *(pair for pair in both if self._turned(*pair))])
        return list(dict.fromkeys([*occurring, *((b, a) for a, b in occurring)]))

    @cached_property
    def writing(self) -> dict[Word, Pair]:
        """The one writing of each inner product; where an operator has to move, all are on the right."""
        chosen: dict[Word, Pair] = {word_of(a, b): (a, b) for a, b in reversed(self.all) if self._turned(a, b)}
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
        for number, (a, b) in enumerate(dict.fromkeys(map(self._written, self.all))):
            if not self.expandable(a, b):
                continue
            terms = [
                f"({write.scalar(c)} * {write.scalar(d)} * {self.canonical((x, y))})"
                for (x, c), (y, d) in pairs(self.doc.image(a).items(), self.doc.image(b).items())
            ]
            rewriting = f"rewrite (dot_ext {write.dimension(a)} _ _ _ _ {self._proof(a)} {self._proof(b)})"
            yield Lemma(f"product'{number}", write.product((a, b)), " + ".join(terms) or "0",
                        f"{rewriting}; products; finish.", any(map(write.varies, (a, b))))  # fmt: skip

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
            return f"(mv_ext {d} {write.operator(operator)} _ _ {self._proof(rest)})"
        return f"(veq_refl {d} {write.word(atom)})"
