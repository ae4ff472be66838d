(* A linear layer y = X W + b 1, X the design matrix (im2col for a convolution), and derivatives by parameters. *)
From Coq Require Import Reals Lra Lia Psatz FunctionalExtensionality.
From bnverify Require Import Vectors Calculus Normalizer BatchNorm.
Open Scope R_scope.

(* d weights, rows X i of the design matrix. *)
Definition lin (d : nat) (X : mat) (W : vec) (b : R) : vec := fun i => dot d (X i) W + b.

(* The covariance of the inputs over the batch. *)
Definition col (X : mat) (k : nat) : vec := fun i => X i k.
Definition cov (m : nat) (X : mat) : mat :=
  fun k l => bsum m (fun i => (X i k - mean m (col X k)) * (X i l - mean m (col X l))) / INR m.

(* The largest |X u|^2 over unit vectors u: the squared spectral norm. *)
Definition is_norm2 (m d : nat) (X : mat) (N : R) : Prop :=
  is_lub (fun r => exists u, dot d u u <= 1 /\ r = dot m (mv d X u) (mv d X u)) N.

Lemma lin_grad d X W b i : is_grad d (fun W => lin d X W b i) W (X i).
Proof.
  apply (is_grad_veq d _ W (vadd (X i) vzero)); [intros k _; unfold vadd, vzero; ring|].
  apply (is_grad_add d (dot d (X i)) (fun _ => b)); [apply is_grad_linear | apply is_grad_const].
Qed.

Lemma weights_grad m d f X W b v : is_grad m f (lin d X W b) v ->
  is_grad d (fun W => f (lin d X W b)) W (mv m (trans X) v).
Proof. intros D. apply (is_grad_chain d m f (fun W => lin d X W b)); auto. intros i _. apply lin_grad. Qed.

Lemma bias_slope m d f X W b v : is_grad m f (lin d X W b) v ->
  derivable_pt_lim (fun b => f (lin d X W b)) b (dot m v one).
Proof.
  intros D. apply (curve_chain m f (fun b => lin d X W b)); auto. intros i _. unfold lin, one.
  assert (E := derivable_pt_lim_plus (fct_cte (dot d (X i) W)) id b 0 1 (derivable_pt_lim_const _ b) (derivable_pt_lim_id b)).
  rewrite Rplus_0_l in E. exact E.
Qed.

Lemma lin_split d X W b : lin d X W b = vadd (mv d X W) (vscal b one).
Proof. apply functional_extensionality. intros i. unfold lin, vadd, vscal, one, mv, dot. ring. Qed.

Lemma lin_scaled d X W b k : lin d X (vscal k W) b = vadd (vscal k (lin d X W b)) (vscal (b - k * b) one).
Proof.
  apply functional_extensionality. intros i. unfold lin, vadd, vscal at 2 3, one.
  change (dot d (X i) (vscal k W) + b = k * (dot d (X i) W + b) + (b - k * b) * 1). rewrite dot_scal_r. ring.
Qed.

(* Derivatives by one parameter of the normalization. *)

Lemma line_slope m f (p q : vec) t g : is_grad m f (vadd (vscal t p) q) g ->
  derivable_pt_lim (fun t => f (vadd (vscal t p) q)) t (dot m g p).
Proof.
  intros D. apply (curve_chain m f (fun t => vadd (vscal t p) q)); auto. intros i _. unfold vadd, vscal.
  assert (E := derivable_pt_lim_plus (mult_real_fct (p i) id) (fct_cte (q i)) t (p i * 1) 0
    (derivable_pt_lim_scal id (p i) t 1 (derivable_pt_lim_id t)) (derivable_pt_lim_const _ t)).
  rewrite Rplus_0_r, Rmult_1_r in E. unfold plus_fct, mult_real_fct, fct_cte, id in E.
  intros e Pe. destruct (E e Pe) as (d & Q). exists d. intros h N Lh. rewrite !(Rmult_comm _ (p i)). auto.
Qed.

Lemma is_derive_eq f t l l' : derivable_pt_lim f t l -> derivable_pt_lim f t l' -> l = l'.
Proof. intros A B. exact (uniqueness_limite f t l l' A B). Qed.

Section Batch.
Variables (m : nat) (eps : R).
Hypothesis Hm : (1 <= m)%nat.

Lemma bn_line gamma beta y : bn m eps gamma beta y = vadd (vscal gamma (yhat m eps y)) (fun _ => beta).
Proof. reflexivity. Qed.

Lemma gamma_slope gamma beta y L g : is_grad m L (bn m eps gamma beta y) g ->
  derivable_pt_lim (fun c => L (bn m eps c beta y)) gamma (dot m g (yhat m eps y)).
Proof. exact (line_slope m L (yhat m eps y) (fun _ => beta) gamma g). Qed.

Lemma beta_slope gamma beta y L g : is_grad m L (bn m eps gamma beta y) g ->
  derivable_pt_lim (fun c => L (bn m eps gamma c y)) beta (dot m g one).
Proof.
  intros D. assert (E : forall c, bn m eps gamma c y = vadd (vscal c one) (vscal gamma (yhat m eps y))).
  { intros c. apply functional_extensionality. intros i. unfold bn, vadd, vscal, one. ring. }
  rewrite E in D. intros e Pe. destruct (line_slope m L one _ beta g D e Pe) as (d & Q). exists d.
  intros h N Lh. rewrite !E. auto.
Qed.

(* The normalization with its mean and variance as numbers of their own. *)
Definition standardized (mu sigma2 gamma beta : R) (y : vec) : vec := fun i => gamma * ((y i - mu) / sqrt (sigma2 + eps)) + beta.

Lemma standardized_bn gamma beta y : standardized (mean m y) (var m y) gamma beta y = bn m eps gamma beta y.
Proof. reflexivity. Qed.

Lemma variance_slope gamma beta y L g : 0 < var m y + eps -> is_grad m L (bn m eps gamma beta y) g ->
  derivable_pt_lim (fun t => L (standardized (mean m y) t gamma beta y)) (var m y)
    (- gamma * dot m g (yhat m eps y) / (2 * sd m eps y ^ 2)).
Proof.
  intros Hs D. pose proof (sd_pos m eps y Hs) as Ps.
  replace (- gamma * dot m g (yhat m eps y) / (2 * sd m eps y ^ 2))
    with (dot m g (vscal (- gamma / (2 * sd m eps y ^ 2)) (yhat m eps y))) by (rewrite dot_scal_r; field; lra).
  apply (curve_chain m L (fun t => standardized (mean m y) t gamma beta y)); auto. intros i _.
  assert (S : derivable_pt_lim (fun t => sqrt (t + eps)) (var m y) (/ (2 * sd m eps y))).
  { assert (A := derivable_pt_lim_plus id (fct_cte eps) (var m y) 1 0 (derivable_pt_lim_id _) (derivable_pt_lim_const _ _)).
    assert (B := derivable_pt_lim_comp (id + fct_cte eps)%F sqrt (var m y) _ _ A (derivable_pt_lim_sqrt _ Hs)).
    replace (/ (2 * sd m eps y)) with (/ (2 * sqrt ((id + fct_cte eps)%F (var m y))) * (1 + 0)) by (rewrite Rplus_0_r, Rmult_1_r; reflexivity).
    exact B. }
  assert (N : sqrt (var m y + eps) <> 0) by (apply Rgt_not_eq; exact Ps).
  assert (Q := derivable_pt_lim_div (fct_cte (y i - mean m y)) (fun t => sqrt (t + eps)) (var m y) 0 _ (derivable_pt_lim_const _ _) S N).
  assert (T := derivable_pt_lim_plus _ (fct_cte beta) _ _ _ (derivable_pt_lim_scal _ gamma _ _ Q) (derivable_pt_lim_const _ _)).
  fold (sd m eps y) in T.
  replace (vscal (- gamma / (2 * sd m eps y ^ 2)) (yhat m eps y) i) with
    (gamma * ((0 * sd m eps y - / (2 * sd m eps y) * fct_cte (y i - mean m y) (var m y)) / (sd m eps y * sd m eps y)) + 0).
  - exact T.
  - unfold vscal, yhat, fct_cte, Rsqr. field. lra.
Qed.

Lemma mean_slope gamma beta y L g : 0 < var m y + eps -> is_grad m L (bn m eps gamma beta y) g ->
  derivable_pt_lim (fun t => L (standardized t (var m y) gamma beta y)) (mean m y) (- gamma * dot m one g / sd m eps y).
Proof.
  intros Hs D. pose proof (sd_pos m eps y Hs) as Ps.
  set (p := vscal (- gamma / sd m eps y) one). set (q := vadd (vscal (gamma / sd m eps y) y) (vscal beta one)).
  assert (E : forall t, standardized t (var m y) gamma beta y = vadd (vscal t p) q).
  { intros t. apply functional_extensionality. intros i. unfold standardized, p, q, vadd, vscal, one. fold (sd m eps y). field. lra. }
  rewrite <- standardized_bn, E in D.
  replace (- gamma * dot m one g / sd m eps y) with (dot m g p) by (unfold p; rewrite dot_scal_r, (dot_comm m g one); field; lra).
  intros e Pe. destruct (line_slope m L p q _ g D e Pe) as (d & Q). exists d. intros h N Lh. rewrite !E. auto.
Qed.

(* Any gradient by the weights of a layer before batch norm. *)
Lemma weight_slope d X W b gamma beta L g gW : 0 < var m (lin d X W b) + eps ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W gW ->
  veq d gW (mv m (trans X) (bn_backward m eps gamma (lin d X W b) g)).
Proof.
  intros Hs HL HW. apply (is_grad_unique d _ W _ _ HW).
  apply (weights_grad m d (fun x => L (bn m eps gamma beta x))). apply bn_backward_grad; auto.
Qed.

Lemma dot_weights d X W b v : dot d W (mv m (trans X) v) = dot m v (lin d X W b) - b * dot m one v.
Proof.
  rewrite (dot_comm d W). change (mv m (trans X) v) with (mv m (trans X) v). rewrite <- (mv_trans m d X v W), lin_split.
  autorewrite with ip. rewrite (dot_comm m v one). ring.
Qed.

Lemma weight_gradient_is d X W b gamma beta L g gW : 0 < var m (lin d X W b) + eps ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W gW ->
  dot d W gW = - gamma * rho m eps (lin d X W b) * dot m g (yhat m eps (lin d X W b)) + gamma * dot m g (yhat m eps (lin d X W b)).
Proof.
  intros Hs HL HW. set (y := lin d X W b) in *.
  rewrite (dot_ext_r d W _ _ (weight_slope d X W b gamma beta L g gW Hs HL HW)), (dot_weights d X W b). fold y.
  pose proof (sd_pos m eps y Hs). pose proof (INR_pos m Hm).
  assert (Z : dot m one (bn_backward m eps gamma y g) = 0).
  { unfold bn_backward. autorewrite with ip. rewrite (yhat_sum m eps Hm y Hs). field. lra. }
  rewrite Z, (dot_ext_r m _ y _ (y_is m eps y Hs)), dot_add_r, !dot_scal_r, (dot_comm m _ one), Z.
  unfold bn_backward. autorewrite with ip.
  rewrite (yhat_sum m eps Hm y Hs), (yhat_norm m eps Hm y Hs). field. lra.
Qed.
End Batch.
