"""False formulas of the audit, written in its own language, refuted in Coq at their counterexample.

What is refuted is "for every m, all numbers with the declared signs and all vectors that satisfy the hypotheses, the
printed relation holds". The formula is translated node by node; a gradient in it is refused (theory/coq/refutations has
such by hand).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from bnverify.theory.audit.evaluation import RATIONAL, NotRational, Undefined, evaluate, holds
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.language import Node, Relation
from bnverify.theory.certify.consistency import entries_in_coq, number_in_coq
from bnverify.theory.certify.expressions import Refused

_KINDS = ("refuted", "asymptotic")
_SIGNS = {"positive": "0 < {}", "nonnegative": "0 <= {}", "negative": "{} < 0", "nonzero": "{} <> 0", "real": ""}
_RELATIONS = {"==": "=", "!=": "<>", "<=": "<=", "<": "<", ">=": ">=", ">": ">"}


def formula_refutation(record: Mapping[str, Any]) -> str:
    """The file that refutes a record; Refused where it is of another kind or has no word in Coq."""
    data = record["evidence"]
    if data["kind"] not in _KINDS:
        raise Refused(f"got evidence of the kind {data['kind']}; expected a formula and a point")
    formula = Formula(data["claim"], data["symbols"], tuple(data["vectors"]), tuple(data["given"]), data["define"])
    size = int(data["values"]["m"])
    values = {name: tuple(map(Fraction, v)) if isinstance(v, list) else Fraction(v)
              for name, v in data["values"].items() if name != "m"}  # fmt: skip
    names = {name: f"{name}_" for name in formula.names}
    signs = [_SIGNS[word].format(names[name]) for name, words in formula.symbols.items() for word in words.split()]
    premises = ["(1 <= m)%nat", *filter(None, signs)]
    premises += [_relation(premise, names) for premise in formula.premises]
    binders = "".join(f" ({names[n]} : {'vec' if n in formula.vectors else 'R'})" for n in formula.names)
    numbers = [
        entries_in_coq(v) if isinstance(v, tuple) else number_in_coq(v) for v in (values[n] for n in formula.names)
    ]
    place = _place(formula.relation, values, size)
    roots = sorted(set(_roots(formula, values, size)))
    known = " | ".join(f"replace (sqrt e) with ({number_in_coq(r)}) in G by (symmetry; apply sqrt_eq; numbers)"
                       for r in roots)  # fmt: skip
    root = f"match type of G with context [sqrt ?e] => first [{known}] end" if roots else "fail"
    at_entry = "" if place is None else f"  specialize (G {place}%nat ltac:(lia)).\n"
    return f"""From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Vectors Generated.
Open Scope R_scope.
Ltac met := first [lia | lra | (evaluated; first [lra | (field_simplify; lra) | nra])].
Theorem refuted : ~ (forall (m : nat){binders},
  {" -> ".join(premises)} ->
  {_relation(formula.relation, names)}).
Proof.
  intros F'. pose proof (F' {size}%nat {" ".join(numbers)}{" ltac:(met)" * len(premises)}) as G. clear F'.
{at_entry}  cbv [dot mv vadd vscal one vzero] in G; cbn [bsum INR pow] in G.
  repeat {root}.
  first [lra | (field_simplify in G; lra) | nra].
Qed.
"""


def _place(relation: Relation, values: Mapping[str, Any], size: int) -> int | None:
    """The first entry in which both sides differ, for vectors."""
    if not relation.vector:
        return None
    if holds(relation, values, size):
        raise Refused("the relation holds at the point")
    sides = (evaluate(side, values, size) for side in (relation.left, relation.right))
    return next(i for i, (p, q) in enumerate(zip(*sides, strict=True)) if p != q)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for argument in node.args:
        yield from _nodes(argument)


def _roots(formula: Formula, values: Mapping[str, Any], size: int) -> Iterator[Fraction]:
    """The values of the roots in a formula, which have to be rational."""
    for relation in (formula.relation, *formula.premises):
        for node in (*_nodes(relation.left), *_nodes(relation.right)):
            if node.op == "power" and Fraction(node.value or 0).denominator == 2:
                try:
                    base = evaluate(node.args[0], values, size, RATIONAL)
                    root = evaluate(Node("power", node.args, Fraction(1, 2)), values, size, RATIONAL)
                except (NotRational, Undefined) as error:
                    raise Refused(f"got {error}; expected rational roots") from None
                if base > 0:
                    yield root


def _relation(relation: Relation, names: Mapping[str, str]) -> str:
    left, right = (_coq(side, names) for side in (relation.left, relation.right))
    if relation.vector:
        if relation.op != "==":
            raise Refused("got vectors that differ; expected an equation")
        return f"veq m {left} {right}"
    return f"{left} {_RELATIONS[relation.op]} {right}"


def _coq(node: Node, names: Mapping[str, str]) -> str:
    """A node in Coq, in parentheses."""

    def of(argument: Node) -> str:
        return _coq(argument, names)

    match node.op, node.args:
        case "number", ():
            return number_in_coq(Fraction(node.value or 0))
        case "symbol" | "vector", ():
            return names[str(node.value)]
        case "one", ():
            return "one"
        case "size", ():
            return "(INR m)"
        case "add", (left, right):
            return f"(vadd {of(left)} {of(right)})" if node.vector else f"({of(left)} + {of(right)})"
        case "multiply", (left, right):
            return f"({of(left)} * {of(right)})"
        case "divide", (left, right):
            return f"({of(left)} / {of(right)})"
        case "scale", (factor, vector):
            return f"(vscal {of(factor)} {of(vector)})"
        case "dot", (left, right):
            return f"(dot m {of(left)} {of(right)})"
        case "power", (base,):
            return _power(of(base), Fraction(node.value or 0))
    raise Refused(f"got {node.op}; expected + - * /, powers, roots and inner products")


def _power(base: str, exponent: Fraction) -> str:
    if exponent.denominator == 2:
        base, exponent = f"(sqrt {base})", 2 * exponent
    if exponent.denominator != 1:
        raise Refused(f"got the power {exponent}; expected whole ones and roots")
    text = base if abs(exponent) == 1 else f"({base} ^ {abs(exponent)})"
    return f"(/ {text})" if exponent < 0 else text
