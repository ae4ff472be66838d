"""False formulas of the audit, refuted in Coq from the definition of batch normalization.

What is refuted is "for every m, y, loss L with gradient g at z = bn y, and v the gradient of L(bn y) at y, the printed
relation holds"; the loss of the counterexample is <g, z>. For records of this kind the file is generated from the
record; for others (Hessians, other normalizers, networks) theory/coq/refutations has one by hand, or there is none.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import isqrt
from typing import Any

from bnverify.theory.certify.consistency import entries_in_coq, number_in_coq
from bnverify.theory.certify.coqc import LIBRARY
from bnverify.theory.certify.expressions import Refused, coq, names, parse
from bnverify.theory.certify.formula_refutation import formula_refutation
from bnverify.theory.certify.sentences import Sentence

_NORM, _INNER = re.compile(r"\|(\w+)\|²"), re.compile(r"<(\w+), (\w+)>")
_RELATIONS = {"==": "=", "<=": "<=", "<": "<", ">=": ">=", ">": ">"}
_NUMBERS = {
    "m": "(INR m)",
    "gamma": "gamma",
    "beta": "beta",
    "epsilon": "eps",
    "s": "(sd m eps y)",
    "rho": "(rho m eps y)",
}
_VECTORS = {
    "1": "one",
    "y": "y",
    "g": "g",
    "v": "v",
    "w": "w",
    "x": "x",
    "yhat": "(yhat m eps y)",
    "z": "(bn m eps gamma beta y)",
}


def refutations(records: Iterable[Mapping[str, Any]]) -> dict[str, Sentence]:
    """By key: those written by hand, under their file's name where no record is left, and those generated from records:
    of one channel of batch norm, and of formulas in the language of the audit."""
    records = list(records)
    found = {}
    for record in records:
        with contextlib.suppress(Refused, KeyError, TypeError, ValueError):
            text = refutation(record) if record["evidence"]["kind"] == "stated" else formula_refutation(record)
            found[record["key"]] = Sentence(record["key"], text, "refuted")
    keys = {"printed_" + re.sub(r"[^A-Za-z0-9]", "_", str(record["key"])): str(record["key"]) for record in records}
    for file in sorted((LIBRARY / "refutations").glob("*.v")):
        key = keys.get(file.stem, file.stem)
        found.setdefault(key, Sentence(key, file.read_text(encoding="utf-8"), f"{file.stem}_false"))
    return found


def refutation(record: Mapping[str, Any]) -> str:
    """The file that refutes a record; Refused where it is not of the kind that is refuted here."""
    evidence = record["evidence"]
    left, relation, right = evidence["relation"]
    values = evidence["counterexample"]["values"]
    if (
        set(values) - {"y", "g", "w", "x", "gamma", "beta", "epsilon", "normalizer"}
        or _name(values["normalizer"]) != "batch"
    ):
        raise Refused(f"got a counterexample with {', '.join(sorted(values))}; expected numbers of one channel")
    statement = _Relation()
    goal = f"{statement.write(left)} {_RELATIONS[relation]} {statement.write(right)}"
    premises = [f"{statement.write(a)} {_RELATIONS[r]} {statement.write(b)}" for a, r, b in evidence["premises"]]
    numbers = {name: Fraction(values.get(name, default)) for name, default in
               (("gamma", "1"), ("beta", "0"), ("epsilon", "0"))}  # fmt: skip
    vectors = {
        name: tuple(map(Fraction, values[name])) for name in ("y", "g", "w", "x") if values.get(name) is not None
    }
    y, m = vectors["y"], len(vectors["y"])
    mean = sum(y, Fraction(0)) / m
    scale = _root(sum(((entry - mean) ** 2 for entry in y), Fraction(0)) / m + numbers["epsilon"])
    tests = sorted(statement.vectors & {"w", "x"})
    arrows = "".join(f"  {premise} ->\n" for premise in premises)
    quantified = " ".join(["g", "v", *tests])
    gamma, beta, eps = (number_in_coq(numbers[name]) for name in ("gamma", "beta", "epsilon"))
    return f"""From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Vectors Calculus Normalizer BatchNorm Generated.
Open Scope R_scope.
Ltac root_in F := match type of F with context [sqrt ?e] =>
  let q := fresh in let E := fresh in let P := fresh in
  assert (E : sqrt e * sqrt e = e) by (apply sqrt_sqrt; lra); assert (P : 0 < sqrt e) by (apply sqrt_lt_R0; lra);
  set (q := sqrt e) in *; clearbody q; assert (X : / q = q / e) by (field_simplify_eq; lra);
  unfold Rdiv in F; rewrite ?X in F; nra end.
Definition y0 : vec := {entries_in_coq(y)}.
Definition g0 : vec := {entries_in_coq(vectors["g"])}.
{"".join(f"Definition {name}0 : vec := {entries_in_coq(vectors[name])}.{chr(10)}" for name in tests)}
Lemma spread : var {m} y0 + {eps} = {number_in_coq(scale**2)}.
Proof. unfold var, mean, y0. cbn [bsum INR pow]. field. Qed.
Lemma scale : sd {m} {eps} y0 = {number_in_coq(scale)}.
Proof. unfold sd. rewrite spread. apply sqrt_eq; lra. Qed.
Theorem refuted : ~ (forall (m : nat) (eps gamma beta : R) (y : vec) (L : vec -> R) ({quantified} : vec),
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps -> is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
{arrows}  {goal}).
Proof.
  intros F'.
  assert (P : 0 < var {m} y0 + {eps}) by (rewrite spread; lra).
  pose proof (is_grad_linear {m} g0 (bn {m} {eps} {gamma} {beta} y0)) as G.
  assert (M : (1 <= {m})%nat) by lia.
  specialize (F' {m}%nat {eps} {gamma} {beta} y0 (dot {m} g0) g0 (bn_backward {m} {eps} {gamma} y0 g0)
    {"".join(f"{t}0 " for t in tests)}M ltac:(lra) P G
    (bn_backward_grad {m} {eps} M {gamma} {beta} y0 (dot {m} g0) P g0 G)).
  unfold bn_backward, yhat, rho, bn in F'; rewrite ?scale, ?spread in F'.
  cbv [mean var dot one vadd vscal {" ".join(["y0", "g0", *(f"{t}0" for t in tests)])}] in F'; cbn [bsum INR pow] in F'.
  first [lra | root_in F'].
Qed.
"""


class _Relation:
    """The reader of a printed relation's sides; `vectors` are those it came across."""

    def __init__(self) -> None:
        self.vectors: set[str] = set()

    def write(self, text: str) -> str:
        products: dict[str, str] = {}

        def name(a: str, b: str) -> str:
            if not {a, b} <= set(_VECTORS):
                raise Refused(f"got an inner product of {a} and {b}; expected vectors of one channel")
            self.vectors |= {a, b}
            return products.setdefault(f"(dot m {_VECTORS[a]} {_VECTORS[b]})", f"product{len(products)}")

        plain = _NORM.sub(lambda found: name(found[1], found[1]), text)
        plain = _INNER.sub(lambda found: name(found[1], found[2]), plain)
        meanings = {short: product for product, short in products.items()} | _NUMBERS
        tree = parse(plain)
        if set(names(tree)) - set(meanings):
            raise Refused(f"got {text[:80]!r}; expected inner products and gamma, beta, s, m, rho, epsilon")
        return coq(tree, meanings.__getitem__)


def _root(square: Fraction) -> Fraction:
    root = Fraction(isqrt(square.numerator), isqrt(square.denominator))
    if root**2 != square or not root:
        raise Refused(f"got s^2 = {square}; expected the square of a rational")
    return root


def _name(normalizer: Any) -> str:
    return normalizer["name"] if isinstance(normalizer, Mapping) else normalizer
