From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Linear.
From bnverify.claims Require Import backward_variance.
Open Scope R_scope.

(* The derivative by the variance, the mean held fixed: L (gamma (y - mu) / sqrt (sigma2 + eps) + beta). *)
Theorem backward_variance_from_definition m eps gamma beta y L g grad_sigma2 :
  0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g ->
  derivable_pt_lim (fun t => L (fun i => gamma * ((y i - mean m y) / sqrt (t + eps)) + beta)) (var m y) grad_sigma2 ->
  grad_sigma2 = - gamma * dot m g (yhat m eps y) / (2 * sd m eps y ^ 2).
Proof.
  intros Hs HL HD. pose proof (is_derive_eq _ _ _ _ HD (variance_slope m eps gamma beta y L g Hs HL)).
  by_claim backward_variance.
Qed.
