From Coq Require Import Reals Lra Lia.
From bnverify Require Import Steps.
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
  intros stepped Hm Hs HL HW. filter.
  pose proof (stepped_is d learning_rate momentum weight_decay W B grad_W : veq d stepped _).
  eapply step_rotation with (y := y) (XW := mv d X W) (v := v) (yhat := yhat m eps y) (grad_W_filter := grad_W); try determined; given.
Qed.
