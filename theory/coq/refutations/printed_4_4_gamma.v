From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples Rays.
Open Scope R_scope.

(* Theorem 4.4 with gamma for gamma^2: y = (0, 0, 1, 1), L(z) = z_4, gamma = 2, lambda = 1. *)
Theorem printed_4_4_gamma_false : ~ (forall m d eps gamma beta y L g v N plain normalized,
  (1 <= m)%nat -> (1 <= d)%nat -> 0 <= N -> 0 <= eps -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g -> is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  worst_design m d N g plain -> worst_design m d N v normalized ->
  normalized <= gamma * (plain - N * (dot m one g ^ 2 / INR m + dot m g (yhat m eps y) ^ 2 / INR m)) / sd m eps y ^ 2).
Proof.
  intros F. destruct y0011_sd as [Hs S]. assert (Hm : (1 <= 4)%nat) by lia. set (g := at_list [0; 0; 0; 1]).
  specialize (F 4%nat 1%nat 0 2 0 y0011 _ g _ 1 _ _ Hm (le_n 1) Rle_0_1 (Rle_refl 0) Hs (linear_grad 4 g _) (loss_grad 4 0 2 0 y0011 g Hm Hs)
    (worst_design_is 4 1 1 g (le_n 1) Rle_0_1) (worst_design_is 4 1 1 _ (le_n 1) Rle_0_1)).
  assert (V := backward_at 4 0 2 y0011 g _ _ S y0011_yhat). rewrite (dot_ext 4 _ _ _ _ V V) in F.
  rewrite S, !(dot_ext_r 4 g _ _ y0011_yhat) in F. unfold g, dot, one, at_list in F. simpl in F. lra.
Qed.
