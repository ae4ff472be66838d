From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Invariance.
From bnverify.claims Require Import invariance_scale.
Open Scope R_scope.

(* The layer y = X W + b 1, its weights multiplied by k. *)
Theorem invariance_scale_from_definition m d eps X W b k w :
  (1 <= m)%nat -> eps = 0 -> 0 < k -> 0 < var m (lin d X W b) + eps ->
  dot m w (yhat m eps (lin d X (vscal k W) b)) = dot m w (yhat m eps (lin d X W b)).
Proof.
  intros Hm E0 Hk Hs. assert (He : 0 <= eps) by lra. rewrite lin_scaled.
  pose proof (yhat_moved m eps (lin d X W b) k (b - k * b) Hm He Hk Hs).
  pose proof (rho_one m eps _ Hs E0). pose proof (radicand_pos m eps (lin d X W b) k Hm He Hk Hs).
  by_claim invariance_scale.
Qed.
