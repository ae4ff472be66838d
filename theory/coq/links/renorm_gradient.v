From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Renorm.
From bnverify.claims Require Import renorm_gradient.
Open Scope R_scope.

Theorem renorm_gradient_from_definition m eps r d gamma beta y L g v :
  (1 <= m)%nat -> 0 < var m y + eps ->
  is_grad m L (renorm m eps r d gamma beta y) g ->
  is_grad m (fun x => L (renorm m eps r d gamma beta x)) y v ->
  dot m v v = gamma ^ 2 * r ^ 2 * (dot m g g - (2 - rho m eps y) * dot m g (yhat m eps y) ^ 2 / INR m
                                   - dot m one g ^ 2 / INR m) / sd m eps y ^ 2.
Proof.
  intros Hm Hs HL HV. moments. pose proof (given_renorm_v m eps r d gamma beta y L g v Hm Hs HL HV).
  by_claim renorm_gradient.
Qed.
