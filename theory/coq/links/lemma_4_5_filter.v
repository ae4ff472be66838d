From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Rays.
From bnverify.claims Require Import lemma_4_5_filter.
Open Scope R_scope.

(* distance2 is the squared distance from W0 to the ray of k W*, k > 0. *)
Theorem lemma_4_5_filter_from_definition n W0 Wstar distance2 :
  0 < dot n W0 Wstar ->
  is_min (fun r => exists k, 0 < k /\ r = dist2 n W0 (vscal k Wstar)) distance2 ->
  distance2 = dot n W0 W0 - dot n W0 Wstar ^ 2 / dot n Wstar Wstar.
Proof.
  intros P M. pose proof (ray_distance n W0 Wstar distance2 P M). pose proof (acute_nonzero n W0 Wstar P).
  by_claim lemma_4_5_filter.
Qed.
