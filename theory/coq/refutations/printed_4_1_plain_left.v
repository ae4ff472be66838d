From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* Theorem 4.1 with the plain gradient on the left. *)
Theorem printed_4_1_plain_left_false : ~ (forall m eps gamma beta y L g,
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps -> is_grad m L (bn m eps gamma beta y) g ->
  dot m g g <= gamma ^ 2 * (dot m g g - dot m one g ^ 2 / INR m - dot m g (yhat m eps y) ^ 2 / INR m) / sd m eps y ^ 2).
Proof.
  intros F. destruct y01_sd as [Hs S]. assert (Hm : (1 <= 2)%nat) by lia.
  specialize (F _ 0 1 0 y01 _ y01 Hm (Rle_refl 0) Hs (linear_grad 2 y01 _)).
  rewrite S, (dot_ext_r 2 y01 _ _ y01_yhat) in F. unfold y01, dot, one, at_list in F. simpl in F. lra.
Qed.
