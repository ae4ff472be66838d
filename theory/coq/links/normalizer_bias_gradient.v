From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalizer_bias_gradient.
Open Scope R_scope.

Theorem normalizer_bias_gradient_from_definition m P s n gamma beta y L g v :
  sym m P -> 0 < s y -> is_grad m s y n ->
  is_grad m L (affine gamma beta (normalized m P s y)) g ->
  is_grad m (fun x => L (affine gamma beta (normalized m P s x))) y v ->
  dot m one v = gamma * (- dot m one n * dot m g (normalized m P s y) + dot m one (mv m P g)) / s y.
Proof.
  intros HP Ps Hn HL HV. pose proof (given_norm_v m P s HP gamma beta L n y g v Ps Hn HL HV).
  pose proof (one_times m (normalized m P s y)).
  by_claim normalizer_bias_gradient.
Qed.
