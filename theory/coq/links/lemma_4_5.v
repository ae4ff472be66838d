From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Rays.
From bnverify.claims Require Import lemma_4_5.
Open Scope R_scope.

(* The weights of C filters of n weights each, and one k for the whole layer. *)
Theorem lemma_4_5_from_definition C n W0 Wstar distance2 :
  0 < dot (C * n) W0 Wstar ->
  is_min (fun r => exists k, 0 < k /\ r = dist2 (C * n) W0 (vscal k Wstar)) distance2 ->
  distance2 = dot (C * n) W0 W0 - dot (C * n) W0 Wstar ^ 2 / dot (C * n) Wstar Wstar.
Proof.
  intros P M. pose proof (ray_distance (C * n) W0 Wstar distance2 P M). pose proof (acute_nonzero (C * n) W0 Wstar P).
  by_claim lemma_4_5.
Qed.
