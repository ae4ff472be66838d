From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Curvature.
From bnverify.claims Require Import second_derivative.
Open Scope R_scope.

(* K i is the Hessian of the normalized value yhat_i. *)
Theorem second_derivative_from_definition m eps y J K x w :
  (1 <= m)%nat -> 0 < var m y + eps ->
  (forall i, (i < m)%nat -> is_hess m (fun y => yhat m eps y i) y (J i) (K i)) ->
  dot m (fun i => dot m x (mv m (K i) x)) w =
    - 2 * (dot m w x - dot m one w * dot m one x / INR m - dot m w (yhat m eps y) * dot m x (yhat m eps y) / INR m)
      * dot m x (yhat m eps y) / (INR m * sd m eps y ^ 2)
    - (dot m x x - dot m one x ^ 2 / INR m - dot m x (yhat m eps y) ^ 2 / INR m) * dot m w (yhat m eps y)
      / (INR m * sd m eps y ^ 2).
Proof.
  intros Hm Hs HK. moments. pose proof (given_second m eps Hm y Hs J K x HK).
  by_claim second_derivative.
Qed.
