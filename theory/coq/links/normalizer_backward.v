From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalizer_backward.
Open Scope R_scope.

Theorem normalizer_backward_from_definition m P s n gamma beta y L g v w :
  sym m P -> 0 < s y -> is_grad m s y n ->
  is_grad m L (affine gamma beta (normalized m P s y)) g ->
  is_grad m (fun x => L (affine gamma beta (normalized m P s x))) y v ->
  dot m v w = gamma * (- dot m g (normalized m P s y) * dot m n w + dot m g (mv m P w)) / s y.
Proof.
  intros HP Ps Hn HL HV. pose proof (given_norm_v m P s HP gamma beta L n y g v Ps Hn HL HV).
  pose proof (one_times m (normalized m P s y)).
  by_claim normalizer_backward.
Qed.
