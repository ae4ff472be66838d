From Coq Require Import Reals Lra.
From bnverify Require Import Vectors.
Open Scope R_scope.

(* The effective rate u / (1 + u^2) after a step is not bounded from below over all rates u. *)
Theorem printed_cai_insensitive_false : ~ (exists K, 0 < K /\ forall u, 0 < u -> 1 <= K * u / (1 + u ^ 2)).
Proof.
  intros (K & HK & F). specialize (F (2 * K) ltac:(lra)).
  assert (P : 0 < 1 + (2 * K) ^ 2) by (assert (0 <= (2 * K) ^ 2) by (apply pow2_ge_0); lra).
  apply (Rmult_le_compat_r (1 + (2 * K) ^ 2)) in F; [|lra].
  replace (K * (2 * K) / (1 + (2 * K) ^ 2) * (1 + (2 * K) ^ 2)) with (2 * K ^ 2) in F by (field; lra).
  assert (0 <= K ^ 2) by apply pow2_ge_0. lra.
Qed.
