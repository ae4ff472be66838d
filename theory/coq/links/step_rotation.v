From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Linear.
From bnverify.claims Require Import step_rotation.
Open Scope R_scope.

(* One step of gradient descent with momentum and weight decay on the filter. *)
Theorem step_rotation_from_definition m d eps gamma beta X W b B L g grad_W learning_rate momentum weight_decay :
  let stepped := (fun k => W k - learning_rate * (momentum * B k + grad_W k + weight_decay * W k)) : vec in
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W grad_W ->
  dot d W stepped =
    - gamma * learning_rate * (1 - rho m eps (lin d X W b)) * dot m g (yhat m eps (lin d X W b))
    - learning_rate * momentum * dot d B W + (- learning_rate * weight_decay + 1) * dot d W W.
Proof.
  intros stepped Hm Hs HL HW. pose proof (weight_slope m eps Hm d X W b gamma beta L g grad_W Hs HL HW) as S.
  set (y := lin d X W b) in *. set (v := bn_backward m eps gamma y g) in *. moments.
  pose proof (veq_refl m v : veq m v (bn_backward m eps gamma y g)).
  assert (dot d W grad_W = dot m (mv d X W) v) by (rewrite (dot_ext_r d W _ _ S), (dot_comm m _ v); symmetry; rewrite (mv_trans m d X v W); apply dot_comm).
  assert (veq m (mv d X W) (vadd (vscal (- b) one) (vscal 1 y))) by (intros i _; unfold y, lin, vadd, vscal, one, mv, dot; ring).
  assert (veq m y (vadd (vscal b one) (vscal 1 (mv d X W)))) by (intros i _; unfold y, lin, vadd, vscal, one, mv, dot; ring).
  assert (veq d stepped (vadd (vscal (- learning_rate * momentum) B) (vadd (vscal (- learning_rate * weight_decay + 1) W) (vscal (- learning_rate) grad_W))))
    by (intros i _; unfold stepped, vadd, vscal; ring).
  eapply step_rotation with (y := y) (XW := mv d X W) (v := v) (yhat := yhat m eps y) (grad_W_filter := grad_W); try determined; given.
Qed.
