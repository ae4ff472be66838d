From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import jacobian_norm.
Open Scope R_scope.

Theorem jacobian_norm_from_definition m eps y J x :
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  (forall i, (i < m)%nat -> is_grad m (fun y => yhat m eps y i) y (J i)) ->
  dot m (mv m J x) (mv m J x) <= dot m x x / sd m eps y ^ 2.
Proof.
  intros Hm He Hs HJ. moments. pose proof (given_jac m eps Hm y J x Hs HJ).
  by_claim jacobian_norm.
Qed.
