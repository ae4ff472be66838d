From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import scale_gradient.
Open Scope R_scope.

Theorem scale_gradient_from_definition m eps gamma beta y L g v :
  (1 <= m)%nat -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  dot m v (yhat m eps y) = gamma * (1 - rho m eps y) * dot m g (yhat m eps y) / sd m eps y.
Proof.
  intros Hm Hs HL HV. moments. pose proof (given_v m eps Hm gamma beta y L Hs g v HL HV).
  by_claim scale_gradient.
Qed.
