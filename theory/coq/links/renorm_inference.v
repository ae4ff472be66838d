From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Renorm.
From bnverify.claims Require Import renorm_inference.
Open Scope R_scope.

(* Unclipped: r = s / s_run and d = (mu - mu_run) / s_run. *)
Theorem renorm_inference_from_definition m eps gamma beta mu_run s_run y w :
  0 < var m y + eps -> 0 < s_run ->
  dot m w (renorm m eps (sd m eps y / s_run) ((mean m y - mu_run) / s_run) gamma beta y) =
  beta * dot m one w + gamma * (- mu_run * dot m one w + dot m w y) / s_run.
Proof.
  intros Hs Pr. pose proof (sd_pos m eps y Hs). pose proof (y_is m eps y Hs).
  assert (veq m (renorm m eps (sd m eps y / s_run) ((mean m y - mu_run) / s_run) gamma beta y)
    (vadd (vscal (beta + gamma * (mean m y - mu_run) / s_run) one) (vscal (gamma * sd m eps y / s_run) (yhat m eps y))))
    by (intros i _; unfold renorm, vadd, vscal, one; field; lra).
  by_claim renorm_inference.
Qed.
