From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalised_norm.
Open Scope R_scope.

Theorem normalised_norm_from_definition m eps y :
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  dot m (yhat m eps y) (yhat m eps y) = INR m * rho m eps y.
Proof.
  intros Hm He Hs. moments. pose proof (given_yhat m eps Hm y Hs). pose proof (given_root m eps Hm y Hs).
  pose proof (var_nonneg m Hm y).
  assert (rho m eps y = var m y / (eps + var m y)) by (unfold rho; f_equal; ring).
  assert (dot m y y = (INR m ^ 2 * var m y + dot m one y ^ 2) / INR m) by (rewrite (var_dot m Hm y); field; lra).
  by_claim normalised_norm.
Qed.
