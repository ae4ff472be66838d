From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Directions.
From bnverify.claims Require Import gamma_gradient.
Open Scope R_scope.

(* The derivative along the direction t of the gammas of all channels. *)
Theorem gamma_gradient_from_definition C m eps gamma beta Y L g t along_gamma :
  is_grad (C * m) L (bn_layer m eps gamma beta Y) g ->
  derivable_pt_lim (fun h => L (bn_layer m eps (fun j => gamma j + h * t j) beta Y)) 0 along_gamma ->
  along_gamma = dot (C * m) (fun k => t (k / m)%nat * g k) (by_channel m (fun _ => yhat m eps) Y).
Proof.
  intros HL HD. pose proof (uniqueness_limite _ _ _ _ HD (gamma_direction C m eps gamma beta Y L g t HL)).
  pose proof (diagonal_sym (C * m) (fun k => t (k / m)%nat)). pose proof (diagonal_mv (C * m) (fun k => t (k / m)%nat) g).
  by_claim gamma_gradient.
Qed.
