(* What batch norm does to k y + c 1, and the covariance of the inputs. *)
From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Export Curvature Linear.
Open Scope R_scope.

Definition moved (k c : R) (y : vec) : vec := vadd (vscal k y) (vscal c one).

Lemma is_hess_at m f z z' G H : veq m z z' -> is_hess m f z G H -> is_hess m f z' G H.
Proof.
  intros E (A & B & S). split; [|split]; auto.
  - exact (near_veq m z z' _ E A).
  - intros i L. exact (is_grad_at m _ z z' _ E (B i L)).
Qed.

Section Moved.
Variables (m : nat) (eps : R) (y : vec) (k c : R).
Hypothesis Hm : (1 <= m)%nat.
Hypothesis He : 0 <= eps.
Hypothesis Hk : 0 < k.
Hypothesis Hs : 0 < var m y + eps.
Notation z := (moved k c y).
Notation root := (sqrt (k ^ 2 * rho m eps y - rho m eps y + 1)).

Lemma mean_moved : mean m z = k * mean m y + c.
Proof.
  pose proof (INR_pos m Hm). unfold mean, moved, vadd, vscal, one. rewrite bsum_add, bsum_scal, bsum_const. field. lra.
Qed.

Lemma var_moved : var m z = k ^ 2 * var m y.
Proof.
  pose proof (INR_pos m Hm). unfold var. rewrite mean_moved.
  rewrite (bsum_ext m _ (fun i => k ^ 2 * (y i - mean m y) ^ 2)) by (intros; unfold moved, vadd, vscal, one; ring).
  rewrite bsum_scal. field. lra.
Qed.

Lemma radicand_pos : 0 < k ^ 2 * rho m eps y - rho m eps y + 1.
Proof.
  moments. pose proof (pow_lt k 2 Hk). destruct (Req_dec (rho m eps y) 0) as [Z|N]; [rewrite Z; lra|].
  assert (0 < k ^ 2 * rho m eps y) by (apply Rmult_lt_0_compat; lra). lra.
Qed.

Lemma var_moved_pos : 0 < var m z + eps.
Proof.
  pose proof radicand_pos as P. moments.
  replace (var m z + eps) with (sd m eps y ^ 2 * (k ^ 2 * rho m eps y - rho m eps y + 1)).
  - apply Rmult_lt_0_compat; auto. apply pow_lt; auto.
  - rewrite S_sq, var_moved. unfold rho. field. lra.
Qed.

Lemma sd_moved : sd m eps z = sd m eps y * root.
Proof.
  pose proof radicand_pos as P. moments. unfold sd at 1 2. rewrite <- sqrt_mult by lra. f_equal.
  rewrite var_moved. unfold rho. field. lra.
Qed.

Lemma yhat_moved : veq m (yhat m eps z) (vscal (k / root) (yhat m eps y)).
Proof.
  pose proof radicand_pos as P. assert (Q : 0 < root) by (apply sqrt_lt_R0; auto). moments. intros i Li.
  unfold yhat, vscal. rewrite sd_moved, mean_moved. unfold moved, vadd, vscal. ones. field. lra.
Qed.

Lemma root_one : rho m eps y = 1 -> root = k.
Proof. intros R1. rewrite R1. replace (k ^ 2 * 1 - 1 + 1) with (k * k) by ring. apply sqrt_square. lra. Qed.

(* Without epsilon, or without rescaling, batch norm gives the same values. *)
Lemma bn_moved gamma beta : root = k -> veq m (bn m eps gamma beta y) (bn m eps gamma beta z).
Proof. intros R i Li. unfold bn. rewrite (yhat_moved i Li), R. unfold vscal. field. lra. Qed.

Lemma given_v_moved gamma beta L g v : root = k -> is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) z v ->
  veq m v (vadd (vscal (- gamma * dot m one g / (INR m * sd m eps y * root)) one)
    (vadd (vscal (gamma / (sd m eps y * root)) g) (vscal (- gamma * dot m g (yhat m eps y) / (INR m * sd m eps y * root)) (yhat m eps y)))).
Proof.
  intros Rk HL HV. pose proof radicand_pos as P. assert (Q : 0 < root) by (apply sqrt_lt_R0; auto).
  assert (HL' := is_grad_at m L _ _ g (bn_moved gamma beta Rk) HL).
  assert (V := given_v m eps Hm gamma beta z L var_moved_pos g v HL' HV). moments. intros i Li. rewrite (V i Li).
  unfold bn_backward. rewrite sd_moved, (dot_ext_r m g _ _ yhat_moved). rewrite dot_scal_r.
  unfold vadd, vscal at 1 2 3. rewrite (yhat_moved i Li). unfold vscal. rewrite Rk. ones. field. lra.
Qed.

Lemma hess_moved gamma beta L G Ghat H Hhat w x : root = k -> is_hess m L (bn m eps gamma beta y) G H ->
  is_hess m (fun x => L (bn m eps gamma beta x)) z Ghat Hhat ->
  dot m w (mv m Hhat x) * k ^ 2 =
  gamma ^ 2 / sd m eps y ^ 2 * (dot m w (mv m H x) - dot m one w / INR m * dot m one (mv m H x) - dot m one x / INR m * dot m one (mv m H w)
    - dot m w (yhat m eps y) / INR m * dot m x (mv m H (yhat m eps y)) - dot m x (yhat m eps y) / INR m * dot m w (mv m H (yhat m eps y))
    + dot m one w * dot m one x / INR m ^ 2 * dot m one (mv m H one)
    + (dot m one w * dot m x (yhat m eps y) + dot m one x * dot m w (yhat m eps y)) / INR m ^ 2 * dot m one (mv m H (yhat m eps y))
    + dot m w (yhat m eps y) * dot m x (yhat m eps y) / INR m ^ 2 * dot m (yhat m eps y) (mv m H (yhat m eps y)))
  + bn_bend m eps gamma y (G (bn m eps gamma beta y)) w x.
Proof.
  intros Rk HL HH. assert (E := bn_moved gamma beta Rk). assert (HL' := is_hess_at m L _ _ G H E HL).
  assert (EG : veq m (G (bn m eps gamma beta z)) (G (bn m eps gamma beta y))).
  { intros i Li. destruct HL as (_ & D & _). exact (is_grad_sees m (fun z => G z i) _ (H i) _ (D i Li) E). }
  assert (Y : veq m (yhat m eps z) (yhat m eps y)).
  { intros i Li. rewrite (yhat_moved i Li), Rk. unfold vscal. field. lra. }
  rewrite (hess_expanded m eps Hm z var_moved_pos gamma beta L G Ghat H Hhat HL' HH w x). unfold bn_bend.
  rewrite sd_moved, Rk, !(dot_ext_r m _ _ _ Y), !(dot_ext_r m _ _ _ (mv_ext m H _ _ Y)), (dot_ext_l m _ _ _ Y).
  rewrite !(dot_ext_l m _ _ _ EG), (dot_comm m one (G (bn m eps gamma beta z))), (dot_ext_l m _ _ _ EG), (dot_comm m _ one).
  moments. field. lra.
Qed.
End Moved.

Section Covariance.
Variables (m d : nat) (X : mat).
Hypothesis Hm : (1 <= m)%nat.

Lemma mean_weights W : mean m (mv d X W) = bsum d (fun k => mean m (col X k) * W k).
Proof.
  unfold mean, mv, col. rewrite bsum_swap. unfold Rdiv. rewrite <- bsum_scal_r. apply bsum_ext. intros k _.
  rewrite bsum_scal_r. ring.
Qed.

Lemma cov_form W : dot d W (mv d (cov m X) W) = var m (mv d X W).
Proof.
  pose proof (INR_pos m Hm).
  assert (A : forall i, mv d X W i - mean m (mv d X W) = bsum d (fun k => (X i k - mean m (col X k)) * W k)).
  { intros i. rewrite mean_weights. unfold mv, Rminus. rewrite <- (Rmult_1_l (bsum d (fun k => mean m (col X k) * W k))).
    rewrite Ropp_mult_distr_l, <- bsum_scal, <- bsum_add. apply bsum_ext. intros; ring. }
  unfold var. rewrite (bsum_ext m _ (fun i => bsum d (fun k => bsum d (fun l =>
     W k * (((X i k - mean m (col X k)) * (X i l - mean m (col X l))) * W l))))).
  - rewrite bsum_swap. unfold dot, mv, cov, Rdiv. rewrite <- bsum_scal_r. apply bsum_ext. intros k _.
    rewrite bsum_swap, <- bsum_scal, <- bsum_scal_r. apply bsum_ext. intros l _.
    rewrite bsum_scal, bsum_scal_r. ring.
  - intros i _. rewrite A. simpl. rewrite Rmult_1_r, <- bsum_scal_r. apply bsum_ext. intros k _.
    rewrite <- bsum_scal. apply bsum_ext. intros; ring.
Qed.

Lemma lin_moved W b : lin d X W b = moved 1 b (mv d X W).
Proof. rewrite lin_split. unfold moved, vadd, vscal. apply FunctionalExtensionality.functional_extensionality. intros; ring. Qed.

Lemma var_lin W b : var m (lin d X W b) = dot d W (mv d (cov m X) W).
Proof. rewrite cov_form, lin_moved, var_moved by auto. ring. Qed.

Lemma sum_weights W : (forall k, (k < d)%nat -> bsum m (col X k) = 0) -> dot m one (mv d X W) = 0.
Proof.
  intros Z. rewrite dot_one. unfold mv. rewrite bsum_swap. rewrite (bsum_ext d _ (fun _ => 0)); [apply bsum_zero|].
  intros k Lk. rewrite bsum_scal_r. change (fun i => X i k) with (col X k). rewrite Z by auto. ring.
Qed.
End Covariance.
