From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Linear Invariance.
From bnverify.claims Require Import exponential_rate.
Open Scope R_scope.

(* A step with weight decay at W, and one without at k W: of another rate, with the buffer that the step before left. *)
Theorem exponential_rate_from_definition m d eps gamma beta X W b B L g grad_W grad_kW t k root learning_rate momentum weight_decay :
  let stepped := (fun k => W k - learning_rate * (momentum * B k + grad_W k + weight_decay * W k)) : vec in
  let before := (fun k => W k + learning_rate * B k) : vec in
  let matched := (fun j => (k * root * before j - k * W j) / (k ^ 2 * learning_rate * root)) : vec in
  let exponential := (fun j => k * W j - k ^ 2 * learning_rate / root * (momentum * matched j + grad_kW j)) : vec in
  (1 <= m)%nat -> eps = 0 -> 0 < k -> 0 < root -> 0 < learning_rate -> 0 < var m (lin d X W b) + eps ->
  root ^ 2 - (1 + momentum - learning_rate * weight_decay) * root + momentum = 0 ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W grad_W ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) (vscal k W) grad_kW ->
  root ^ 2 * dot d exponential t = k * root * dot d stepped t.
Proof.
  intros stepped before matched exponential Hm E0 Hk Hr He' Hs Hroot HL HW HkW. assert (He : 0 <= eps) by lra.
  pose proof (weight_slope m eps Hm d X W b gamma beta L g grad_W Hs HL HW) as S.
  assert (HZ : 0 < var m (lin d X (vscal k W) b) + eps) by (rewrite lin_scaled; apply var_moved_pos; auto).
  assert (HL' : is_grad m L (bn m eps gamma beta (lin d X (vscal k W) b)) g).
  { rewrite lin_scaled. pose proof (rho_one m eps (lin d X W b) Hs E0) as R1.
    exact (is_grad_at m L _ _ g (bn_moved m eps (lin d X W b) k (b - k * b) Hm He Hk Hs gamma beta (root_one m eps (lin d X W b) k Hk R1)) HL). }
  pose proof (weight_slope m eps Hm d X (vscal k W) b gamma beta L g grad_kW HZ HL' HkW) as S'.
  pose proof (bn_backward_grad m eps Hm gamma beta (lin d X (vscal k W) b) L HZ g HL') as V'.
  set (v' := bn_backward m eps gamma (lin d X (vscal k W) b) g) in *. rewrite lin_scaled in V'.
  clear HZ HL' HkW.
  set (y := lin d X W b) in *. set (v := bn_backward m eps gamma y g) in *. moments.
  pose proof (given_v_moved m eps y k (b - k * b) Hm He Hk Hs gamma beta L g v' (root_one m eps y k Hk Rho_one) HL V') as V''.
  rewrite (root_one m eps y k Hk Rho_one) in V''.
  pose proof (veq_refl m v : veq m v (bn_backward m eps gamma y g)).
  assert (dot d grad_W t = dot m (mv d X t) v) by (rewrite (dot_ext_l d _ _ t S), (dot_comm m _ v); rewrite (mv_trans m d X v t); reflexivity).
  assert (dot d grad_kW t = dot m (mv d X t) v') by (rewrite (dot_ext_l d _ _ t S'), (dot_comm m _ v'); rewrite (mv_trans m d X v' t); reflexivity).
  assert (veq d stepped (vadd (vscal (- learning_rate * momentum) B) (vadd (vscal (- learning_rate * weight_decay + 1) W) (vscal (- learning_rate) grad_W))))
    by (intros i _; unfold stepped, vadd, vscal; ring).
  assert (veq d before (vadd (vscal learning_rate B) (vscal 1 W))) by (intros i _; unfold before, vadd, vscal; ring).
  assert (veq d matched (vadd (vscal (-1 / (k * learning_rate * root)) W) (vscal (1 / (k * learning_rate)) before)))
    by (intros i _; unfold matched, vadd, vscal; field; lra).
  assert (veq d exponential (vadd (vscal (- k ^ 2 * learning_rate * momentum / root) matched) (vadd (vscal k W) (vscal (- k ^ 2 * learning_rate / root) grad_kW))))
    by (intros i _; unfold exponential, vadd, vscal; field; lra).
  assert (root ^ 2 = - momentum + root * (- learning_rate * weight_decay + momentum + 1)) by lra.
  eapply exponential_rate with (v := v) (v_scaled := v') (yhat := yhat m eps y) (Xt := mv d X t) (B_exponential := matched)
    (W_filter_before := before) (W_filter := W) (B_filter := B) (grad_W_filter := grad_W) (grad_kW_filter := grad_kW); try determined; given.
Qed.
