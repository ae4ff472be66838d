From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import gradient_inner_product.
Open Scope R_scope.

Theorem gradient_inner_product_from_definition m eps gamma beta y L g v :
  (1 <= m)%nat -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  dot m g v = gamma * (dot m g g - dot m one g ^ 2 / INR m - dot m g (yhat m eps y) ^ 2 / INR m) / sd m eps y.
Proof.
  intros Hm Hs HL HV. moments. pose proof (given_v m eps Hm gamma beta y L Hs g v HL HV).
  by_claim gradient_inner_product.
Qed.
