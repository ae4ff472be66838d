From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import jacobian_projector.
Open Scope R_scope.

Theorem jacobian_projector_from_definition m eps y J x w :
  (1 <= m)%nat -> eps = 0 -> 0 < var m y + eps ->
  (forall i, (i < m)%nat -> is_grad m (fun y => yhat m eps y i) y (J i)) ->
  sd m eps y * dot m (mv m J (mv m J x)) w = dot m (mv m J x) w.
Proof.
  intros Hm E0 Hs HJ. moments. pose proof (given_jac m eps Hm y J x Hs HJ). 
  pose proof (given_jac m eps Hm y J (mv m J x) Hs HJ).
  by_claim jacobian_projector.
Qed.
