From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Linear.
From bnverify.claims Require Import rotation_law.
Open Scope R_scope.

(* The step that led to W, and the step from W. *)
Theorem rotation_law_from_definition m d eps gamma beta X W b B L g grad_W learning_rate momentum weight_decay :
  let stepped := (fun k => W k - learning_rate * (momentum * B k + grad_W k + weight_decay * W k)) : vec in
  let before := (fun k => W k + learning_rate * B k) : vec in
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W grad_W ->
  (momentum + 1) * (dot d W W - dot d W stepped) =
    learning_rate * (gamma * (1 - rho m eps (lin d X W b)) * dot m g (yhat m eps (lin d X W b)) + weight_decay * dot d W W)
    - momentum * (- dot d W before + dot d W stepped).
Proof.
  intros stepped before Hm Hs HL HW. pose proof (weight_slope m eps Hm d X W b gamma beta L g grad_W Hs HL HW) as S.
  set (y := lin d X W b) in *. set (v := bn_backward m eps gamma y g) in *. moments.
  pose proof (veq_refl m v : veq m v (bn_backward m eps gamma y g)).
  assert (dot d W grad_W = dot m (mv d X W) v) by (rewrite (dot_ext_r d W _ _ S), (dot_comm m _ v); symmetry; rewrite (mv_trans m d X v W); apply dot_comm).
  assert (veq m (mv d X W) (vadd (vscal (- b) one) (vscal 1 y))) by (intros i _; unfold y, lin, vadd, vscal, one, mv, dot; ring).
  assert (veq m y (vadd (vscal b one) (vscal 1 (mv d X W)))) by (intros i _; unfold y, lin, vadd, vscal, one, mv, dot; ring).
  assert (veq d stepped (vadd (vscal (- learning_rate * momentum) B) (vadd (vscal (- learning_rate * weight_decay + 1) W) (vscal (- learning_rate) grad_W))))
    by (intros i _; unfold stepped, vadd, vscal; ring).
  assert (veq d before (vadd (vscal learning_rate B) (vscal 1 W))) by (intros i _; unfold before, vadd, vscal; ring).
  eapply rotation_law with (y := y) (XW := mv d X W) (v := v) (yhat := yhat m eps y) (grad_W_filter := grad_W) (B_filter := B); try determined; given.
Qed.
