From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import theorem_4_1_exact.
Open Scope R_scope.

Theorem theorem_4_1_exact_from_definition m eps gamma beta y L g v :
  (1 <= m)%nat -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  dot m v v = gamma ^ 2 * (dot m g g - (2 - rho m eps y) * dot m g (yhat m eps y) ^ 2 / INR m - dot m one g ^ 2 / INR m)
              / sd m eps y ^ 2.
Proof.
  intros Hm Hs HL HV. moments. pose proof (given_v m eps Hm gamma beta y L Hs g v HL HV).
  by_claim theorem_4_1_exact.
Qed.
