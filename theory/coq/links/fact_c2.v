From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import fact_c2.
Open Scope R_scope.

Theorem fact_c2_from_definition m eps y J x w :
  (1 <= m)%nat -> 0 < var m y + eps ->
  (forall i, (i < m)%nat -> is_grad m (fun y => yhat m eps y i) y (J i)) ->
  dot m (mv m J x) w = (dot m w x - dot m one w * dot m one x / INR m
                        - dot m w (yhat m eps y) * dot m x (yhat m eps y) / INR m) / sd m eps y.
Proof.
  intros Hm Hs HJ. moments. pose proof (given_jac m eps Hm y J x Hs HJ).
  by_claim fact_c2.
Qed.
