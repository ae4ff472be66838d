From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Invariance.
From bnverify.claims Require Import kohler_variance.
Open Scope R_scope.

Theorem kohler_variance_from_definition m d eps X W b :
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps ->
  sd m eps (lin d X W b) ^ 2 = eps + dot d W (mv d (cov m X) W).
Proof.
  intros Hm Hs. pose proof (cov_form m d X Hm W) as S. rewrite (var_dot m Hm) in S. pose proof (given_root m eps Hm _ Hs).
  assert (sd m eps (lin d X W b) = sqrt (eps + (dot m (lin d X W b) (lin d X W b) - dot m one (lin d X W b) ^ 2 / INR m) / INR m))
    by (rewrite <- (var_dot m Hm), Rplus_comm; reflexivity).
  assert (veq m (lin d X W b) (vadd (vscal b one) (vscal 1 (mv d X W))))
    by (intros i _; unfold lin, vadd, vscal, one, mv, dot; ring).
  by_claim kohler_variance.
Qed.
