From Coq Require Import Reals Lra Lia.
From bnverify Require Import Steps.
From bnverify.claims Require Import equilibrium_law.
Open Scope R_scope.

(* The step that led to W, and the step from W. *)
Theorem equilibrium_law_from_definition m d eps gamma beta X W b B L g grad_W learning_rate momentum weight_decay :
  let stepped := (fun k => W k - learning_rate * (momentum * B k + grad_W k + weight_decay * W k)) : vec in
  let before := (fun k => W k + learning_rate * B k) : vec in
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W grad_W ->
  learning_rate * weight_decay * (1 - momentum) * (- learning_rate * weight_decay + 2 * momentum + 2) * dot d W W =
    -2 * gamma * learning_rate * (1 - rho m eps (lin d X W b)) * (- learning_rate * weight_decay + momentum + 1) * dot m g (yhat m eps (lin d X W b))
    + learning_rate ^ 2 * (momentum + 1) * dot d grad_W grad_W
    + learning_rate * momentum * (2 * momentum + 2)
      * (gamma * (1 - rho m eps (lin d X W b)) * dot m g (yhat m eps (lin d X W b)) + learning_rate * dot d B grad_W)
    - momentum ^ 2 * (momentum + 1) * (dot d W W - dot d before before)
    + 2 * momentum * (- dot d W before + dot d W stepped) * (- learning_rate * weight_decay + momentum + 1)
    - (momentum + 1) * (- dot d W W + dot d stepped stepped).
Proof.
  intros stepped before Hm Hs HL HW. filter.
  pose proof (stepped_is d learning_rate momentum weight_decay W B grad_W : veq d stepped _).
  pose proof (before_is d learning_rate W B : veq d before _).
  eapply equilibrium_law with (y := y) (XW := mv d X W) (v := v) (yhat := yhat m eps y); try determined; given.
Qed.
