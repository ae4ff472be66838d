(* What the links share: the facts of batch norm put into the context, and a tactic for the givens of a generated theorem. *)
From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Export Vectors Calculus Normalizer BatchNorm Layer.
Open Scope R_scope.

(* Everything the definition says at a batch with positive variance + epsilon. *)
Ltac moments :=
  match goal with
  | Hm : (1 <= ?m)%nat, Hs : 0 < var ?m ?y + ?eps |- _ =>
      pose proof (INR_ge_1 m Hm) as M_ge; pose proof (sd_pos m eps y Hs) as S_pos; pose proof (yhat_sum m eps Hm y Hs) as Yhat_sum;
      pose proof (yhat_norm m eps Hm y Hs) as Yhat_norm; pose proof (sd_sq m eps y Hs) as S_sq;
      pose proof (y_is m eps y Hs) as Y_is; pose proof (rho_eps m eps y Hs) as Rho_eps;
      try match goal with He : 0 <= eps |- _ => pose proof (rho_interval m eps Hm y Hs He) as Rho_interval end;
      try match goal with He : eps = 0 |- _ => pose proof (rho_one m eps y Hs He) as Rho_one end
  end.

(* Products of things that do not vanish do not vanish. *)
Ltac nonvanishing :=
  repeat match goal with
  | |- _ /\ _ => split
  | |- _ * _ <> 0 => apply Rmult_integral_contrapositive_currified
  | |- _ ^ _ <> 0 => apply pow_nonzero
  end; first [assumption | lra | apply Rgt_not_eq; assumption].
Ltac by_field := first [reflexivity | ring | (field; nonvanishing) | lra].

Ltac ones := repeat match goal with |- context [one ?i] => change (one i) with 1 end.

(* veq m v c from V : veq m v c', entry by entry. *)
Ltac entrywise := let i := fresh "i" in let Li := fresh "Li" in intros i Li;
  repeat match goal with
  | V : veq ?m ?v _ |- context [?v i] => rewrite (V i Li); clear V
  end;
  unfold bn_backward, vadd, vscal, vzero; ones; by_field.
Ltac entry_of V := eapply veq_trans; [exact V | entrywise].

(* One given of a generated theorem. *)
Ltac given := first
  [ eassumption | lia | lra | solve [entrywise] | (intros; solve [eassumption | lra]) | by_field ].

(* The generated theorem T with all its givens: first those that say what a variable of T is. *)
Ltac determined := match goal with
  | |- veq _ _ _ => eassumption
  | |- _ = _ => eassumption
  end.
Tactic Notation "by_claim" constr(T) := eapply T; try determined; given.
Tactic Notation "by_claim" constr(T) "or" tactic3(t) := eapply T; try determined; first [given | solve [t]].

(* A symmetric form of two linear combinations, expanded. *)
Ltac expand := autorewrite with ip.

(* Givens that need the definition. *)
Section Givens.
Variables (m : nat) (eps : R).
Hypothesis Hm : (1 <= m)%nat.

Lemma given_root y : 0 < var m y + eps -> 0 < eps + (dot m y y - dot m one y ^ 2 / INR m) / INR m.
Proof. intros Hs. rewrite (var_dot m Hm y) in Hs. lra. Qed.

Lemma given_yhat y : 0 < var m y + eps -> veq m (yhat m eps y)
  (vadd (vscal (- dot m one y / (INR m * sqrt (eps + (dot m y y - dot m one y ^ 2 / INR m) / INR m))) one)
        (vscal (1 / sqrt (eps + (dot m y y - dot m one y ^ 2 / INR m) / INR m)) y)).
Proof.
  intros Hs i Li. pose proof (INR_pos m Hm). rewrite <- (var_dot m Hm y), (Rplus_comm eps). fold (sd m eps y).
  pose proof (sd_pos m eps y Hs). unfold yhat, vadd, vscal. rewrite mean_dot. ones. field. lra.
Qed.

(* Any Jacobian of y |-> yhat. *)
Lemma jac_unique y J i : 0 < var m y + eps -> (forall i, (i < m)%nat -> is_grad m (fun y => yhat m eps y i) y (J i)) ->
  (i < m)%nat -> veq m (J i) (jac m eps y i).
Proof. intros Hs HJ Li. exact (is_grad_unique m _ y _ _ (HJ i Li) (yhat_grad m eps Hm y i Li Hs)). Qed.

Lemma given_jac y J x : 0 < var m y + eps -> (forall i, (i < m)%nat -> is_grad m (fun y => yhat m eps y i) y (J i)) ->
  veq m (mv m J x) (vadd (vscal (- dot m one x / (INR m * sd m eps y)) one)
    (vadd (vscal (1 / sd m eps y) x) (vscal (- dot m x (yhat m eps y) / (INR m * sd m eps y)) (yhat m eps y)))).
Proof.
  intros Hs HJ. apply (veq_trans m _ (mv m (jac m eps y) x)); [|apply jac_mv; auto].
  intros i Li. apply bsum_ext. intros j Lj. rewrite (jac_unique y J i Hs HJ Li j Lj). reflexivity.
Qed.

Lemma given_jac_twice y J x : 0 < var m y + eps -> (forall i, (i < m)%nat -> is_grad m (fun y => yhat m eps y i) y (J i)) ->
  veq m (mv m J (mv m J x)) (vadd (vscal (- dot m one x / (INR m * sd m eps y ^ 2)) one)
    (vadd (vscal (/ sd m eps y ^ 2) x)
          (vscal (rho m eps y * dot m x (yhat m eps y) / (INR m * sd m eps y ^ 2)
                  - 2 * dot m x (yhat m eps y) / (INR m * sd m eps y ^ 2)) (yhat m eps y)))).
Proof.
  intros Hs HJ. assert (A := given_jac y J x Hs HJ). moments.
  apply (veq_trans m _ _ _ (given_jac y J (mv m J x) Hs HJ)).
  intros i Li. unfold vadd at 1 2, vscal at 1 2 3.
  rewrite (dot_ext_r m one _ _ A), (dot_ext_l m _ _ (yhat m eps y) A), (A i Li). autorewrite with ip.
  rewrite Yhat_sum, Yhat_norm. unfold vadd, vscal. ones. field. lra.
Qed.
End Givens.
