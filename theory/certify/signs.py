"""An inequality's certificate in Coq: its slack is a sum of products, and no factor of them is negative."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.statement import Statement


@dataclass(frozen=True)
class Signs:
    """The tactics that prove a document's bound from its certificate; `equal` closes equations."""

    statement: Statement

    def proof(self) -> Iterator[str]:
        doc = self.statement.doc
        terms = []
        for number, product in enumerate(doc.certificate):
            term, tactics = self._product(product, f"t'{number}")
            yield from tactics
            terms.append(term)
        if not terms:
            raise Refused("got an inequality without a certificate; expected the products its slack is the sum of")
        left, right = map(self.statement.scalar, (doc.statement.left, str(doc.statement.right)))
        yield f"assert (slack' : {right} - {left} = {' + '.join(terms)}) by equal."
        yield "lra."

    def _product(self, product: Iterable[Mapping[str, Any]], tag: str) -> tuple[str, list[str]]:
        """A product as a term, and tactics that prove it is not negative, as hypothesis `tag`."""
        tactics, term, proof = [], "", ""
        for number, factor in enumerate(product):
            value, name = self.statement.scalar(factor["value"]), f"{tag}'{number}"
            tactics.append(f"assert ({name} : 0 <= {value}). {{ {self._factor(factor, value, name)} }}")
            term = f"({term} * {value})" if term else value
            proof = f"(Rmult_le_pos _ _ {proof} {name})" if proof else name
        return term, [*tactics, f"pose proof {proof} as {tag}."]

    def _factor(self, factor: Mapping[str, Any], value: str, tag: str) -> str:
        of, write = factor["of"], self.statement
        match factor["because"]:
            case "square":
                square = f"({write.scalar(of)} ^ 2)"
                return f"replace {value} with {square} by first [ring | field; side]. apply pow2_ge_0."
            case "squared norm":
                vector = write.combination(of)
                square = f"(dot {write.dimension(next(iter(of)))} {vector} {vector})"
                return f"replace {value} with {square} by first [reflexivity | equal]. apply dot_self."
            case "Gram determinant":
                dimension = write.dimension(next(iter(of[0])))
                gram = f"gram{len(of)} {' '.join([dimension, *map(write.combination, of)])}"
                return f"replace {value} with ({gram}) by (unfold gram{len(of)}; equal). apply gram{len(of)}_nonneg."
            case "positive number" | "affine in a number between 0 and 1":
                return "lra."
            case "declared sign":
                return "nonneg_power."
            case "polynomial in a positive integer minus 1, no coefficient negative":
                return "nra."
            case "form of a positive semidefinite operator":
                return f"apply op'{of[1].split()[0]}."
            case "inner product of vectors without negative entries":
                return "apply dot_nonneg; first [assumption | apply nonneg_one]."
            case "sum over pairs of entries, none negative":
                return "apply pairs_nonneg; assumption."
            case "hypothesis":
                number = next(n for n, h in enumerate(write.doc.hypotheses) if h.name == of)
                return f"generalize hyp'{number}'0; lra."
            case "sum over channels":
                term = f"{tag}'j"
                body = " ".join(self._product(of, term)[1])
                return f"apply bsum_nonneg; intros j in'j. {body} apply Rle_trans with (1 := {term}); right; ring."
            case "power":
                return " ".join([*self._product(of, f"{tag}'b")[1], "nonneg_power."])
            case "sum":
                each = [self._product([part], f"{tag}'{n}s")[1] for n, part in enumerate(of)]
                return " ".join([*(tactic for tactics in each for tactic in tactics), "lra."])
            case reason:
                raise Refused(f"got the reason {reason!r:.60} for a sign; expected a known one")
