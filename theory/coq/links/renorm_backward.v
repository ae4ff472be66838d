From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Renorm.
From bnverify.claims Require Import renorm_backward.
Open Scope R_scope.

Theorem renorm_backward_from_definition m eps r d gamma beta y L g v w :
  (1 <= m)%nat -> 0 < var m y + eps ->
  is_grad m L (renorm m eps r d gamma beta y) g ->
  is_grad m (fun x => L (renorm m eps r d gamma beta x)) y v ->
  dot m v w = gamma * r * (dot m g w - dot m one g * dot m one w / INR m
                           - dot m g (yhat m eps y) * dot m w (yhat m eps y) / INR m) / sd m eps y.
Proof.
  intros Hm Hs HL HV. moments. pose proof (given_renorm_v m eps r d gamma beta y L g v Hm Hs HL HV).
  by_claim renorm_backward.
Qed.
