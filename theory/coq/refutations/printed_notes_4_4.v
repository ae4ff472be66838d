From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples Rays.
Open Scope R_scope.

(* Theorem 4.4 with gamma for gamma^2, the squared maximum squared again, and 1/m^2: y = (0, 1), L(z) = z_2, lambda = 1. *)
Theorem printed_notes_4_4_false : ~ (forall m d eps gamma beta y L g v N plain normalized,
  (1 <= m)%nat -> (1 <= d)%nat -> 0 <= N -> 0 <= eps -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g -> is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  worst_design m d N g plain -> worst_design m d N v normalized ->
  normalized <= gamma * (plain ^ 2 - dot m one g ^ 2 / INR m ^ 2 - N * dot m g (yhat m eps y) ^ 2) / sd m eps y ^ 2).
Proof.
  intros F. destruct y01_sd as [Hs S]. assert (Hm : (1 <= 2)%nat) by lia.
  specialize (F 2%nat 1%nat 0 1 0 y01 _ y01 _ 1 _ _ Hm (le_n 1) Rle_0_1 (Rle_refl 0) Hs (linear_grad 2 y01 _) (loss_grad 2 0 1 0 y01 y01 Hm Hs)
    (worst_design_is 2 1 1 y01 (le_n 1) Rle_0_1) (worst_design_is 2 1 1 _ (le_n 1) Rle_0_1)).
  assert (V := backward_at 2 0 1 y01 y01 _ _ S y01_yhat). rewrite (dot_ext 2 _ _ _ _ V V) in F.
  rewrite S, !(dot_ext_r 2 y01 _ _ y01_yhat) in F. unfold y01, dot, one, at_list in F. simpl in F. lra.
Qed.
