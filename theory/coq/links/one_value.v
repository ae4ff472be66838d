From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import one_value.
Open Scope R_scope.

Theorem one_value_from_definition m eps y :
  m = 1%nat -> 0 < eps -> dot m (yhat m eps y) (yhat m eps y) = 0.
Proof.
  intros M1 He. assert (Hm : (1 <= m)%nat) by lia. pose proof (var_nonneg m Hm y).
  assert (Hs : 0 < var m y + eps) by lra. moments.
  pose proof (given_yhat m eps Hm y Hs). pose proof (given_root m eps Hm y Hs).
  assert (dot m y y = dot m one y ^ 2) by (rewrite M1; unfold dot, one; simpl; ring).
  by_claim one_value.
Qed.
