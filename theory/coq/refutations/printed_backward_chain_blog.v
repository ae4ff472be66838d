From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* The last line of the backward pass without the gradients of mean and variance as factors. *)
Theorem printed_backward_chain_blog_false : ~ (forall m eps gamma beta y L g v w,
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g -> is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  dot m v w = gamma * dot m g w / sd m eps y + 2 * sd m eps y * dot m w (yhat m eps y) / INR m + dot m one w / INR m).
Proof.
  intros F. destruct y01_sd as [Hs S]. assert (Hm : (1 <= 2)%nat) by lia. set (g := at_list [1; 0]).
  specialize (F _ 0 1 0 y01 _ g _ g Hm (Rle_refl 0) Hs (linear_grad 2 g _) (loss_grad 2 0 1 0 y01 g Hm Hs)).
  rewrite (dot_ext_l 2 _ _ g (backward_at 2 0 1 y01 g _ _ S y01_yhat)) in F.
  rewrite S, (dot_ext_r 2 g _ _ y01_yhat) in F. unfold g, dot, one, at_list in F. simpl in F. lra.
Qed.
