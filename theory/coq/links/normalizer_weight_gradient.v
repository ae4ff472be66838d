From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalizer_weight_gradient.
Open Scope R_scope.

Theorem normalizer_weight_gradient_from_definition m P s n gamma beta y L g v :
  sym m P -> 0 < s y -> is_grad m s y n ->
  is_grad m L (affine gamma beta (normalized m P s y)) g ->
  is_grad m (fun x => L (affine gamma beta (normalized m P s x))) y v ->
  dot m v y = gamma * (1 - dot m n y / s y) * dot m g (normalized m P s y).
Proof.
  intros HP Ps Hn HL HV. pose proof (given_norm_v m P s HP gamma beta L n y g v Ps Hn HL HV) as V.
  pose proof (one_times m (normalized m P s y)).
  assert (veq m (mv m P y) (vscal (s y) (normalized m P s y))) by (intros i _; unfold normalized, vscal; field; lra).
  by_claim normalizer_weight_gradient.
Qed.
