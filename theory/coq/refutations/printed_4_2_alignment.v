From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* That the alignment is never negative, for every loss: y = (0, 1), L(z) = - z_2. *)
Theorem printed_4_2_alignment_false : ~ (forall m eps gamma beta y L g,
  (1 <= m)%nat -> eps = 0 -> 0 < var m y + eps -> is_grad m L (bn m eps gamma beta y) g -> dot m g (yhat m eps y) >= 0).
Proof.
  intros F. destruct y01_sd as [Hs S]. assert (Hm : (1 <= 2)%nat) by lia. set (g := at_list [0; -1]).
  specialize (F 2%nat 0 1 0 y01 (linear 2 g) g Hm eq_refl Hs (linear_grad 2 g _)).
  rewrite (dot_ext_r 2 g _ _ y01_yhat) in F. unfold g, dot, at_list in F. simpl in F. lra.
Qed.
