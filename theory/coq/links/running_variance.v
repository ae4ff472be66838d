From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import running_variance.
Open Scope R_scope.

Theorem running_variance_from_definition m eps y before w :
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  let after := (1 - w) * before + w * var m y in
  after = rho m eps y * w * sd m eps y ^ 2 + before * (1 - w).
Proof.
  intros Hm He Hs after. moments. pose proof (var_nonneg m Hm y).
  assert (rho m eps y = var m y / sd m eps y ^ 2) by (rewrite S_sq; reflexivity).
  assert (after = before * (1 - w) + w * (dot m y y - dot m one y ^ 2 / INR m) / INR m)
    by (unfold after; rewrite (var_dot m Hm); field; lra).
  assert (after = w * var m y + before * (1 - w)) by (unfold after; ring).
  by_claim running_variance or (unfold after; rewrite (var_dot m Hm); field; lra).
Qed.
