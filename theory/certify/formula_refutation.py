"""A formula in the language of the audit, refuted in Coq at its counterexample.

What is refuted is "for every m from the counterexample's on, all numbers and vectors with what is declared and given of
them, and wherever everything is defined, the claim holds". What has to be believed is the translation
(`theory.certify.formulas`), operation by operation, and not the proof that follows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any

from bnverify.errors import InputError
from bnverify.theory.audit.evaluation import RATIONAL, NotRational, Unclear, Undefined, evaluate, holds
from bnverify.theory.audit.formula import Formula
from bnverify.theory.audit.language import Node
from bnverify.theory.audit.points import Point, admitted, points
from bnverify.theory.certify.consistency import cases_in_coq
from bnverify.theory.certify.expressions import Refused
from bnverify.theory.certify.formulas import RELATIONS, Writer, declared, names_in_coq, number

_KINDS = ("refuted", "asymptotic")
_MOST = 2000  # points of a size that are tried
_HEADER = """From Coq Require Import Reals Lra Lia.
From bnverify Require Import Vectors Calculus Generated.
Open Scope R_scope."""
_TACTICS = """Ltac known := repeat match goal with |- context [sqrt ?e] => first [ROOTS] end.
Ltac sums := cbv [NAMES dot vadd vscal one vzero ident Nat.eqb]; cbn [bsum INR pow].
Ltac told := sums; known; first [reflexivity | lra | (field; lra) | (field_simplify; lra) | nra].
Ltac by_entry := let i := fresh "i" in let L := fresh "L" in intros i L;
  destruct i as [|[|[|[|i]]]]; try (exfalso; lia); told.
Ltac holds := first [lia | exact I | by_entry | told].
Ltac gradient := cbv beta; lazymatch goal with
  | |- is_grad ?m (fun _ => ?c) ?y _ => exact (is_grad_const m c y)
  | |- is_grad ?m (dot ?m ?a) ?y _ => exact (is_grad_linear m a y)
  | |- is_grad ?m (fun x => dot ?m x x) ?y _ =>
      refine (is_grad_bsum m m (fun i x => x i * x i) y
        (fun i => vadd (vscal (y i) (ident i)) (vscal (y i) (ident i))) _);
      intros; apply is_grad_mult; apply is_grad_coordinate; assumption
  | |- is_grad ?m (fun x => dot ?m ?a x) ?y _ => exact (is_grad_linear m a y)
  | |- is_grad ?m (fun x => dot ?m x ?a) ?y _ =>
      refine (is_grad_fun m (dot m a) _ y a _ _); [intros; apply dot_comm | exact (is_grad_linear m a y)]
  | |- is_grad _ (fun x => @?f x + @?h x) _ _ => apply is_grad_add; gradient
  | |- is_grad _ (fun x => @?f x * @?h x) _ _ => apply is_grad_mult; gradient
  | |- is_grad _ (fun x => @?f x / @?h x) _ _ => apply is_grad_div; [told | gradient | gradient]
  | |- is_grad _ (fun x => / @?f x) _ _ => apply is_grad_inv; [told | gradient]
  | |- is_grad _ (fun x => sqrt (@?f x)) _ _ => apply is_grad_sqrt; [told | gradient]
  | |- is_grad _ (fun x => @?f x ^ 2) _ _ =>
      eapply is_grad_fun; [intros; cbv beta; symmetry; apply Rsqr_pow2 | unfold Rsqr; apply is_grad_mult; gradient]
  end.
Ltac differentiate := eapply is_grad_veq; [| eapply is_grad_fun;
  [intros; autorewrite with ip; reflexivity | gradient]]; by_entry.
"""


def formula_refutation(record: Mapping[str, Any]) -> str:
    """The file whose theorem `refuted` refutes a record; Refused where its evidence is no formula with a point, no
    rational point refutes it, or it has operations that are not translated."""
    evidence = record["evidence"]
    if evidence["kind"] not in _KINDS:
        raise Refused(f"got evidence of the kind {evidence['kind']}; expected a formula and a point")
    values = dict(evidence["values"])
    size = int(values.pop("m"))
    try:
        formula = Formula(
            evidence["claim"], evidence["symbols"], tuple(evidence["vectors"]), tuple(evidence["given"]),
            evidence["define"], sizes=(size,),
        )  # fmt: skip
    except InputError as error:
        raise Refused(f"got {error.got}") from None
    exact = {n: tuple(map(Fraction, v)) if isinstance(v, list) else Fraction(v) for n, v in values.items()}
    for point in chain([Point(size, exact)], _others(formula, size)):
        try:
            if not holds(formula.relation, point.values, point.size, RATIONAL):
                return _File(formula, point.values, point.size).text()
        except (NotRational, Undefined, Unclear):
            continue
    raise Refused(f"no rational counterexample: at {exact} a root is irrational, and none was found beside it")


def _others(formula: Formula, least: int) -> Iterator[Point]:
    """Other small points that refute a formula, for one at which all roots are rational."""
    writer = Writer({name: name for name in formula.names}, "m")
    for relation in (formula.relation, *formula.premises):
        writer.relation(relation)
    roots = [Node("power", (base,), value=Fraction(1, 2)) for base in writer.radicands.values()]
    for size in (size for size in (2, 4, 3) if size >= least):  # of three whole numbers no deviation is rational
        for at in points(formula, 1, size, _MOST):
            try:
                for root in roots:
                    evaluate(root, at.values, size, RATIONAL)
                refuted = all(holds(premise, at.values, size, RATIONAL) for premise in formula.premises) and not holds(
                    formula.relation, at.values, size, RATIONAL
                )
            except (NotRational, Undefined, Unclear):
                continue
            if refuted and admitted(formula, at):
                yield at


@dataclass(frozen=True)
class _File:
    """A formula with the numbers that refute it."""

    formula: Formula
    values: Mapping[str, Any]
    size: int

    def text(self) -> str:
        formula, size = self.formula, f"{self.size}"
        names = names_in_coq(formula)
        general, there = Writer(names, "m"), Writer({n: f"at_{name}" for n, name in names.items()}, size)
        goal, given = general.relation(formula.relation), list(map(general.relation, formula.premises))
        gradients = {name: (node, names[at]) for (_, at), (name, node) in general.gradients.items()}
        premises = [f"({size} <= m)%nat", *declared(formula, names), *given]
        of_gradients = [f"is_grad m {general.function(node)} {at} {name}" for name, (node, at) in gradients.items()]
        kinds = {name: "vec" if n in formula.vectors else "R" for n, name in names.items()} | dict.fromkeys(
            gradients, "vec"
        )
        numbers = {name: self.values[n] for n, name in names.items()}
        numbers |= {name: self._value(node) for name, (node, _) in gradients.items()}
        roots = {self._value(Node("power", (base,), value=Fraction(1, 2))) for base in general.radicands.values()}
        arrows = "".join(f"\n  {each} ->" for each in (*premises, *general.defined, *of_gradients))
        lines = [_HEADER, *(f"Definition at_{name} : {kinds[name]} := {_written(numbers[name])}." for name in kinds)]
        lines.append(_tactics(roots, [f"at_{name}" for name in kinds]))
        for name, (node, at) in gradients.items():
            lines.append(f"Lemma is_{name} : is_grad {size} {there.function(node)} at_{at} at_{name}.")
            lines.append("Proof. differentiate. Qed.")
        quantified = "".join(f" ({name} : {kind})" for name, kind in kinds.items())
        lines.append(f"Theorem refuted : ~ (forall (m : nat){quantified},{arrows}\n  {goal}).")
        lines.append(f"Proof.\n  intros F'. specialize (F' {size}%nat {' '.join(f'at_{name}' for name in kinds)}).")
        shown = f"first [{''.join(f'exact is_{name} | ' for name in gradients)}holds]"
        lines.append(f"  repeat (let H := fresh in lazymatch type of F' with ?A -> _ => assert (H : A) by {shown};")
        lines.append(f"    specialize (F' H); clear H end).\n  {self._contradiction()}\nQed.")
        return "\n".join(lines) + "\n"

    def _value(self, node: Node) -> Any:
        return evaluate(node, self.values, self.size, RATIONAL)

    def _contradiction(self) -> str:
        """The tactic that finds the relation false at the numbers: of vectors at the first entry that differs."""
        relation = self.formula.relation
        left, right = self._value(relation.left), self._value(relation.right)
        entry = ""
        if relation.vector:
            place = next(i for i, (a, b) in enumerate(zip(left, right, strict=True)) if a != b)
            left, right, entry = left[place], right[place], f"specialize (F' {place}%nat ltac:(lia)). "
        return (
            f"{entry}lazymatch type of F' with ?l {RELATIONS[relation.op]} ?r =>\n"
            f"    assert (L : l = {number(left)}) by told; assert (R : r = {number(right)}) by told;\n"
            "    first [rewrite L, R in F'; lra | lra] end."
        )


def _tactics(roots: Iterable[Fraction], names: Iterable[str]) -> str:
    known = " | ".join(
        f"replace (sqrt e) with {number(root)} by (symmetry; apply sqrt_eq; lra)" for root in sorted(roots)
    )
    return _TACTICS.replace("ROOTS", known or "fail").replace("NAMES", " ".join(names))


def _written(value: Any) -> str:
    return cases_in_coq(list(map(number, value)), "0") if isinstance(value, tuple) else number(value)
