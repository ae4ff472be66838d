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
  intros Hm Hs HL HW. pose proof (weight_gradient_is m eps Hm d X W b gamma beta L g grad_W Hs HL HW).
  by_claim norm_growth.
Qed.
