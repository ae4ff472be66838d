From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Linear.
From bnverify.claims Require Import observation_4_3_minima.
Open Scope R_scope.

(* A layer y = X W + b 1 with loss L after it; a matched batch norm (gamma = s, beta = mu) is put behind it. Where the
   plain network is stationary, grad_b = 0 and grad_W = 0, so grad_gamma = 0: the alignment vanishes. *)
Theorem observation_4_3_minima_from_definition m d eps X W b L g grad_W grad_b grad_gamma :
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps ->
  is_grad m L (lin d X W b) g ->
  is_grad d (fun W => L (lin d X W b)) W grad_W ->
  derivable_pt_lim (fun b => L (lin d X W b)) b grad_b ->
  derivable_pt_lim (fun gamma => L (bn m eps gamma (mean m (lin d X W b)) (lin d X W b))) (sd m eps (lin d X W b)) grad_gamma ->
  grad_gamma * sd m eps (lin d X W b) = grad_b * (b - mean m (lin d X W b)) + dot d W grad_W.
Proof.
  intros Hm Hs HL HW HB HG. set (y := lin d X W b) in *. moments.
  assert (M : veq m y (bn m eps (sd m eps y) (mean m y) y)).
  { intros i Li. rewrite (Y_is i Li) at 1. unfold bn, vadd, vscal, one. ring. }
  assert (A := is_derive_eq _ _ _ _ HG (gamma_slope m eps _ _ y L g (is_grad_at m L _ _ g M HL))).
  assert (B := is_derive_eq _ _ _ _ HB (bias_slope m d L X W b g HL)).
  assert (E := dot_ext_r d W _ _ (is_grad_unique d _ W _ _ HW (weights_grad m d L X W b g HL))).
  rewrite (dot_comm d W (mv m (trans X) g)), <- (mv_trans m d X g W), (dot_comm m g) in E. rewrite (dot_comm m g one) in B.
  assert (veq m (mv d X W) (vadd (vscal (- b) one) (vscal 1 y))) by (intros i _; unfold y, lin, vadd, vscal, one, mv, dot; ring).
  by_claim observation_4_3_minima.
Qed.
