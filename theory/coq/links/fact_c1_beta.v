From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Linear.
From bnverify.claims Require Import fact_c1_beta.
Open Scope R_scope.

Theorem fact_c1_beta_from_definition m eps gamma beta y L g grad_beta :
  is_grad m L (bn m eps gamma beta y) g ->
  derivable_pt_lim (fun c => L (bn m eps gamma c y)) beta grad_beta ->
  grad_beta = dot m one g.
Proof.
  intros HL HD. pose proof (is_derive_eq _ _ _ _ HD (beta_slope m eps gamma beta y L g HL)) as E.
  rewrite (dot_comm m g one) in E.
  by_claim fact_c1_beta.
Qed.
