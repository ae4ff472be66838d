(* What the links share: the facts of batch norm put into the context, and a tactic for the givens of a generated theorem. *)
From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Export Vectors Calculus Normalizer BatchNorm Layer.
Open Scope R_scope.

(* Everything the definition says at a batch with positive variance + epsilon. *)
Ltac moments :=
  match goal with
  | Hm : (1 <= ?m)%nat, Hs : 0 < var ?m ?y + ?eps |- _ =>
      pose proof (INR_ge_1 m Hm); pose proof (sd_pos m eps y Hs); pose proof (yhat_sum m eps Hm y Hs);
      pose proof (yhat_norm m eps Hm y Hs); pose proof (sd_sq m eps y Hs); pose proof (y_is m eps y Hs);
      try match goal with He : 0 <= eps |- _ => pose proof (rho_interval m eps Hm y Hs He) end;
      try match goal with He : eps = 0 |- _ => pose proof (rho_one m eps y Hs He) end
  end.

(* Products of things that do not vanish do not vanish. *)
Ltac nonvanishing :=
  repeat match goal with
  | |- _ /\ _ => split
  | |- _ * _ <> 0 => apply Rmult_integral_contrapositive_currified
  | |- _ ^ _ <> 0 => apply pow_nonzero
  end; first [assumption | lra | apply Rgt_not_eq; assumption].
Ltac by_field := first [reflexivity | ring | (field; nonvanishing) | lra].

(* veq m v c from V : veq m v c', entry by entry. *)
Ltac entrywise := let i := fresh "i" in let Li := fresh "Li" in intros i Li;
  repeat match goal with
  | V : veq ?m ?v _ |- context [?v i] => rewrite (V i Li); clear V
  end;
  unfold bn_backward, vadd, vscal, one, vzero; by_field.
Ltac entry_of V := eapply veq_trans; [exact V | entrywise].

(* One given of a generated theorem. *)
Ltac given := first
  [ eassumption | lia | lra | solve [entrywise] | (intros; solve [eassumption | lra]) | by_field ].

(* The generated theorem T with all its givens. *)
Ltac by_claim T := eapply T; given.

(* A symmetric form of two linear combinations, expanded. *)
Ltac expand := autorewrite with ip.
