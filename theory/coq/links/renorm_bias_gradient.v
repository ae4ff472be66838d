From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Renorm.
From bnverify.claims Require Import renorm_bias_gradient.
Open Scope R_scope.

Theorem renorm_bias_gradient_from_definition m eps r d gamma beta y L g v :
  (1 <= m)%nat -> 0 < var m y + eps ->
  is_grad m L (renorm m eps r d gamma beta y) g ->
  is_grad m (fun x => L (renorm m eps r d gamma beta x)) y v ->
  dot m one v = 0.
Proof.
  intros Hm Hs HL HV. moments. pose proof (given_renorm_v m eps r d gamma beta y L g v Hm Hs HL HV).
  by_claim renorm_bias_gradient.
Qed.
