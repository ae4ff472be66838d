From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Invariance.
From bnverify.claims Require Import invariance_shift_gradient.
Open Scope R_scope.

Theorem invariance_shift_gradient_from_definition m eps gamma beta y c L g v v_shifted w :
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  is_grad m (fun x => L (bn m eps gamma beta x)) (fun i => y i + c) v_shifted ->
  dot m v_shifted w = dot m v w.
Proof.
  intros Hm He Hs HL HV HV'. moments. pose proof (given_v m eps Hm gamma beta y L Hs g v HL HV).
  assert (M : (fun i => y i + c) = moved 1 c y)
    by (apply FunctionalExtensionality.functional_extensionality; intros j; unfold moved, vadd, vscal, one; ring).
  rewrite M in HV'.
  assert (R1 : sqrt (1 ^ 2 * rho m eps y - rho m eps y + 1) = 1)
    by (replace (1 ^ 2 * rho m eps y - rho m eps y + 1) with 1 by ring; apply sqrt_1).
  pose proof (given_v_moved m eps y 1 c Hm He Rlt_0_1 Hs gamma beta L g v_shifted R1 HL HV') as V'. rewrite R1 in V'.
  eapply invariance_shift_gradient with (yhat := yhat m eps y); try eassumption; given.
Qed.
