From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Invariance.
From bnverify.claims Require Import invariance_shift.
Open Scope R_scope.

Theorem invariance_shift_from_definition m eps y c w :
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  dot m w (yhat m eps (fun i => y i + c)) = dot m w (yhat m eps y).
Proof.
  intros Hm He Hs. pose proof (sd_pos m eps y Hs).
  assert (E : veq m (yhat m eps (fun i => y i + c)) (vscal 1 (yhat m eps y))).
  { intros i Li. replace (fun i => y i + c) with (moved 1 c y).
    - rewrite (yhat_moved m eps y 1 c Hm He Rlt_0_1 Hs i Li).
      replace (1 ^ 2 * rho m eps y - rho m eps y + 1) with 1 by ring. rewrite sqrt_1. unfold vscal. field.
    - apply FunctionalExtensionality.functional_extensionality. intros j. unfold moved, vadd, vscal, one. ring. }
  by_claim invariance_shift.
Qed.
