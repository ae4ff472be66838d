From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Curvature.
From bnverify.claims Require Import theorem_4_2_layer.
Open Scope R_scope.

(* Every channel at once: V is the gradient of the whole layer, J the Jacobian of the whole layer. *)
Theorem theorem_4_2_layer_from_definition C m eps gamma beta Y L G H Ghat Hhat V J :
  (1 <= m)%nat -> eps = 0 -> (forall j, (j < C)%nat -> 0 < var m (chan m Y j) + eps) ->
  is_hess (C * m) L (bn_layer m eps gamma beta Y) G H ->
  is_hess (C * m) (fun X => L (bn_layer m eps gamma beta X)) Y Ghat Hhat ->
  is_grad (C * m) (fun X => L (bn_layer m eps gamma beta X)) Y V ->
  (forall k, (k < C * m)%nat -> is_grad (C * m) (fun Y => bn_layer m eps gamma beta Y k) Y (J k)) ->
  let g := chan m (G (bn_layer m eps gamma beta Y)) in
  dot (C * m) V (mv (C * m) Hhat V) =
    bsum C (fun j => - gamma j * dot m (g j) (yhat m eps (chan m Y j)) * dot m (chan m V j) (chan m V j)
                     / (INR m * sd m eps (chan m Y j) ^ 2))
    + dot (C * m) (mv (C * m) J V) (mv (C * m) H (mv (C * m) J V)).
Proof.
  intros Hm E0 Hs HL HH HV HJ g.
  assert (HG := is_hess_grad (C * m) L _ G H HL).
  assert (V' := fun j => given_layer_v C m eps gamma beta Y L Hm Hs _ V j HG HV).
  assert (E := layer_hess_is C m eps gamma beta Y L Hm Hs J G H Ghat Hhat V HJ HL HH).
  assert (S : sym (C * m) H) by apply HL. assert (S' : sym (C * m) Hhat) by apply HH.
  assert (R1 : forall j, (j < C)%nat -> rho m eps (chan m Y j) = 1) by (intros; apply rho_one; auto).
  assert (R01 : forall j, (j < C)%nat -> 0 <= rho m eps (chan m Y j) <= 1) by (intros j Lj; rewrite (R1 j Lj); lra).
  assert (Sp : forall j, (j < C)%nat -> 0 < sd m eps (chan m Y j)) by (intros; apply sd_pos; auto).
  assert (N2 : forall j, (j < C)%nat -> dot m (yhat m eps (chan m Y j)) (yhat m eps (chan m Y j)) = INR m * rho m eps (chan m Y j))
    by (intros; apply yhat_norm; auto).
  assert (N1 : forall j, (j < C)%nat -> dot m one (yhat m eps (chan m Y j)) = 0) by (intros; apply yhat_sum; auto).
  eapply theorem_4_2_layer with (rho := fun j => rho m eps (chan m Y j)) (epsilon := fun _ => 0); try eassumption; try (intros; lra).
  rewrite E, Rplus_comm. f_equal. apply bsum_ext. intros j Lj. specialize (Sp j Lj). pose proof (INR_pos m Hm).
  unfold bn_bend. fold g. cbv beta. field. lra.
Qed.
