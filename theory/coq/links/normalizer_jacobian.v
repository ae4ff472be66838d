From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalizer_jacobian.
Open Scope R_scope.

Theorem normalizer_jacobian_from_definition m P s n y J x w :
  sym m P -> 0 < s y -> is_grad m s y n ->
  (forall i, (i < m)%nat -> is_grad m (fun y => normalized m P s y i) y (J i)) ->
  dot m (mv m J x) w = (- dot m n x * dot m w (normalized m P s y) + dot m w (mv m P x)) / s y.
Proof.
  intros HP Ps Hn HJ.
  assert (E : veq m (mv m J x) (vadd (vscal (- dot m n x / s y) (normalized m P s y)) (vscal (1 / s y) (mv m P x)))).
  { intros i Li. assert (D := normalized_grad m P s (fun _ => n) y i Ps Hn).
    transitivity (mv m (norm_jac m P s (fun _ => n) y) x i).
    { apply bsum_ext. intros k Lk. rewrite (is_grad_unique m _ y _ _ (HJ i Li) D k Lk). reflexivity. }
    rewrite norm_jac_mv by lra. unfold vadd, vscal. field. lra. }
  assert (U : veq m (normalized m P s y) (vscal 1 (normalized m P s y))) by (intros i _; unfold vscal; ring).
  by_claim normalizer_jacobian.
Qed.
