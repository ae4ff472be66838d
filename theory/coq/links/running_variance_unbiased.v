From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import running_variance_unbiased.
Open Scope R_scope.

Theorem running_variance_unbiased_from_definition m eps y before w :
  (2 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  let after := (1 - w) * before + w * (INR m / (INR m - 1) * var m y) in
  after = INR m * rho m eps y * w * sd m eps y ^ 2 / (INR m - 1) + before * (1 - w).
Proof.
  intros H2 He Hs after. assert (Hm : (1 <= m)%nat) by lia. moments. pose proof (var_nonneg m Hm y).
  assert (2 <= INR m) by (apply (le_INR 2) in H2; simpl in H2; lra).
  assert (rho m eps y = var m y / sd m eps y ^ 2) by (rewrite S_sq; reflexivity).
  assert (after = INR m * w * var m y / (INR m - 1) + before * (1 - w)) by (unfold after; field; lra).
  assert (after = w * (dot m y y - dot m one y ^ 2 / INR m) / (INR m - 1) + before * (1 - w))
    by (unfold after; rewrite (var_dot m Hm); field; lra).
  by_claim running_variance_unbiased or (unfold after; rewrite (var_dot m Hm); field; lra).
Qed.
