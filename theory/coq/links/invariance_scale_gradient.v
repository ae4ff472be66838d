From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Invariance.
From bnverify.claims Require Import invariance_scale_gradient.
Open Scope R_scope.

Theorem invariance_scale_gradient_from_definition m d eps gamma beta X W b k L g v v_scaled w :
  (1 <= m)%nat -> eps = 0 -> 0 < k -> 0 < var m (lin d X W b) + eps ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) (lin d X W b) v ->
  is_grad m (fun x => L (bn m eps gamma beta x)) (lin d X (vscal k W) b) v_scaled ->
  dot m v_scaled w = dot m v w / k.
Proof.
  intros Hm E0 Hk Hs HL HV HV'. assert (He : 0 <= eps) by lra. rewrite lin_scaled in HV'.
  set (y := lin d X W b) in *. moments. pose proof (radicand_pos m eps y k Hm He Hk Hs).
  pose proof (given_v m eps Hm gamma beta y L Hs g v HL HV).
  pose proof (given_v_moved m eps y k (b - k * b) Hm He Hk Hs gamma beta L g v_scaled (root_one m eps y k Hk Rho_one) HL HV') as V'.
  rewrite (root_one m eps y k Hk Rho_one) in V'.
  by_claim invariance_scale_gradient.
Qed.
