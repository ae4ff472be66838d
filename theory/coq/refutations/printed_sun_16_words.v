From Coq Require Import Reals Lra Lia.
From bnverify Require Import Depth.
Open Scope R_scope.

(* After Theorem 4.2: for sigma_l^2 = l^(2 - eps) the right side of (15) exceeds every constant. It is at most
   exp (3 A + 2 B). *)
Theorem printed_sun_16_words_false : ~ (forall A B eps (sigma : nat -> R), 0 < A -> 0 < B -> 1 / 2 <= eps < 1 ->
  (forall l, (1 <= l)%nat -> 0 < sigma l /\ sigma l ^ 2 = Rpower (INR l) (2 - eps)) ->
  forall M, exists L, M < before (fun l => 1 + A / (INR l * sigma l) + B / (INR l ^ 2 * sigma l ^ 2)) L).
Proof.
  intros F. set (sigma := fun l => sqrt (Rpower (INR l) (2 - 1 / 2))).
  assert (Pos : forall l, 0 < Rpower (INR l) (2 - 1 / 2)) by (intros; apply exp_pos).
  assert (Root : forall l, (1 <= l)%nat -> 0 < sigma l /\ sigma l ^ 2 = Rpower (INR l) (2 - 1 / 2)).
  { intros l _. specialize (Pos l). split; [apply sqrt_lt_R0; auto | apply pow2_sqrt; lra]. }
  destruct (F 1 1 (1 / 2) sigma Rlt_0_1 Rlt_0_1 ltac:(lra) Root (exp (3 * 1 + 2 * 1))) as (L & H).
  refine (Rlt_not_le _ _ H (scaled_bounded 1 1 sigma ltac:(lra) ltac:(lra) _ L)).
  intros l Ll. destruct (Root l Ll) as (P & E). split; auto. rewrite E. pose proof (layer_ge_1 l Ll).
  rewrite <- (Rpower_1 (INR l)) at 1 by lra. destruct (Req_dec (INR l) 1) as [O|O].
  - rewrite O. unfold Rpower. rewrite ln_1, !Rmult_0_r. lra.
  - apply Rle_Rpower; lra.
Qed.
