From Coq Require Import Reals Lra Lia.
From bnverify Require Import Depth.
Open Scope R_scope.

(* Theorem 4.2, equation (17), read as a rate: for sigma_l^2 = l the right side of (15) is at least a constant times L. It is at
   most exp (3 A + 2 B). *)
Theorem printed_sun_17_rate_false : ~ (forall A B (sigma : nat -> R), 0 < A -> 0 < B ->
  (forall l, (1 <= l)%nat -> 0 < sigma l /\ sigma l ^ 2 = INR l) ->
  exists c, 0 < c /\ forall L, (1 <= L)%nat -> c * INR L <= before (fun l => 1 + A / (INR l * sigma l) + B / (INR l ^ 2 * sigma l ^ 2)) L).
Proof.
  intros F. set (sigma := fun l => sqrt (INR l)).
  assert (Root : forall l, (1 <= l)%nat -> 0 < sigma l /\ sigma l ^ 2 = INR l).
  { intros l Ll. pose proof (layer_ge_1 l Ll). split; [apply sqrt_lt_R0; lra | apply pow2_sqrt; lra]. }
  destruct (F 1 1 sigma Rlt_0_1 Rlt_0_1 Root) as (c & Pc & H).
  assert (Above : forall L, before (fun l => 1 + 1 / (INR l * sigma l) + 1 / (INR l ^ 2 * sigma l ^ 2)) L <= exp (3 * 1 + 2 * 1)).
  { intros L. apply scaled_bounded; try lra. intros l Ll. destruct (Root l Ll) as (P & E). split; auto. lra. }
  set (x := exp (3 * 1 + 2 * 1)) in *. assert (Px : 0 < x) by apply exp_pos. pose proof (Rinv_0_lt_compat c Pc).
  destruct (archimed (x / c)) as (U & _). assert (Q : 0 < x / c) by (apply Rmult_lt_0_compat; auto).
  set (L := Z.to_nat (up (x / c))).
  assert (Large : x / c < INR L) by (unfold L; rewrite INR_IZR_INZ, Z2Nat.id; auto; apply le_IZR; lra).
  assert (LL : (1 <= L)%nat) by (destruct L; [simpl in Large; lra | lia]).
  specialize (H L LL). specialize (Above L). apply (Rmult_lt_compat_l c) in Large; auto.
  replace (c * (x / c)) with x in Large by (field; lra). lra.
Qed.
