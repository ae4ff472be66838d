From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Linear.
From bnverify.claims Require Import backward_chain.
Open Scope R_scope.

Theorem backward_chain_from_definition m eps gamma beta y L g v w grad_mu grad_sigma2 :
  (1 <= m)%nat -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  derivable_pt_lim (fun t => L (fun i => gamma * ((y i - t) / sqrt (var m y + eps)) + beta)) (mean m y) grad_mu ->
  derivable_pt_lim (fun t => L (fun i => gamma * ((y i - mean m y) / sqrt (t + eps)) + beta)) (var m y) grad_sigma2 ->
  dot m v w = gamma * dot m g w / sd m eps y + grad_mu * dot m one w / INR m
              + 2 * grad_sigma2 * sd m eps y * dot m w (yhat m eps y) / INR m.
Proof.
  intros Hm Hs HL HV HM HS. moments. pose proof (given_v m eps Hm gamma beta y L Hs g v HL HV).
  pose proof (is_derive_eq _ _ _ _ HS (variance_slope m eps gamma beta y L g Hs HL)).
  pose proof (is_derive_eq _ _ _ _ HM (mean_slope m eps gamma beta y L g Hs HL)).
  by_claim backward_chain.
Qed.
