From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Linear.
From bnverify.claims Require Import backward_mean.
Open Scope R_scope.

(* The derivative by the mean, the variance held fixed: L (gamma (y - mu) / sqrt (sigma2 + eps) + beta). *)
Theorem backward_mean_from_definition m eps gamma beta y L g grad_mu :
  0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g ->
  derivable_pt_lim (fun t => L (fun i => gamma * ((y i - t) / sqrt (var m y + eps)) + beta)) (mean m y) grad_mu ->
  grad_mu = - gamma * dot m one g / sd m eps y.
Proof.
  intros Hs HL HD. pose proof (is_derive_eq _ _ _ _ HD (mean_slope m eps gamma beta y L g Hs HL)).
  by_claim backward_mean.
Qed.
