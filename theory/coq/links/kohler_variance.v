From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Invariance.
From bnverify.claims Require Import kohler_variance.
Open Scope R_scope.

Theorem kohler_variance_from_definition m d eps X W b :
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps ->
  sd m eps (lin d X W b) ^ 2 = eps + dot d W (mv d (cov m X) W).
Proof.
  intros Hm Hs. pose proof (INR_ge_1 m Hm).
  pose proof (cov_form m d X Hm W) as S. rewrite (var_dot m Hm) in S.
  set (XW := mv d X W) in *.
  assert (E : eps + (INR m * (b - (b * INR m + dot m one XW) / INR m) ^ 2
    + 2 * (b - (b * INR m + dot m one XW) / INR m) * dot m one XW + dot m XW XW) / INR m = var m (lin d X W b) + eps).
  { rewrite (var_lin m d X Hm W b), S. field. lra. }
  assert (P : sd m eps (lin d X W b) = sqrt (eps + (INR m * (b - (b * INR m + dot m one XW) / INR m) ^ 2
    + 2 * (b - (b * INR m + dot m one XW) / INR m) * dot m one XW + dot m XW XW) / INR m)) by (rewrite E; reflexivity).
  assert (P0 : 0 < eps + (INR m * (b - (b * INR m + dot m one XW) / INR m) ^ 2
    + 2 * (b - (b * INR m + dot m one XW) / INR m) * dot m one XW + dot m XW XW) / INR m) by (rewrite E; exact Hs).
  by_claim kohler_variance.
Qed.
