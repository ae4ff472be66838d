From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Replicas.
From bnverify.claims Require Import ghost_total_variance.
Open Scope R_scope.

Theorem ghost_total_variance_from_definition K q eps y :
  (1 <= K)%nat -> (1 <= q)%nat -> 0 <= eps -> 0 < var (K * q) y + eps ->
  rho (K * q) eps y * sd (K * q) eps y ^ 2 = between K q y + within K q y.
Proof.
  intros HK Hq He Hs. assert (Hm : (1 <= K * q)%nat) by nia. moments.
  pose proof (within_is K q y HK Hq). pose proof (between_is K q y HK Hq). pose proof (replica_mean_sym K q).
  pose proof (one_B_y K q y Hq). pose proof (B_y_B_y K q y Hq).
  by_claim ghost_total_variance.
Qed.
