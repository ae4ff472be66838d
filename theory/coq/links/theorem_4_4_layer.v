From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Rays.
From bnverify.claims Require Import theorem_4_4_layer.
Open Scope R_scope.

(* N is the squared spectral norm of the design. *)
Theorem theorem_4_4_layer_from_definition m d eps gamma beta X W b L g v grad_W N :
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps -> is_norm2 m d X N ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) (lin d X W b) v ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W grad_W ->
  dot d grad_W grad_W <= N * dot m v v.
Proof.
  intros Hm Hs HX HL HV HW. set (y := lin d X W b) in *. moments.
  pose proof (given_v m eps Hm gamma beta y L Hs g v HL HV) as V. pose proof (rest_psd m d X N HX).
  assert (dot d grad_W grad_W = N * dot m v v - dot m v (mv m (rest d X N) v)).
  { assert (D := is_grad_unique d _ W _ _ HW (weights_grad m d (fun x => L (bn m eps gamma beta x)) X W b v HV)).
    rewrite (dot_ext d _ _ _ _ D D), rest_form. ring. }
  by_claim theorem_4_4_layer.
Qed.
