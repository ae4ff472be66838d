From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalizer_gradient.
Open Scope R_scope.

Theorem normalizer_gradient_from_definition m P s n gamma beta y L g v :
  sym m P -> 0 < s y -> is_grad m s y n ->
  is_grad m L (affine gamma beta (normalized m P s y)) g ->
  is_grad m (fun x => L (affine gamma beta (normalized m P s x))) y v ->
  dot m v v = gamma ^ 2 * (dot m g (normalized m P s y) ^ 2 * dot m n n
                - 2 * dot m g (normalized m P s y) * dot m g (mv m P n) + dot m (mv m P g) (mv m P g)) / s y ^ 2.
Proof.
  intros HP Ps Hn HL HV. pose proof (given_norm_v m P s HP gamma beta L n y g v Ps Hn HL HV).
  pose proof (one_times m (normalized m P s y)).
  by_claim normalizer_gradient.
Qed.
