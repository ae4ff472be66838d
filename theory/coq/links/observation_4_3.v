From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import observation_4_3.
Open Scope R_scope.

Theorem observation_4_3_from_definition m eps y w :
  0 < var m y + eps -> dot m w (bn m eps (sd m eps y) (mean m y) y) = dot m w y.
Proof.
  intros Hs. pose proof (sd_pos m eps y Hs). pose proof (y_is m eps y Hs).
  assert (veq m (bn m eps (sd m eps y) (mean m y) y) (vadd (vscal (mean m y) one) (vscal (sd m eps y) (yhat m eps y))))
    by (intros i _; unfold bn, vadd, vscal, one; ring).
  by_claim observation_4_3.
Qed.
