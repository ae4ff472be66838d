From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Curvature.
From bnverify.claims Require Import theorem_4_2_layer_exact.
Open Scope R_scope.

(* Every channel at once: V is the gradient of the whole layer, J the Jacobian of the whole layer. *)
Theorem theorem_4_2_layer_exact_from_definition C m eps gamma beta Y L G H Ghat Hhat V J :
  (1 <= m)%nat -> 0 <= eps -> (forall j, (j < C)%nat -> 0 < var m (chan m Y j) + eps) ->
  is_hess (C * m) L (bn_layer m eps gamma beta Y) G H ->
  is_hess (C * m) (fun X => L (bn_layer m eps gamma beta X)) Y Ghat Hhat ->
  is_grad (C * m) (fun X => L (bn_layer m eps gamma beta X)) Y V ->
  (forall k, (k < C * m)%nat -> is_grad (C * m) (fun Y => bn_layer m eps gamma beta Y k) Y (J k)) ->
  let g := chan m (G (bn_layer m eps gamma beta Y)) in let yh := fun j => yhat m eps (chan m Y j) in
  let s := fun j => sd m eps (chan m Y j) in let r := fun j => rho m eps (chan m Y j) in
  dot (C * m) V (mv (C * m) Hhat V) =
    bsum C (fun j => 3 * gamma j ^ 3 * (1 - r j) ^ 2 * dot m (g j) (yh j) ^ 3 / (INR m ^ 2 * s j ^ 4)
                     - 2 * gamma j ^ 2 * (1 - r j) * dot m (g j) (chan m V j) * dot m (g j) (yh j) / (INR m * s j ^ 3)
                     - gamma j * dot m (g j) (yh j) * dot m (chan m V j) (chan m V j) / (INR m * s j ^ 2))
    + dot (C * m) (mv (C * m) J V) (mv (C * m) H (mv (C * m) J V)).
Proof.
  intros Hm He Hs HL HH HV HJ g yh s r.
  assert (HG := is_hess_grad (C * m) L _ G H HL).
  assert (V' := fun j => given_layer_v C m eps gamma beta Y L Hm Hs _ V j HG HV).
  assert (E := layer_hess_is C m eps gamma beta Y L Hm Hs J G H Ghat Hhat V HJ HL HH).
  assert (S : sym (C * m) H) by apply HL. assert (S' : sym (C * m) Hhat) by apply HH.
  assert (R01 : forall j, (j < C)%nat -> 0 <= rho m eps (chan m Y j) <= 1) by (intros; apply rho_interval; auto).
  assert (Sp : forall j, (j < C)%nat -> 0 < sd m eps (chan m Y j)) by (intros; apply sd_pos; auto).
  assert (N2 : forall j, (j < C)%nat -> dot m (yhat m eps (chan m Y j)) (yhat m eps (chan m Y j)) = INR m * rho m eps (chan m Y j))
    by (intros; apply yhat_norm; auto).
  assert (N1 : forall j, (j < C)%nat -> dot m one (yhat m eps (chan m Y j)) = 0) by (intros; apply yhat_sum; auto).
  eapply theorem_4_2_layer_exact with (rho := fun j => rho m eps (chan m Y j)); try eassumption; try lra.
  rewrite E, Rplus_comm. f_equal. apply bsum_ext. intros j Lj. specialize (Sp j Lj). pose proof (INR_pos m Hm).
  unfold bn_bend. subst g yh s r. cbv beta. field. lra.
Qed.
