From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Scales.
From bnverify.claims Require Import l1_worst_factor.
Open Scope R_scope.

(* yhat = C y / s with s the mean of |y - mu|. *)
Theorem l1_worst_factor_from_definition m y n :
  (1 <= m)%nat -> (forall i, (i < m)%nat -> y i - mean m y <> 0) ->
  is_grad m (l1_scale m) y n ->
  let yhat := normalized m (centring m) (l1_scale m) y in
  dot m n n * dot m yhat yhat <= INR m / 2.
Proof.
  intros Hm N Hn yh. pose proof (INR_ge_1 m Hm). pose proof (is_grad_unique m _ y _ _ Hn (l1_grad m y Hm N)).
  pose proof (l1_pos m y Hm N) as Ps. assert (Nz : l1_scale m y <> 0) by lra.
  destruct (parts_sum m yh (centred_by_sum m y Hm (l1_scale m) Nz) (l1_abs m y Hm Ps)).
  pose proof (parts_norm m yh). pose proof (nonneg_positive m yh). pose proof (nonneg_negative m yh). pose proof (signs_norm m y).
  eapply l1_worst_factor with (signs := signs m y) (positive := positive yh) (negative := negative yh); try determined; given.
Qed.
