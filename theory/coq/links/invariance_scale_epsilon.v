From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Invariance.
From bnverify.claims Require Import invariance_scale_epsilon.
Open Scope R_scope.

Theorem invariance_scale_epsilon_from_definition m d eps X W b k w :
  (1 <= m)%nat -> 0 <= eps -> 0 < k -> 0 < var m (lin d X W b) + eps ->
  dot m w (yhat m eps (lin d X (vscal k W) b)) = dot m w (yhat m (eps / k ^ 2) (lin d X W b)).
Proof.
  intros Hm He Hk Hs. rewrite lin_scaled. set (y := lin d X W b) in *. pose proof (radicand_pos m eps y k Hm He Hk Hs) as P.
  assert (Q : 0 < sqrt (k ^ 2 * rho m eps y - rho m eps y + 1)) by (apply sqrt_lt_R0; auto). moments.
  pose proof (yhat_moved m eps y k (b - k * b) Hm He Hk Hs).
  assert (Pk : 0 < k ^ 2) by (apply pow_lt; auto).
  assert (S : sd m (eps / k ^ 2) y = sd m eps y * sqrt (k ^ 2 * rho m eps y - rho m eps y + 1) / k).
  { rewrite <- (sd_moved m eps y k 0 Hm He Hk Hs). unfold sd. rewrite (var_moved m y k 0 Hm).
    replace (k ^ 2 * var m y + eps) with (k ^ 2 * (var m y + eps / k ^ 2)) by (field; lra).
    rewrite sqrt_mult_alt, sqrt_pow2 by lra. field. lra. }
  assert (veq m (yhat m (eps / k ^ 2) y) (vscal (k / sqrt (k ^ 2 * rho m eps y - rho m eps y + 1)) (yhat m eps y))).
  { intros i Li. unfold yhat, vscal. rewrite S. field. lra. }
  by_claim invariance_scale_epsilon.
Qed.
