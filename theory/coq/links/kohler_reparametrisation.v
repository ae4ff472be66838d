From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Invariance.
From bnverify.claims Require Import kohler_reparametrisation.
Open Scope R_scope.

(* Inputs of mean zero: batch norm of X W + b is X w~ + beta with w~ = gamma W / sqrt (W'SW + eps). *)
Theorem kohler_reparametrisation_from_definition m d eps gamma beta X W b w :
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps ->
  (forall k, (k < d)%nat -> bsum m (fun i => X i k) = 0) ->
  dot m w (bn m eps gamma beta (lin d X W b)) =
  dot m w (lin d X (vscal (gamma / sqrt (dot d W (mv d (cov m X) W) + eps)) W) beta).
Proof.
  intros Hm Hs Z. pose proof (INR_ge_1 m Hm). pose proof (sum_weights m d X W Z).
  pose proof (cov_form m d X Hm W) as S. rewrite (var_dot m Hm) in S. set (y := lin d X W b) in *. set (WSW := dot d W (mv d (cov m X) W)) in *.
  assert (veq m y (vadd (vscal b one) (vscal 1 (mv d X W)))) by (intros i _; unfold y, lin, vadd, vscal, one, mv, dot; ring).
  assert (P : 0 < eps + WSW) by (pose proof (var_lin m d X Hm W b) as V; fold y in V; fold WSW in V; lra).
  assert (veq m (lin d X (vscal (gamma / sqrt (WSW + eps)) W) beta) (vadd (vscal beta one) (vscal (gamma / sqrt (eps + WSW)) (mv d X W)))).
  { intros i _. rewrite (Rplus_comm WSW). unfold lin, vadd, vscal at 2 3. ones. rewrite dot_scal_r. change (dot d (X i) W) with (mv d X W i). ring. }
  pose proof (given_yhat m eps Hm y Hs) as Y. pose proof (given_root m eps Hm y Hs) as R. pose proof (sqrt_lt_R0 _ R).
  assert (veq m (bn m eps gamma beta y)
    (vadd (vscal (beta - gamma * dot m one y / (INR m * sqrt (eps + (dot m y y - dot m one y ^ 2 / INR m) / INR m))) one)
          (vscal (gamma / sqrt (eps + (dot m y y - dot m one y ^ 2 / INR m) / INR m)) y))).
  { intros i Li. unfold bn. rewrite (Y i Li). unfold vadd, vscal. ones. field. lra. }
  by_claim kohler_reparametrisation.
Qed.
