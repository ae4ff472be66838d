From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalizer_worst_factor_floor.
Open Scope R_scope.

Theorem normalizer_worst_factor_floor_from_definition m P s n y :
  sym m P -> 0 < s y -> is_grad m s y n ->
  (forall k x, 0 < k -> s (vscal k x) = k * s x) ->
  (forall x u, s (fun i => x i + (u i - mv m P u i)) = s x) ->
  1 <= dot m n n * dot m (normalized m P s y) (normalized m P s y).
Proof.
  intros HP Ps Hn Hh Hi. assert (Y1 := slope_of_values m P s n y Ps Hn Hh Hi). set (yh := normalized m P s y) in *.
  pose proof (one_times m yh).
  assert (dot m yh yh <> 0).
  { intros Z. rewrite (dot_ext_r m n yh vzero (dot_self_zero m yh Z)), dot_zero_r in Y1. lra. }
  by_claim normalizer_worst_factor_floor.
Qed.
