From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Linear.
From bnverify.claims Require Import fact_c1_gamma.
Open Scope R_scope.

Theorem fact_c1_gamma_from_definition m eps gamma beta y L g grad_gamma :
  is_grad m L (bn m eps gamma beta y) g ->
  derivable_pt_lim (fun c => L (bn m eps c beta y)) gamma grad_gamma ->
  grad_gamma = dot m g (yhat m eps y).
Proof.
  intros HL HD. pose proof (is_derive_eq _ _ _ _ HD (gamma_slope m eps gamma beta y L g HL)).
  by_claim fact_c1_gamma.
Qed.
