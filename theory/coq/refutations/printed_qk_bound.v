From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Examples.
Open Scope R_scope.

(* Logits of normalized queries and keys with a gain c: no constant K bounds them for every gain. *)
Theorem printed_qk_bound_false : ~ (exists K, 0 < K /\ forall m c q k, (1 <= m)%nat -> 0 < c -> 0 < dot m q q -> 0 < dot m k k ->
  c * (dot m q k / (sqrt (dot m q q / INR m) * sqrt (dot m k k / INR m))) <= K * INR m).
Proof.
  intros (K & HK & F). set (u := at_list [1; 1]).
  assert (U : dot 2 u u = 2) by (unfold dot, u, at_list; simpl; ring).
  specialize (F 2%nat (K + 1) u u ltac:(lia) ltac:(lra) ltac:(lra) ltac:(lra)). rewrite U in F.
  replace (2 / INR 2) with 1 in F by (simpl; field). rewrite sqrt_1 in F. simpl in F. lra.
Qed.
