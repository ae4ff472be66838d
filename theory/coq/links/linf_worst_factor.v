From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Scales.
From bnverify.claims Require Import linf_worst_factor.
Open Scope R_scope.

(* yhat = C y / s with s the largest |y - mu|, attained once, at p. *)
Theorem linf_worst_factor_from_definition m y n p :
  (1 <= m)%nat -> (p < m)%nat -> y p - mean m y <> 0 ->
  (forall i, (i < m)%nat -> i <> p -> Rabs (y i - mean m y) < Rabs (y p - mean m y)) ->
  is_grad m (linf_scale m) y n ->
  let yhat := normalized m (centring m) (linf_scale m) y in
  dot m n n * dot m yhat yhat <= INR m - 1.
Proof.
  intros Hm Hp off far Hn yh. pose proof (INR_ge_1 m Hm).
  pose proof (is_grad_unique m _ y _ _ Hn (linf_grad m y Hm p Hp far off)).
  pose proof (room_nonneg m y p Hp far off). pose proof (room_sum m y).
  pose proof (peak_sum m y p Hp). pose proof (peak_norm m y p Hp).
  eapply linf_worst_factor with (peak := peak m y p) (room := room m y); try determined; given.
Qed.
