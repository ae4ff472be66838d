"""Square roots of a claim: equal to something rational, or to each other, or kept, with a variable they eliminate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp

from bnverify.theory.certify.algebra import Algebra


@dataclass(frozen=True)
class Root:
    """sqrt of `radicand`: equal to `value`; or kept. A kept one `eliminates` a variable, given with slope and rest:
    radicand = slope * variable + rest."""

    number: int
    radicand: str
    value: str | None
    how: str = ""
    eliminates: tuple[str, str, str] | None = None

    @property
    def lemmas(self) -> Iterator[str]:
        if self.value is not None:
            yield f"Lemma value'{self.number} : sqrt {self.radicand} = {self.value}.\nProof. {self.how} Qed."


def roots(algebra: Algebra) -> Iterator[Root]:
    """The roots of a document, the innermost first."""
    write = algebra.products.statement
    kept: list[tuple[sp.Expr, str]] = []
    for number, text in enumerate(algebra.doc.radicands):
        radicand, normal = write.scalar(text), sp.cancel(algebra.normal(text))
        simple = sp.sqrt(sp.factor(normal))
        known = next((written for other, written in kept if sp.cancel(other - normal) == 0), None)
        if not any(p.exp.is_Rational and not p.exp.is_Integer for p in simple.atoms(sp.Pow)):
            yield Root(number, radicand, algebra.coq(simple), "apply sqrt_eq; [nonneg_power | basic; finish].")
        elif known is not None:
            yield Root(number, radicand, f"sqrt {known}", "f_equal; basic; finish.")
        else:
            kept.append((normal, radicand))
            yield Root(number, radicand, None, eliminates=_variable(algebra, normal))


def _variable(algebra: Algebra, radicand: sp.Expr) -> tuple[str, str, str] | None:
    for variable in algebra.atoms(radicand):
        slope = sp.cancel(sp.diff(radicand, variable))
        if slope != 0 and not slope.has(variable) and not _has_root(slope):
            rest = sp.expand(radicand - slope * variable)
            return algebra.coq(variable), algebra.coq(slope), algebra.coq(rest)
    return None


def _has_root(expression: sp.Expr) -> bool:
    return any(not p.exp.is_Integer for p in expression.atoms(sp.Pow))
