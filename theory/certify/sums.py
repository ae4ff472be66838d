"""Sums over the channels of a layer, spread by linearity: lemmas with proofs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from bnverify.theory.certify.algebra import Algebra
from bnverify.theory.certify.expressions import coq, parse


@dataclass(frozen=True)
class Sums:
    """The sums a document speaks of, each as constants times sums of what depends on the channel."""

    algebra: Algebra

    @cached_property
    def spread(self) -> dict[str, list[tuple[sp.Expr, sp.Expr]]]:
        doc = self.algebra.doc
        return {name: self.algebra.spread(name) for name in doc.sums if name in doc.used}

    def _written(self, name: str) -> str:
        terms = self.spread[name]
        return " + ".join(f"{self.algebra.coq(c)} * {self._sum(body)}" for c, body in terms) or "0"

    def _sum(self, body: sp.Expr) -> str:
        return f"bsum C (fun j => {self.algebra.coq(body)})"

    def _is_spread(self, name: str) -> bool:
        """Whether a sum is its own spread."""
        terms = self.spread[name]
        return len(terms) == 1 and terms[0][0] == 1 and self._name(name) == f"({self._sum(terms[0][1])})"

    def _name(self, name: str) -> str:
        return self.algebra.products.statement.name(name)

    @property
    def names(self) -> list[str]:
        """The lemmas that spread sums."""
        return [f"sum'{name}" for name in self.spread if not self._is_spread(name)]

    @property
    def related(self) -> list[str]:
        """The lemmas that say what the document's relations say of spread sums."""
        return [f"related'{number}" for number, left, _ in self._related()]

    def _related(self) -> Iterator[tuple[int, str, str]]:
        for number, (left, right) in enumerate(self.algebra.doc.relations.items()):
            terms = self.spread.get(left, [])
            if len(terms) == 1 and terms[0][0] == 1:
                yield number, self._sum(terms[0][1]), right

    def lemmas(self) -> Iterator[str]:
        for name, terms in self.spread.items():
            if not self._is_spread(name):
                start = "spread_sum" if terms else "rewrite <- (bsum_zero C); apply bsum_ext"
                yield f"Lemma sum'{name} : {self._name(name)} = {self._written(name)}.\nProof. {start}; pointwise. Qed."
        rewriting = "; ".join(f"rewrite ?{lemma} in E'" for lemma in self.names) or "idtac"
        for number, target, right in self._related():
            value = coq(parse(right), lambda n: f"({self._written(n)})" if n in self.spread else self._name(n))
            yield f"Lemma related'{number} : {target} = {value}."
            yield f"Proof. pose proof rel'{number} as E'; {rewriting}; first [lra | rewrite <- E'; ring]. Qed."
