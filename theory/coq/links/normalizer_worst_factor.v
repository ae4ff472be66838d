From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalizer_worst_factor.
Open Scope R_scope.

(* P is an orthogonal projector; the scale is homogeneous and does not see what P removes. *)
Theorem normalizer_worst_factor_from_definition m P s n gamma beta y L g v :
  sym m P -> (forall u, veq m (mv m P (mv m P u)) (mv m P u)) -> 0 < s y -> is_grad m s y n ->
  (forall k x, 0 < k -> s (vscal k x) = k * s x) ->
  (forall x u, s (fun i => x i + (u i - mv m P u i)) = s x) ->
  is_grad m L (affine gamma beta (normalized m P s y)) g ->
  is_grad m (fun x => L (affine gamma beta (normalized m P s x))) y v ->
  dot m v v <= gamma ^ 2 * dot m n n * dot m (normalized m P s y) (normalized m P s y) * dot m (mv m P g) (mv m P g) / s y ^ 2.
Proof.
  intros HP HPP Ps Hn Hh Hi HL HV. pose proof (given_norm_v m P s HP gamma beta L n y g v Ps Hn HL HV).
  pose proof (slope_of_values m P s n y Ps Hn Hh Hi).
  assert (veq m (mv m P n) (vscal 1 n)).
  { apply dot_unique. intros w. rewrite dot_scal_r, (mv_sym m P w n HP), (unseen m P s n y w Hn Hi), (dot_comm m n w). ring. }
  assert (veq m (mv m P (normalized m P s y)) (vscal 1 (normalized m P s y))).
  { apply dot_unique. intros w. rewrite dot_scal_r, (mv_sym m P w _ HP), (dot_comm m _ (mv m P w)), <- (projected_values m P s w y HP HPP). ring. }
  by_claim normalizer_worst_factor.
Qed.
