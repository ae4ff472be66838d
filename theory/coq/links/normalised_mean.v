From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalised_mean.
Open Scope R_scope.

Theorem normalised_mean_from_definition m eps y :
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps -> dot m one (yhat m eps y) = 0.
Proof.
  intros Hm He Hs. moments. pose proof (given_yhat m eps Hm y Hs). pose proof (given_root m eps Hm y Hs).
  by_claim normalised_mean.
Qed.
