From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Linear.
From bnverify.claims Require Import norm_growth.
Open Scope R_scope.

(* One step of plain gradient descent on the filter. *)
Theorem norm_growth_from_definition m d eps gamma beta X W b L g grad_W learning_rate :
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W grad_W ->
  dot d (fun k => W k - learning_rate * grad_W k) (fun k => W k - learning_rate * grad_W k) =
    - 2 * gamma * learning_rate * (1 - rho m eps (lin d X W b)) * dot m g (yhat m eps (lin d X W b))
    + learning_rate ^ 2 * dot d grad_W grad_W + dot d W W.
Proof.
  intros Hm Hs HL HW. pose proof (weight_slope m eps Hm d X W b gamma beta L g grad_W Hs HL HW) as S.
  set (y := lin d X W b) in *. set (v := bn_backward m eps gamma y g) in *. moments.
  pose proof (veq_refl m v : veq m v (bn_backward m eps gamma y g)).
  assert (dot d W grad_W = dot m (mv d X W) v) by (rewrite (dot_ext_r d W _ _ S), (dot_comm m _ v); symmetry; rewrite (mv_trans m d X v W); apply dot_comm).
  assert (veq m (mv d X W) (vadd (vscal (- b) one) (vscal 1 y))) by (intros i _; unfold y, lin, vadd, vscal, one, mv, dot; ring).
  assert (veq m y (vadd (vscal b one) (vscal 1 (mv d X W)))) by (intros i _; unfold y, lin, vadd, vscal, one, mv, dot; ring).
  assert (veq d (fun k => W k - learning_rate * grad_W k) (vadd (vscal 1 W) (vscal (- learning_rate) grad_W)))
    by (intros i _; unfold vadd, vscal; ring).
  eapply norm_growth with (y := y) (XW := mv d X W) (v := v) (yhat := yhat m eps y); try determined; given.
Qed.
