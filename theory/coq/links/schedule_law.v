From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Linear.
From bnverify.claims Require Import schedule_law.
Open Scope R_scope.

(* Rates over what weight decay leaves and the squared length, before and after a step. *)
Theorem schedule_law_from_definition m d eps gamma beta X W b B L g grad_W learning_rate momentum weight_decay next_learning_rate next_weight_decay :
  let stepped := (fun k => W k - learning_rate * (momentum * B k + grad_W k + weight_decay * W k)) : vec in
  let direction := (fun k => momentum * B k + grad_W k) : vec in
  let rate := learning_rate / ((- learning_rate * weight_decay + 1) * dot d W W) in
  let rate_next := next_learning_rate / ((- next_learning_rate * next_weight_decay + 1) * dot d stepped stepped) in
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W grad_W ->
  - learning_rate * weight_decay + 1 <> 0 -> - next_learning_rate * next_weight_decay + 1 <> 0 ->
  dot d W W <> 0 -> dot d stepped stepped <> 0 ->
  rate_next * learning_rate * (- learning_rate * weight_decay + 1) * (- next_learning_rate * next_weight_decay + 1)
    * (rate ^ 2 * dot d direction direction * dot d W W
       - 2 * rate * (gamma * (1 - rho m eps (lin d X W b)) * dot m g (yhat m eps (lin d X W b)) + momentum * dot d B W) + 1) =
  rate * next_learning_rate.
Proof.
  intros stepped direction rate rate_next Hm Hs HL HW N1 N2 N3 N4. pose proof (weight_slope m eps Hm d X W b gamma beta L g grad_W Hs HL HW) as S.
  set (y := lin d X W b) in *. set (v := bn_backward m eps gamma y g) in *. moments.
  pose proof (veq_refl m v : veq m v (bn_backward m eps gamma y g)).
  assert (dot d W grad_W = dot m (mv d X W) v) by (rewrite (dot_ext_r d W _ _ S), (dot_comm m _ v); symmetry; rewrite (mv_trans m d X v W); apply dot_comm).
  assert (veq m (mv d X W) (vadd (vscal (- b) one) (vscal 1 y))) by (intros i _; unfold y, lin, vadd, vscal, one, mv, dot; ring).
  assert (veq m y (vadd (vscal b one) (vscal 1 (mv d X W)))) by (intros i _; unfold y, lin, vadd, vscal, one, mv, dot; ring).
  assert (veq d stepped (vadd (vscal (- learning_rate * momentum) B) (vadd (vscal (- learning_rate * weight_decay + 1) W) (vscal (- learning_rate) grad_W))))
    by (intros i _; unfold stepped, vadd, vscal; ring).
  assert (veq d direction (vadd (vscal momentum B) (vscal 1 grad_W))) by (intros i _; unfold direction, vadd, vscal; ring).
  pose proof (eq_refl rate : rate = learning_rate / ((- learning_rate * weight_decay + 1) * dot d W W)).
  pose proof (eq_refl rate_next : rate_next = next_learning_rate / ((- next_learning_rate * next_weight_decay + 1) * dot d stepped stepped)).
  eapply schedule_law with (y := y) (XW := mv d X W) (v := v) (yhat := yhat m eps y) (grad_W_filter := grad_W) (B_filter := B) (W_filter_stepped := stepped); try determined; given.
Qed.
