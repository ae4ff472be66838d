From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Examples.
Open Scope R_scope.

(* The backward pass with the sum of g for its mean, at x = (0, 1), g = (1, 0). *)
Theorem printed_hoedt_mean_false : ~ (forall m x g v, (1 <= m)%nat -> 0 < var m x + 0 ->
  is_grad m (fun x => dot m g (bn m 0 1 0 x)) x v ->
  veq m v (fun i => (g i - dot m one g - dot m g (yhat m 0 x) / INR m * yhat m 0 x i) / sd m 0 x)).
Proof.
  intros F. destruct y01_sd as [Hs S]. assert (Hm : (1 <= 2)%nat) by lia. set (g := at_list [1; 0]).
  specialize (F 2%nat y01 g _ Hm Hs (bn_backward_grad 2 0 Hm 1 0 y01 (dot 2 g) Hs g (is_grad_linear 2 g _)) 0%nat ltac:(lia)).
  unfold bn_backward, vadd, vscal in F. rewrite S, (y01_yhat 0%nat ltac:(lia)), !(dot_ext_r 2 g _ _ y01_yhat) in F.
  unfold dot, one, g, at_list in F. simpl in F. lra.
Qed.
