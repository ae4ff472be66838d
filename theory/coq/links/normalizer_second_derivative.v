From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalizer_second_derivative.
Open Scope R_scope.

(* K i is the Hessian of the normalized value yhat_i, M that of the scale. *)
Theorem normalizer_second_derivative_from_definition m P s N M y J K x w :
  sym m P -> 0 < s y -> is_hess m s y N M ->
  (forall i, (i < m)%nat -> is_hess m (fun y => normalized m P s y i) y (J i) (K i)) ->
  dot m (fun i => dot m x (mv m (K i) x)) w =
    - dot m w (normalized m P s y) * dot m x (mv m M x) / s y
    - 2 * (- dot m (N y) x * dot m w (normalized m P s y) + dot m w (mv m P x)) * dot m (N y) x / s y ^ 2.
Proof.
  intros HP Ps HN HK. pose proof (one_times m (normalized m P s y)).
  assert (E : veq m (fun i => dot m x (mv m (K i) x))
    (vadd (vscal (- dot m x (mv m M x) / s y + 2 * dot m (N y) x ^ 2 / s y ^ 2) (normalized m P s y))
          (vscal (-2 * dot m (N y) x / s y ^ 2) (mv m P x)))).
  { intros i Li. rewrite (is_hess_form m _ y _ _ _ _ x x (HK i Li) (normalized_hess m P s N M y i Ps HN Li)).
    rewrite norm_hess_form by lra. unfold vadd, vscal. field. lra. }
  assert (sym m M) by apply HN.
  by_claim normalizer_second_derivative.
Qed.
