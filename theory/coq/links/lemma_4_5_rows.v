From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Rays.
From bnverify.claims Require Import lemma_4_5_rows.
Open Scope R_scope.

(* The left side is the squared distance from W0 to the weights whose filters are k_j W*_j, each k_j > 0. *)
Theorem left_side_is_the_distance C n W0 Wstar distance2 :
  (forall j, (j < C)%nat -> 0 < dot n (chan n W0 j) (chan n Wstar j)) ->
  is_min (fun r => exists k, (forall j, (j < C)%nat -> 0 < k j) /\ r = dist2 (C * n) W0 (per_filter n k Wstar)) distance2 ->
  distance2 = bsum C (fun j => dot n (chan n W0 j) (chan n W0 j)
                               - dot n (chan n W0 j) (chan n Wstar j) ^ 2 / dot n (chan n Wstar j) (chan n Wstar j)).
Proof. intros P M. exact (filters_distance C n W0 Wstar distance2 P M). Qed.

Theorem lemma_4_5_rows_from_definition C n W0 Wstar :
  (1 <= C)%nat -> (forall j, (j < C)%nat -> dot n (chan n Wstar j) (chan n Wstar j) <> 0) ->
  bsum C (fun j => dot n (chan n W0 j) (chan n W0 j)
                   - dot n (chan n W0 j) (chan n Wstar j) ^ 2 / dot n (chan n Wstar j) (chan n Wstar j))
  <= dot (C * n) W0 W0 - dot (C * n) W0 Wstar ^ 2 / dot (C * n) Wstar Wstar.
Proof.
  intros HC N.
  assert (NZ : dot (C * n) Wstar Wstar <> 0).
  { rewrite dot_layer. intros Z.
    exact (N 0%nat HC (bsum_zero_inv C _ (fun j _ => dot_self n (chan n Wstar j)) Z 0%nat HC)). }
  eapply lemma_4_5_rows with (W0 := chan n W0) (Wstar := chan n Wstar); try (symmetry; apply dot_layer); assumption.
Qed.
