From Coq Require Import Reals Lra Lia.
From bnverify Require Import Steps.
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
  intros stepped direction rate rate_next Hm Hs HL HW N1 N2 N3 N4. filter.
  pose proof (stepped_is d learning_rate momentum weight_decay W B grad_W : veq d stepped _).
  pose proof (direction_is d momentum B grad_W : veq d direction _).
  pose proof (eq_refl rate : rate = learning_rate / ((- learning_rate * weight_decay + 1) * dot d W W)).
  pose proof (eq_refl rate_next : rate_next = next_learning_rate / ((- next_learning_rate * next_weight_decay + 1) * dot d stepped stepped)).
  eapply schedule_law with (y := y) (XW := mv d X W) (v := v) (yhat := yhat m eps y) (grad_W_filter := grad_W) (B_filter := B) (W_filter_stepped := stepped); try determined; given.
Qed.
