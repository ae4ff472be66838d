From Coq Require Import Reals Lra Lia.
From bnverify Require Import Depth.
Open Scope R_scope.

(* Theorem 3.3, equation (11): whatever satisfies (9) with sigma_l^2 = l is at most a constant times L. At A = B = 1 the right
   side of (9) is at least the product of 1 + 2/l, that is L (L + 1)/2, as 1/sqrt(l) >= 1/l. *)
Theorem printed_sun_11_false : ~ (forall A B, 0 < A -> 0 < B -> exists c, forall (sigma J : nat -> R),
  (forall l, (1 <= l)%nat -> 0 < sigma l /\ sigma l ^ 2 = INR l) ->
  (forall L, (1 <= L)%nat -> J L <= before (fun l => 1 + A / sigma l + B / sigma l ^ 2) L) ->
  forall L, (1 <= L)%nat -> J L <= c * INR L).
Proof.
  intros F. destruct (F 1 1 Rlt_0_1 Rlt_0_1) as (c & H). clear F.
  set (f := fun l => 1 + 1 / sqrt (INR l) + 1 / sqrt (INR l) ^ 2).
  assert (Root : forall l, (1 <= l)%nat -> 0 < sqrt (INR l) /\ sqrt (INR l) ^ 2 = INR l).
  { intros l Ll. pose proof (layer_ge_1 l Ll). split; [apply sqrt_lt_R0; lra | apply pow2_sqrt; lra]. }
  assert (Q : forall L, (1 <= L)%nat -> INR L * (INR L + 1) / 2 <= before f L).
  { intros L. apply before_quadratic. intros l Ll. unfold f. pose proof (layer_ge_1 l Ll) as P. destruct (Root l Ll) as (R1 & R2).
    rewrite R2. set (x := INR l) in *. assert (sqrt x <= x) by nra. assert (/ x <= / sqrt x) by (apply Rinv_le_contravar; lra).
    unfold Rdiv. lra. }
  destruct (archimed (2 * Rabs c)) as (U & _). pose proof (Rabs_pos c). pose proof (Rle_abs c).
  set (L := Z.to_nat (up (2 * Rabs c))).
  assert (Large : 2 * Rabs c < INR L) by (unfold L; rewrite INR_IZR_INZ, Z2Nat.id; auto; apply le_IZR; lra).
  assert (LL : (1 <= L)%nat) by (destruct L; [simpl in Large; lra | lia]).
  specialize (H (fun l => sqrt (INR l)) (before f) Root (fun L _ => Rle_refl _) L LL). specialize (Q L LL).
  pose proof (layer_ge_1 L LL). nra.
Qed.
