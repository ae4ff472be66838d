"""A law about averages, derived in Coq from its hypotheses: an identity of rational functions with factors from here.

Where equations l = r are given, left - right of the claim is a sum of c (l - r). The factors c are found by linear
algebra and need no belief: `field` of Coq checks the identity. A second theorem shows that the hypotheses can be met.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp

from bnverify.theory.audit.evaluation import SYMBOLS, evaluate
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.language import Relation
from bnverify.theory.certify.certificate import PREMISES
from bnverify.theory.certify.expressions import Refused, coq, parse
from bnverify.theory.certify.formulas import Writer, declared, names_in_coq, number
from bnverify.theory.certify.sentences import Sentence

_HEADER = """From Coq Require Import Reals Lra Lia.
From bnverify Require Import Vectors Generated.
Open Scope R_scope.
"""


def laws(documents: Iterable[Mapping[str, Any]]) -> dict[str, Sentence]:
    """By key the files that derive laws, from their documents (`Law.to_json`)."""
    return {each["key"]: Sentence(each["key"], law_in_coq(each), "law", PREMISES, ("met",)) for each in documents}


def law_in_coq(document: Mapping[str, Any]) -> str:
    """The file with the theorems `law` and `met`; Refused where the law is no identity modulo its equations."""
    (data,) = document["formulas"]
    formula = Formula(
        data["claim"], data["symbols"], tuple(data["vectors"]), tuple(data["given"]), data["define"],
        sizes=(int(data["least m"]),),
    )  # fmt: skip
    if formula.vectors or any(premise.op != "==" for premise in (formula.relation, *formula.premises)):
        raise Refused(f"got {document['key']}; expected equations between numbers")
    names = names_in_coq(formula)
    writer = Writer(names, "m")
    goal = writer.relation(formula.relation)
    equations = [writer.relation(premise) for premise in formula.premises]
    premises = "".join(f"\n  {each} ->" for each in (*declared(formula, names), *equations, *writer.defined))
    factors = [coq(parse(str(each)), names.__getitem__) for each in _factors(formula)]
    differences = [f"({writer.scalar(p.left)} - {writer.scalar(p.right)})" for p in formula.premises]
    total = " + ".join(f"{c} * {d}" for c, d in zip(factors, differences, strict=True))
    left, right = writer.scalar(formula.relation.left), writer.scalar(formula.relation.right)
    quantified = f"forall ({' '.join(names.values())} : R),{premises}"
    witness = data["witness"]
    values = " ".join(number(Fraction(witness[name])) for name in names)
    return (
        f"{_HEADER}Theorem law : {quantified}\n  {goal}.\nProof.\n"
        f"  intros. apply Rminus_diag_uniq. replace ({left} - {right}) with ({total}) by (field; side).\n"
        "  repeat match goal with H : ?u = ?v |- _ => rewrite (Rminus_diag_eq u v H); clear H end. ring.\nQed.\n"
        f"Theorem met : ~ ({quantified}\n  False).\nProof.\n"
        f"  intros F'. apply (F' {values}); numbers.\nQed.\n"
    )


def _factors(formula: Formula) -> list[sp.Expr]:
    """c with left - right = sum of c (l - r) over the given equations."""
    symbols = {name: sp.Symbol(name) for name in formula.names}

    def fraction(relation: Relation) -> tuple[sp.Expr, sp.Expr]:
        left, right = (evaluate(side, symbols, 1, SYMBOLS) for side in (relation.left, relation.right))
        top, below = sp.fraction(sp.together(left - right))
        return sp.expand(top), below

    (top, below), given = fraction(formula.relation), list(map(fraction, formula.premises))
    for chosen in itertools.combinations(sorted(symbols.values(), key=str), len(given)):
        found = _combination(top, [each for each, _ in given], chosen)
        if found is not None:
            return [sp.factor(c * under / below) for c, (_, under) in zip(found, given, strict=True)]
    raise Refused(f"got {formula.claim}; expected a combination of what is given")


def _combination(goal: sp.Expr, given: Sequence[sp.Expr], names: Sequence[sp.Symbol]) -> list[sp.Expr] | None:
    """Factors without ``names``, in which all is linear, that make the goal of what is given."""
    polynomials = [sp.Poly(each, *names) for each in (goal, *given)]
    if any(each.degree(name) > 1 for each in polynomials for name in names):
        return None
    unknown = [sp.Dummy() for _ in given]
    equations = [
        polynomials[0].coeff_monomial(monomial)
        - sum(c * each.coeff_monomial(monomial) for c, each in zip(unknown, polynomials[1:], strict=True))
        for monomial in sorted({monomial for each in polynomials for monomial in each.monoms()})
    ]
    for solution in sp.solve(equations, unknown, dict=True):
        factors = [solution.get(c) for c in unknown]
        if None not in factors and sp.cancel(goal - sum(map(operator.mul, factors, given))) == 0:
            return factors
    return None
