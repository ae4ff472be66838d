From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import jacobian_squared.
Open Scope R_scope.

Theorem jacobian_squared_from_definition m eps y J x w :
  (1 <= m)%nat -> 0 < var m y + eps ->
  (forall i, (i < m)%nat -> is_grad m (fun y => yhat m eps y i) y (J i)) ->
  dot m (mv m J (mv m J x)) w =
    (dot m w x - (2 - rho m eps y) * dot m w (yhat m eps y) * dot m x (yhat m eps y) / INR m
     - dot m one w * dot m one x / INR m) / sd m eps y ^ 2.
Proof.
  intros Hm Hs HJ. moments. pose proof (given_jac m eps Hm y J x Hs HJ).
  pose proof (given_jac m eps Hm y J (mv m J x) Hs HJ).
  by_claim jacobian_squared.
Qed.
