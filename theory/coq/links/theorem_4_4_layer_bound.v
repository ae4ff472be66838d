From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Rays.
From bnverify.claims Require Import theorem_4_4_layer_bound.
Open Scope R_scope.

Theorem theorem_4_4_layer_bound_from_definition m d eps gamma beta X W b L g grad_W N :
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps -> is_norm2 m d X N ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W grad_W ->
  dot d grad_W grad_W <= N * gamma ^ 2
    * (dot m g g - (2 - rho m eps (lin d X W b)) * dot m g (yhat m eps (lin d X W b)) ^ 2 / INR m - dot m one g ^ 2 / INR m)
    / sd m eps (lin d X W b) ^ 2.
Proof.
  intros Hm Hs HX HL HW. set (y := lin d X W b) in *. moments.
  pose proof (bn_backward_grad m eps Hm gamma beta y L Hs g HL) as HV. pose proof (rest_psd m d X N HX).
  set (v := bn_backward m eps gamma y g) in *. pose proof (veq_refl m v : veq m v (bn_backward m eps gamma y g)).
  assert (dot d grad_W grad_W = N * dot m v v - dot m v (mv m (rest d X N) v)).
  { assert (D := is_grad_unique d _ W _ _ HW (weights_grad m d (fun x => L (bn m eps gamma beta x)) X W b v HV)).
    rewrite (dot_ext d _ _ _ _ D D), rest_form. ring. }
  by_claim theorem_4_4_layer_bound.
Qed.
