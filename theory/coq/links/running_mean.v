From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import running_mean.
Open Scope R_scope.

(* The new batch counts with the weight w. *)
Theorem running_mean_from_definition m y before w :
  (1 <= m)%nat ->
  let after := (1 - w) * before + w * mean m y in after = before * (1 - w) + mean m y * w.
Proof.
  intros Hm after. pose proof (var_nonneg m Hm y). assert (Hs : 0 < var m y + 1) by lra. moments. pose proof (mean_dot m y).
  assert (after = before * (1 - w) + w * dot m one y / INR m) by (unfold after; rewrite mean_dot; field; lra).
  eapply running_mean with (yhat := yhat m 1 y); try determined; given.
Qed.
