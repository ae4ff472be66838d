From Coq Require Import Reals Lra.
From bnverify Require Import Given.
From bnverify.claims Require Import exponential_rate_root.
Open Scope R_scope.

(* A real root of x^2 - (1 + momentum - learning_rate weight_decay) x + momentum. *)
Theorem exponential_rate_root_from_definition momentum learning_rate weight_decay root :
  root ^ 2 - (1 + momentum - learning_rate * weight_decay) * root + momentum = 0 ->
  4 * momentum <= (- learning_rate * weight_decay + momentum + 1) ^ 2.
Proof. intros E. apply exponential_rate_root with (root := root). lra. Qed.
