From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Directions.
From bnverify.claims Require Import beta_gradient.
Open Scope R_scope.

(* The derivative along the direction t of the betas of all channels. *)
Theorem beta_gradient_from_definition C m eps gamma beta Y L g t along_beta :
  is_grad (C * m) L (bn_layer m eps gamma beta Y) g ->
  derivable_pt_lim (fun h => L (bn_layer m eps gamma (fun j => beta j + h * t j) Y)) 0 along_beta ->
  along_beta = dot (C * m) one (fun k => t (k / m)%nat * g k).
Proof.
  intros HL HD. pose proof (uniqueness_limite _ _ _ _ HD (beta_direction C m eps gamma beta Y L g t HL)).
  pose proof (diagonal_sym (C * m) (fun k => t (k / m)%nat)). pose proof (diagonal_mv (C * m) (fun k => t (k / m)%nat) g).
  by_claim beta_gradient.
Qed.
