From Coq Require Import Reals Lra Lia.
From bnverify Require Import Steps.
From bnverify.claims Require Import exponential_rate.
Open Scope R_scope.

(* A step with weight decay at W, and one without at k W, where k^2 epsilon is added to the variance: of another rate, with
   the buffer that the step before left. *)
Theorem exponential_rate_from_definition m d eps gamma beta X W b B L g grad_W grad_kW t k root learning_rate momentum weight_decay :
  let stepped := (fun k => W k - learning_rate * (momentum * B k + grad_W k + weight_decay * W k)) : vec in
  let before := (fun k => W k + learning_rate * B k) : vec in
  let matched := (fun j => (k * root * before j - k * W j) / (k ^ 2 * learning_rate * root)) : vec in
  let exponential := (fun j => k * W j - k ^ 2 * learning_rate / root * (momentum * matched j + grad_kW j)) : vec in
  (1 <= m)%nat -> 0 < k -> 0 < root -> 0 < learning_rate -> 0 < var m (lin d X W b) + eps ->
  root ^ 2 - (1 + momentum - learning_rate * weight_decay) * root + momentum = 0 ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W grad_W ->
  is_grad d (fun W => L (bn m (k ^ 2 * eps) gamma beta (lin d X W b))) (vscal k W) grad_kW ->
  root ^ 2 * dot d exponential t = k * root * dot d stepped t.
Proof.
  intros stepped before matched exponential Hm Hk Hr He Hs Hroot HL HW HkW.
  assert (HL' : is_grad m L (bn m (k ^ 2 * eps) gamma beta (lin d X (vscal k W) b)) g).
  { rewrite lin_scaled. exact (is_grad_at m L _ _ g (bn_regrown m eps (lin d X W b) k (b - k * b) Hm Hk Hs gamma beta) HL). }
  assert (HZ : 0 < var m (lin d X (vscal k W) b) + k ^ 2 * eps) by (rewrite lin_scaled; apply regrown_pos; auto).
  pose proof (along_gradient m d X _ grad_kW t (weight_slope m (k ^ 2 * eps) Hm d X (vscal k W) b gamma beta L g grad_kW HZ HL' HkW)) as S'.
  pose proof (along_gradient m d X _ grad_W t (weight_slope m eps Hm d X W b gamma beta L g grad_W Hs HL HW)) as S.
  clear HZ HL' HkW. rewrite lin_scaled in S'.
  pose proof (backward_regrown m eps (lin d X W b) k (b - k * b) Hm Hk Hs gamma g) as V'.
  set (v' := bn_backward m (k ^ 2 * eps) gamma (moved k (b - k * b) (lin d X W b)) g) in *.
  change (vadd (vscal k (lin d X W b)) (vscal (b - k * b) one)) with (moved k (b - k * b) (lin d X W b)) in S'. fold v' in S'.
  filter. rewrite (dot_comm d t) in S, S'.
  pose proof (stepped_is d learning_rate momentum weight_decay W B grad_W : veq d stepped _).
  pose proof (before_is d learning_rate W B : veq d before _).
  assert (veq d matched (vadd (vscal (-1 / (k * learning_rate * root)) W) (vscal (1 / (k * learning_rate)) before)))
    by (intros i _; unfold matched, vadd, vscal; field; lra).
  assert (veq d exponential (vadd (vscal (- k ^ 2 * learning_rate * momentum / root) matched) (vadd (vscal k W) (vscal (- k ^ 2 * learning_rate / root) grad_kW))))
    by (intros i _; unfold exponential, vadd, vscal; field; lra).
  assert (root ^ 2 = - momentum + root * (- learning_rate * weight_decay + momentum + 1)) by lra.
  eapply exponential_rate with (v := v) (v_regrown := v') (yhat := yhat m eps y) (Xt := mv d X t) (B_exponential := matched)
    (W_filter_before := before) (W_filter := W) (B_filter := B) (grad_W_filter := grad_W) (grad_kW_filter := grad_kW); try determined; given.
Qed.
