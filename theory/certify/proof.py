"""A generated file: the section of a claim with its proof. Nothing here is trusted, since the kernel checks it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from bnverify.theory.certify.algebra import Algebra
from bnverify.theory.certify.document import Document
from bnverify.theory.certify.products import Lemma, Products
from bnverify.theory.certify.roots import Root, roots
from bnverify.theory.certify.signs import Signs
from bnverify.theory.certify.statement import Premise, Statement
from bnverify.theory.certify.sums import Sums

HEADER = """From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Vectors Generated.
Open Scope R_scope.
"""

_Part = str | Iterable[Lemma | Premise | str]  # a tactic, or what to rewrite with


def generate(doc: Document) -> str:
    """The file of a claim: one section, whose theorem has the claim's identifier as its name."""
    return HEADER + "\n".join(_File(doc).lines()) + "\n"


@dataclass(frozen=True)
class _File:
    doc: Document

    @cached_property
    def statement(self) -> Statement:
        return Statement(self.doc)

    @cached_property
    def algebra(self) -> Algebra:
        return Algebra(Products(self.statement))

    @cached_property
    def sums(self) -> Sums:
        return Sums(self.algebra)

    @cached_property
    def premises(self) -> dict[str, Premise]:
        return {premise.name: premise for premise in self.statement.premises()}

    @cached_property
    def swaps(self) -> list[Lemma]:
        return list(self.algebra.products.swaps())

    @cached_property
    def expansions(self) -> list[Lemma]:
        return list(self.algebra.products.expansions())

    @cached_property
    def roots(self) -> list[Root]:
        return list(roots(self.algebra))

    def lines(self) -> Iterator[str]:
        given, facts, relations = map(self._named, ("given'", "fact'", "rel'"))
        known = [self.premises[f"given'{name}"] for name in self.algebra.products.known]
        size = ["set'm"] if self.doc.size is not None else []
        values = [f"value'{root.number}" for root in self.roots if root.value is not None]
        yield "Section Claim'."
        yield from self.statement.variables()
        yield from (f"Hypothesis {premise.name} : {premise.coq}." for premise in self.premises.values())
        yield "Let INR'm := INR_ge_1 m size'."
        yield from self._symmetries()
        yield from self._size()
        yield from (lemma.coq for lemma in self.swaps)
        yield from self._tactic("products", ["autorewrite with ip", known, self.swaps, facts, relations, known])
        yield from (lemma.coq for lemma in self.expansions)
        once: list[_Part] = [self.expansions, "products"]
        yield from self._tactic("basic", [given, "products", *once, *once, given, size])
        yield from (line for root in self.roots for line in root.lemmas)
        once = [*(part for lemma in self.expansions for part in ((lemma,), values)), "products"]
        yield from self._tactic("normal", [given, values, "products", *once, *once, given, size, values])
        if self.doc.layer:
            yield self._pointwise()
            yield from self.sums.lemmas()
        yield f"Ltac equal := {self._equal()}."
        yield f"Theorem {self.doc.identifier} : {self.statement.goal()}."
        yield "Proof."
        yield from ["equal."] if self.doc.statement.relation == "==" else Signs(self.statement).proof()
        yield "Qed."
        yield "End Claim'."

    # What rewrites.

    def _named(self, prefix: str) -> list[Premise]:
        return [premise for name, premise in self.premises.items() if name.startswith(prefix)]

    def _size(self) -> Iterator[str]:
        """What is put for m, as a number."""
        size = self.doc.size
        if size is not None:
            place = next(p.name for p in self.premises.values() if p.text == f"m = {size}%nat")
            yield f"Lemma set'm : INR m = {size}.\nProof. rewrite {place}; simpl; ring. Qed."

    def _symmetries(self) -> Iterator[str]:
        for name, premise in self.premises.items():
            if premise.text.startswith("psd "):
                channel, at = ("fun j in'j => ", " j in'j") if premise.channel else ("", "")
                yield f"Let sym'{name} := {channel}proj1 ({name}{at})."

    def _tactic(self, name: str, parts: Iterable[_Part]) -> Iterator[str]:
        """A tactic that rewrites with what is not about a channel; in a layer another, `_at` a channel j."""
        parts = [part if isinstance(part, str) else list(part) for part in parts]
        for channel in (False, True) if self.doc.layer else (False,):
            steps: list[str] = []
            for part in parts:
                if isinstance(part, str):
                    steps.append(f"{part}_at j in'j" if channel and " " not in part else part)
                    continue
                terms = [each if isinstance(each, str) else each.term for each in part
                         if channel or isinstance(each, str) or not each.channel]  # fmt: skip
                steps += [f"rewrite ?{term}" for term in terms]
            arguments = "_at j in'j" if channel else ""
            yield f"Ltac {name}{arguments} :=\n  " + ";\n  ".join(steps or ["idtac"]) + "."

    def _pointwise(self) -> str:
        """The tactic for what holds at every channel: what is not zero there goes into the context."""
        signs = [p.term for n, p in self.premises.items() if p.channel and n.startswith(("sign'", "nonzero'", "root'"))]
        steps = ["intros j in'j", "cbv beta", *(f"pose proof {term}" for term in signs), "normal_at j in'j", "finish"]
        return f"Ltac pointwise := {'; '.join(steps)}."

    def _hidden(self) -> Iterator[str]:
        """What is not zero and is written in vectors that the normal form replaces by others."""
        for name, premise in self.premises.items():
            if name.startswith("nonzero'") and set(premise.coq.replace(")", " ").split()) & set(self.doc.definitions):
                yield premise.term

    # The end of it.

    def _equal(self) -> str:
        """The tactic that closes an equation."""
        powers = [f"rel'{i}" for i, left in enumerate(self.doc.relations) if "**" in left]
        end = f"first [finish | field [{' '.join(powers)}]; side]" if powers else "finish"
        if self.doc.layer:
            rewriting = [f"rewrite ?{lemma}" for lemma in (*self.sums.names, *self.sums.related)]
            return "; ".join(["normal", *rewriting, "normal", end])
        kept = [root for root in self.roots if root.value is None]
        if not kept:
            hidden = " ".join(self._hidden())
            return f"generalize {hidden}; normal; intros; {end}" if hidden else f"normal; {end}"
        known = " ".join(f"(root_squared _ root'{r.number}) (sqrt_lt_R0 _ root'{r.number})" for r in kept)
        steps, eliminations = [f"generalize {known}; normal"], []
        for root in kept:
            q, e, p, x = (f"{letter}{root.number}" for letter in "qEPX")
            steps.append(f"let {q} := fresh in let {e} := fresh in let {p} := fresh in name_root {q} {e} {p}")
            if root.eliminates:
                variable, slope, rest = root.eliminates
                value = f"{q} * {q}" if rest == "0" else f"({q} * {q} - {rest})"
                value = value if slope == "1" else f"({value}) / {slope}"
                steps.append(f"let {x} := fresh in assert ({x} : {variable} = {value}) by (rewrite {e}; field; side)")
                eliminations.append(f"try rewrite {x}")
        return f"first [solve [normal; {end}] | {'; '.join([*steps, *eliminations, end])}]"
