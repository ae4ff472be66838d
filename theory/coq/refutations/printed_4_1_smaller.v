From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* Batch norm makes the gradient smaller: y = (0, 0, 1, 1), L(z) = z_4. *)
Theorem printed_4_1_smaller_false : ~ (forall m eps gamma beta y L g v,
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g -> is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  dot m v v <= dot m g g).
Proof.
  intros F. destruct y0011_sd as [Hs S]. assert (Hm : (1 <= 4)%nat) by lia. set (g := at_list [0; 0; 0; 1]).
  specialize (F _ 0 1 0 y0011 _ g _ Hm (Rle_refl 0) Hs (linear_grad 4 g _) (loss_grad 4 0 1 0 y0011 g Hm Hs)).
  assert (V := backward_at 4 0 1 y0011 g _ _ S y0011_yhat). rewrite (dot_ext 4 _ _ _ _ V V) in F.
  unfold g, dot, one, at_list in F. simpl in F. lra.
Qed.
