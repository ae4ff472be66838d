From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalised_norm.
Open Scope R_scope.

Theorem normalised_norm_from_definition m eps y :
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  dot m (yhat m eps y) (yhat m eps y) = INR m * rho m eps y.
Proof.
  intros Hm He Hs. moments. pose proof (given_yhat m eps Hm y Hs). pose proof (given_root m eps Hm y Hs).
  assert (sd m eps y = sqrt (eps + (dot m y y - dot m one y ^ 2 / INR m) / INR m)) by (rewrite <- (var_dot m Hm y), Rplus_comm; reflexivity).
  by_claim normalised_norm.
Qed.
