"""That the premises of a theorem can be met, in Coq: ~ (forall ..., premises -> False), by an exact example."""

from __future__ import annotations

import re
from fractions import Fraction

from bnverify.theory.certify.coqc import Theorem
from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.statement import Statement
from bnverify.theory.certify.witness import Entries, Example

_BINDER = re.compile(r"\(([^():]+) : ([^()]+)\)")


def consistency(theorem: Theorem, example: Example, name: str) -> str:
    """The file that shows it, with the premises as Coq printed them; its theorem is `name`."""
    variables, premises, _ = theorem.parts
    if "forall" in variables:
        raise Refused("got a quantifier among the variables; expected names with their types")
    grouped = variables if "(" in variables else f"({variables})"  # one kind for all of them is printed without
    binders = [(n, kind.strip()) for names, kind in _BINDER.findall(grouped) for n in names.split()]
    names = {Statement(example.doc).identifier(n): n for n in (*example.numbers, *example.vectors, *example.matrices)}
    values = " ".join(_value(example, names.get(n, n), kind) for n, kind in binders)
    arrows = "".join(f"{premise} ->\n  " for premise in premises)
    roots = " | ".join(
        f"replace (sqrt e) with ({number_in_coq(root)}) by (symmetry; apply sqrt_eq; numbers)"
        for root in sorted(example.roots)
    )
    root = f"idtac; match goal with |- context [sqrt ?e] => first [{roots}] end" if roots else "fail"
    return (
        "From Coq Require Import Reals Lra Lia Psatz.\nFrom bnverify Require Import Vectors Generated.\n"
        f"Open Scope R_scope.\nLtac root := {root}.\n"
        f"Theorem {name} : ~ ({f'forall {variables},' if variables else ''}\n  {arrows}False).\n"
        f"Proof.\n  intros F'. refine (F' {values}{' _' * len(premises)}); by_numbers root.\nQed.\n"
    )


def _value(example: Example, name: str, kind: str) -> str:
    kind, channel = kind.removeprefix("nat -> "), kind.startswith("nat -> ")
    match kind:
        case "nat":
            term = str({"m": example.m, "C": 1}.get(name, 2)) + "%nat"
        case "R":
            term = number_in_coq(example.numbers[name])
        case "vec":
            term = entries_in_coq(example.vectors[name])
        case "mat":
            rows = [entries_in_coq(row) for row in example.matrices[name]]
            term = cases_in_coq([f"{row}" for row in rows], "(fun _ => 0)")
        case _:
            raise Refused(f"got a variable of type {kind}; expected a number, a vector or a matrix")
    return f"(fun _ => {term})" if channel else f"({term})"


def entries_in_coq(entries: Entries) -> str:
    """A vector of numbers as a function of the index, in Coq."""
    return cases_in_coq(list(map(number_in_coq, entries)), "0")


def cases_in_coq(terms: list[str], rest: str) -> str:
    """A function of the index by its first values, in Coq."""
    pattern, lines = "O", []
    for term in terms:
        lines.append(f"{pattern} => {term}")
        pattern = f"S ({pattern})" if pattern != "O" else "S O"
    return f"(fun i => match i with {' | '.join(lines)} | _ => {rest} end)"


def number_in_coq(number: Fraction) -> str:
    """A rational number in Coq."""
    text = str(abs(number.numerator)) + (f" / {number.denominator}" if number.denominator > 1 else "")
    return f"(- ({text}))" if number < 0 else f"({text})"
