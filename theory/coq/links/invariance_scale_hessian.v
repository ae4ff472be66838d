From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Invariance.
From bnverify.claims Require Import invariance_scale_hessian.
Open Scope R_scope.

Theorem invariance_scale_hessian_from_definition m d eps gamma beta X W b k L G H Ghat Hhat Ghat_scaled Hhat_scaled w x :
  (1 <= m)%nat -> eps = 0 -> 0 < k -> 0 < var m (lin d X W b) + eps ->
  is_hess m L (bn m eps gamma beta (lin d X W b)) G H ->
  is_hess m (fun x => L (bn m eps gamma beta x)) (lin d X W b) Ghat Hhat ->
  is_hess m (fun x => L (bn m eps gamma beta x)) (lin d X (vscal k W) b) Ghat_scaled Hhat_scaled ->
  dot m w (mv m Hhat_scaled x) = dot m w (mv m Hhat x) / k ^ 2.
Proof.
  intros Hm E0 Hk Hs HL HH HH'. assert (He : 0 <= eps) by lra. rewrite lin_scaled in HH'.
  set (y := lin d X W b) in *. moments. pose proof (radicand_pos m eps y k Hm He Hk Hs).
  pose proof (hess_expanded m eps Hm y Hs gamma beta L G Ghat H Hhat HL HH w x) as E.
  pose proof (hess_moved m eps y k (b - k * b) Hm He Hk Hs gamma beta L G Ghat_scaled H Hhat_scaled w x
    (root_one m eps y k Hk Rho_one) HL HH') as E'.
  unfold bn_bend in E, E'.
  assert (Q : dot m w (mv m Hhat_scaled x) = dot m w (mv m Hhat_scaled x) * k ^ 2 / k ^ 2) by (field; lra).
  rewrite E' in Q.
  eapply invariance_scale_hessian with (m := m) (yhat := yhat m eps y) (s := sd m eps y) (gamma := gamma)
    (g := G (bn m eps gamma beta y)) (H := H) (w := w) (x := x); try determined;
    first [given | rewrite E; field; lra | rewrite Q; field; lra].
Qed.
