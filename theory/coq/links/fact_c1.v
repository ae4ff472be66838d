From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import fact_c1.
Open Scope R_scope.

Theorem fact_c1_from_definition m eps gamma beta y L g v w :
  (1 <= m)%nat -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  dot m v w = gamma * (dot m g w - dot m one g * dot m one w / INR m
                       - dot m g (yhat m eps y) * dot m w (yhat m eps y) / INR m) / sd m eps y.
Proof.
  intros Hm Hs HL HV. moments. pose proof (given_v m eps Hm gamma beta y L Hs g v HL HV).
  by_claim fact_c1.
Qed.
