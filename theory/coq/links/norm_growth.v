From Coq Require Import Reals Lra Lia.
From bnverify Require Import Steps.
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
  intros Hm Hs HL HW. filter.
  assert (veq d (fun k => W k - learning_rate * grad_W k) (vadd (vscal 1 W) (vscal (- learning_rate) grad_W)))
    by (intros i _; unfold vadd, vscal; ring).
  eapply norm_growth with (y := y) (XW := mv d X W) (v := v) (yhat := yhat m eps y); try determined; given.
Qed.
