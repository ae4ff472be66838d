From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* The gradient of the mean, from dl/dx instead of dl/dxhat. *)
Theorem printed_backward_mean_blog_false : ~ (forall m eps gamma beta y L g v grad_mu,
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g -> is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  derivable_pt_lim (fun t => L (fun i => gamma * ((y i - t) / sqrt (var m y + eps)) + beta)) (mean m y) grad_mu ->
  grad_mu = - dot m one v / sd m eps y).
Proof.
  intros F. destruct y01_sd as [Hs S]. assert (Hm : (1 <= 2)%nat) by lia.
  specialize (F _ 0 1 0 y01 _ y01 _ _ Hm (Rle_refl 0) Hs (linear_grad 2 y01 _) (loss_grad 2 0 1 0 y01 y01 Hm Hs)
    (mean_slope 2 0 1 0 y01 _ y01 Hs (linear_grad 2 y01 _))).
  rewrite (dot_ext_r 2 one _ _ (backward_at 2 0 1 y01 y01 _ _ S y01_yhat)) in F.
  rewrite S in F. unfold y01, dot, one, at_list in F. simpl in F. lra.
Qed.
