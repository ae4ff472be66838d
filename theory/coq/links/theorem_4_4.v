From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Rays.
From bnverify.claims Require Import theorem_4_4.
Open Scope R_scope.

(* y, s, yhat and g stay as they are; the design X varies over all matrices with |X|^2 <= N. *)
Theorem theorem_4_4_from_definition m d eps gamma beta y L g v N plain normalized :
  (1 <= m)%nat -> (1 <= d)%nat -> 0 <= N -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  is_max (fun r => exists X, bounded_by m d X N /\ r = dot d (mv m (trans X) g) (mv m (trans X) g)) plain ->
  is_max (fun r => exists X, bounded_by m d X N /\ r = dot d (mv m (trans X) v) (mv m (trans X) v)) normalized ->
  normalized = gamma ^ 2 * (- N * (2 - rho m eps y) * dot m g (yhat m eps y) ^ 2 / INR m - N * dot m one g ^ 2 / INR m + plain)
               / sd m eps y ^ 2.
Proof.
  intros Hm Hd PN Hs HL HV HP HN. moments. pose proof (given_v m eps Hm gamma beta y L Hs g v HL HV).
  pose proof (worst_design_value m d N g plain Hd PN HP). pose proof (worst_design_value m d N v normalized Hd PN HN).
  by_claim theorem_4_4.
Qed.
