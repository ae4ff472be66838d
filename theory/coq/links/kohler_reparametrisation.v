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
  intros Hm Hs Z. pose proof (INR_ge_1 m Hm). pose proof (sd_pos m eps _ Hs) as Ps.
  pose proof (sum_weights m d X W Z) as S0. pose proof (cov_form m d X Hm W) as S. rewrite (var_dot m Hm) in S.
  set (XW := mv d X W) in *.
  assert (E : eps + (dot m XW XW - dot m one XW ^ 2 / INR m) / INR m = var m (lin d X W b) + eps)
    by (rewrite (var_lin m d X Hm W b), S; ring).
  assert (E' : eps + dot m XW XW / INR m = var m (lin d X W b) + eps) by (rewrite <- E, S0; field; lra).
  assert (A : veq m (bn m eps gamma beta (lin d X W b))
    (vadd (vscal (beta - gamma * dot m one XW / (INR m * sqrt (eps + (dot m XW XW - dot m one XW ^ 2 / INR m) / INR m))) one)
          (vscal (gamma / sqrt (eps + (dot m XW XW - dot m one XW ^ 2 / INR m) / INR m)) XW))).
  { intros i Li. rewrite E. fold (sd m eps (lin d X W b)). unfold bn, yhat.
    assert (M : mean m (lin d X W b) = 1 * mean m XW + b) by (rewrite lin_moved; apply mean_moved; auto).
    rewrite M, mean_dot, S0. unfold vadd, vscal. ones. change (lin d X W b i) with (XW i + b). field. lra. }
  assert (B : veq m (lin d X (vscal (gamma / sqrt (dot d W (mv d (cov m X) W) + eps)) W) beta)
    (vadd (vscal beta one) (vscal (gamma / sqrt (eps + dot m XW XW / INR m)) XW))).
  { intros i Li. replace (dot d W (mv d (cov m X) W) + eps) with (eps + dot m XW XW / INR m)
      by (rewrite S, S0; field; lra).
    unfold lin, vadd, vscal at 2 3. ones. rewrite dot_scal_r. change (dot d (X i) W) with (XW i). ring. }
  assert (P0 : 0 < eps + (dot m XW XW - dot m one XW ^ 2 / INR m) / INR m) by (rewrite E; exact Hs).
  assert (P1 : 0 < eps + dot m XW XW / INR m) by (rewrite E'; exact Hs).
  by_claim kohler_reparametrisation.
Qed.
