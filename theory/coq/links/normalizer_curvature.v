From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalizer_curvature.
Open Scope R_scope.

(* u = J v, J the Jacobian of z = gamma P y / s + beta. *)
Theorem normalizer_curvature_from_definition m P s N M gamma beta y L G H Ghat Hhat v J :
  sym m P -> 0 < s y -> is_hess m s y N M ->
  is_hess m L (affine gamma beta (normalized m P s y)) G H ->
  is_hess m (fun x => L (affine gamma beta (normalized m P s x))) y Ghat Hhat ->
  is_grad m (fun x => L (affine gamma beta (normalized m P s x))) y v ->
  (forall i, (i < m)%nat -> is_grad m (fun y => affine gamma beta (normalized m P s y) i) y (J i)) ->
  let g := G (affine gamma beta (normalized m P s y)) in
  dot m v (mv m Hhat v) =
    - gamma * dot m g (normalized m P s y) * dot m v (mv m M v) / s y
    - 2 * gamma * (- dot m g (normalized m P s y) * dot m (N y) v + dot m g (mv m P v)) * dot m (N y) v / s y ^ 2
    + dot m (mv m J v) (mv m H (mv m J v)).
Proof.
  intros HP Ps HN HL HH HV HJ g. pose proof (one_times m (normalized m P s y)).
  assert (S : sym m H) by apply HL. assert (sym m Hhat) by apply HH. assert (sym m M) by apply HN.
  assert (Nz : s y <> 0) by lra.
  assert (E := backward_hess_form m P s gamma beta (fun x => affine gamma beta (normalized m P s x)) L
    (fun x i _ => eq_refl) N M y G H Ghat Hhat v v Ps HN HL HH).
  assert (U : veq m (mv m J v) (norm_velocity m P s gamma (N y) y v)).
  { intros i Li. rewrite <- (norm_velocity_mv m P s gamma N y v Nz i Li). apply bsum_ext. intros k Lk.
    rewrite (is_grad_unique m _ y _ _ (HJ i Li) (output_grad m P s gamma beta (fun x => affine gamma beta (normalized m P s x))
      (fun x i _ => eq_refl) N y i Ps (is_hess_grad m s y N M HN) Li) k Lk). reflexivity. }
  assert (Q : dot m (norm_velocity m P s gamma (N y) y v) (mv m H (norm_velocity m P s gamma (N y) y v)) =
    gamma ^ 2 * dot m (N y) v ^ 2 * dot m (normalized m P s y) (mv m H (normalized m P s y)) / s y ^ 2
    - 2 * gamma ^ 2 * dot m (N y) v * dot m v (mv m P (mv m H (normalized m P s y))) / s y ^ 2
    + gamma ^ 2 * dot m v (mv m P (mv m H (mv m P v))) / s y ^ 2).
  { unfold norm_velocity. autorewrite with ip.
    rewrite (mv_sym m H (normalized m P s y) (mv m P v) S), !(mv_sym_l m P v _ HP). field. lra. }
  assert (U' : veq m (mv m J v) (vadd (vscal (- gamma * dot m (N y) v / s y) (normalized m P s y)) (vscal (gamma / s y) (mv m P v)))).
  { intros i Li. rewrite (U i Li). unfold norm_velocity, vadd. ring. }
  pose proof (given_norm_v m P s HP gamma beta L (N y) y g v Ps (is_hess_grad m s y N M HN) (is_hess_grad m L _ G H HL) HV).
  rewrite Q in E. unfold norm_bend in E. fold g in E.
  eapply normalizer_curvature with (H := H) (P := P) (n := N y); try determined; first [given | rewrite E; field; lra].
Qed.
