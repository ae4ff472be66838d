From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Examples.
Open Scope R_scope.

(* The remark after Proposition 3.1: the norm of h is not bounded by a constant times what the next layer makes of it. *)
Theorem printed_peri_remark_false : ~ (exists K, 0 < K /\ forall m h w, (1 <= m)%nat -> dot m h h <= K ^ 2 * dot m h w ^ 2).
Proof.
  intros (K & HK & F). specialize (F 2%nat (at_list [1; 1]) (at_list [1; -1]) ltac:(lia)).
  unfold dot, at_list in F. simpl in F. lra.
Qed.
