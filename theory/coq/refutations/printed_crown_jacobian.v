From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Examples.
Open Scope R_scope.

(* The Jacobian without its part along yhat, at x = w = (0, 1). *)
Theorem printed_crown_jacobian_false : ~ (forall m x w v, (1 <= m)%nat -> 0 < var m x + 0 ->
  is_grad m (fun x => dot m w (bn m 0 1 0 x)) x v ->
  veq m v (fun i => (w i - dot m one w / INR m) / sd m 0 x)).
Proof.
  intros F. destruct y01_sd as [Hs S]. assert (Hm : (1 <= 2)%nat) by lia. set (w := at_list [0; 1]).
  specialize (F 2%nat y01 w _ Hm Hs (bn_backward_grad 2 0 Hm 1 0 y01 (dot 2 w) Hs w (is_grad_linear 2 w _)) 0%nat ltac:(lia)).
  unfold bn_backward, vadd, vscal in F. rewrite S, (y01_yhat 0%nat ltac:(lia)), !(dot_ext_r 2 w _ _ y01_yhat) in F.
  unfold dot, one, w, at_list in F. simpl in F. lra.
Qed.
