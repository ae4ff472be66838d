From Coq Require Import Reals Lra Lia.
From bnverify Require Import Steps.
From bnverify.claims Require Import weight_gradient.
Open Scope R_scope.

(* The layer y = X W + b 1; weight_grad is the inner product of the filter with its gradient. *)
Theorem weight_gradient_from_definition m d eps gamma beta X W b L g grad_W :
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W grad_W ->
  dot d W grad_W = gamma * (1 - rho m eps (lin d X W b)) * dot m g (yhat m eps (lin d X W b)).
Proof.
  intros Hm Hs HL HW. filter.
  eapply weight_gradient with (y := y) (XW := mv d X W) (v := v) (yhat := yhat m eps y); try determined; given.
Qed.
