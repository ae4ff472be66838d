From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples Rays.
Open Scope R_scope.

(* Lemma 4.5 without <W0, W*> > 0: W0 = -1, W* = 1; no point of the ray is as near as printed. *)
Theorem printed_4_5_obtuse_false : ~ (forall n W0 Wstar, dot n Wstar Wstar <> 0 ->
  exists k, 0 < k /\ dist2 n W0 (vscal k Wstar) <= dist2 n W0 Wstar - dot n Wstar (vsub Wstar W0) ^ 2 / dot n Wstar Wstar).
Proof.
  intros F. set (u := at_list [-1]). set (w := at_list [1]).
  assert (N : dot 1 w w <> 0) by (unfold w, dot, at_list; simpl; lra).
  destruct (F 1%nat u w N) as (k & Pk & Q). unfold dist2, vsub, vscal, u, w, dot, at_list in Q. simpl in Q. nra.
Qed.
