(* Batch norm of one channel: the definition, its moments, and that it is a normalizer. *)
From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Vectors Calculus Normalizer.
Open Scope R_scope.

Definition mean (m : nat) (y : vec) : R := bsum m y / INR m.
Definition var (m : nat) (y : vec) : R := bsum m (fun i => (y i - mean m y) ^ 2) / INR m.
Definition sd (m : nat) (eps : R) (y : vec) : R := sqrt (var m y + eps).
Definition yhat (m : nat) (eps : R) (y : vec) : vec := fun i => (y i - mean m y) / sd m eps y.
Definition bn (m : nat) (eps gamma beta : R) (y : vec) : vec := fun i => gamma * yhat m eps y i + beta.
Definition rho (m : nat) (eps : R) (y : vec) : R := var m y / (var m y + eps).

(* Its Jacobian, and the Jacobian's product with x. *)
Definition jac (m : nat) (eps : R) (y : vec) : mat :=
  fun i k => (ident i k - 1 / INR m - yhat m eps y i * yhat m eps y k / INR m) / sd m eps y.

Section Moments.
Variables (m : nat) (eps : R).
Hypothesis Hm : (1 <= m)%nat.

Lemma mean_dot y : mean m y = dot m one y / INR m.
Proof. unfold mean. rewrite dot_one. reflexivity. Qed.

Lemma centred y i : (i < m)%nat -> mv m (centring m) y i = y i - mean m y.
Proof. intros L. rewrite mv_centring, mean_dot by auto. reflexivity. Qed.

Lemma centred_sum y : bsum m (fun i => y i - mean m y) = 0.
Proof.
  pose proof (INR_pos m Hm). rewrite (bsum_ext m _ (fun i => y i + (- mean m y))) by (intros; ring).
  rewrite bsum_add, bsum_const. unfold mean. field. lra.
Qed.

Lemma var_nonneg y : 0 <= var m y.
Proof.
  pose proof (INR_pos m Hm). apply Rmult_le_pos; [|apply Rlt_le, Rinv_0_lt_compat; auto].
  apply bsum_nonneg. intros. apply pow2_ge_0.
Qed.

Lemma var_dot y : var m y = (dot m y y - dot m one y ^ 2 / INR m) / INR m.
Proof.
  pose proof (INR_pos m Hm). unfold var.
  rewrite (bsum_ext m _ (fun i => y i * y i + ((-2 * mean m y) * (1 * y i) + mean m y ^ 2))) by (intros; ring).
  rewrite bsum_add, bsum_add, bsum_scal, bsum_const. rewrite mean_dot. unfold dot, one. field. lra.
Qed.

Lemma var_grad y : is_grad m (var m) y (vscal (2 / INR m) (mv m (centring m) y)).
Proof.
  pose proof (INR_pos m Hm). set (C := mv m (centring m)).
  apply (is_grad_fun m (fun x => / INR m * bsum m (fun i => C x i * C x i))).
  { intros x. unfold var. rewrite (bsum_ext m (fun i => (x i - mean m x) ^ 2) (fun i => C x i * C x i)); [field; lra|].
    intros i L. unfold C. rewrite centred by auto. ring. }
  apply (is_grad_veq m _ y (vscal (/ INR m) (fun k => bsum m (fun i => vadd (vscal (C y i) (centring m i)) (vscal (C y i) (centring m i)) k)))).
  - intros k Lk. unfold vscal, vadd.
    rewrite (bsum_ext m _ (fun i => 2 * (centring m k i * C y i))) by (intros i Li; rewrite (sym_centring m i k Li Lk); ring).
    rewrite bsum_scal. change (bsum m (fun i => centring m k i * C y i)) with (mv m (centring m) (C y) k).
    rewrite mv_centring by auto. rewrite dot_one. unfold C at 2. rewrite (bsum_ext m _ (fun i => y i - mean m y)) by (intros; apply centred; auto).
    rewrite centred_sum. field. lra.
  - apply is_grad_scal. apply (is_grad_bsum m m (fun i x => C x i * C x i)). intros i L.
    apply is_grad_mult; apply (is_grad_linear m (centring m i)).
Qed.

(* At a point where the scale is positive. *)
Section At.
Variable y : vec.
Hypothesis Hs : 0 < var m y + eps.
Notation s := (sd m eps y).
Notation yh := (yhat m eps y).

Lemma sd_pos : 0 < s.
Proof. apply sqrt_lt_R0; auto. Qed.

Lemma sd_sq : s ^ 2 = var m y + eps.
Proof. unfold sd. rewrite <- Rsqr_pow2, Rsqr_sqrt; lra. Qed.

Lemma yhat_sum : dot m one yh = 0.
Proof.
  pose proof sd_pos. unfold dot, one, yhat.
  rewrite (bsum_ext m _ (fun i => / s * (y i - mean m y))) by (intros; field; lra).
  rewrite bsum_scal, centred_sum. ring.
Qed.

Lemma yhat_norm : dot m yh yh = INR m * rho m eps y.
Proof.
  pose proof sd_pos. pose proof (INR_pos m Hm). unfold dot, yhat.
  rewrite (bsum_ext m _ (fun i => / s ^ 2 * (y i - mean m y) ^ 2)) by (intros; field; lra).
  rewrite bsum_scal, sd_sq. unfold rho.
  replace (bsum m (fun i => (y i - mean m y) ^ 2)) with (INR m * var m y) by (unfold var; field; lra).
  field. lra.
Qed.

Lemma rho_interval : 0 <= eps -> 0 <= rho m eps y <= 1.
Proof.
  intros E. pose proof (var_nonneg y). unfold rho. split.
  - apply Rmult_le_pos; auto. apply Rlt_le, Rinv_0_lt_compat; auto.
  - apply (Rmult_le_reg_r (var m y + eps)); auto. unfold Rdiv. rewrite Rmult_assoc, Rinv_l; lra.
Qed.

Lemma rho_eps : rho m eps y = - eps / s ^ 2 + 1.
Proof. rewrite sd_sq. unfold rho. field. lra. Qed.

Lemma rho_one : eps = 0 -> rho m eps y = 1.
Proof. intros ->. unfold rho. rewrite Rplus_0_r in *. field. lra. Qed.

Lemma y_is : veq m y (vadd (vscal (mean m y) one) (vscal s yh)).
Proof. intros i _. pose proof sd_pos. unfold vadd, vscal, one, yhat. field. lra. Qed.

Lemma yhat_y : dot m yh y = s * INR m * rho m eps y.
Proof. rewrite (dot_ext_r m yh y _ y_is). autorewrite with ip. rewrite (dot_comm m yh one), yhat_sum, yhat_norm. ring. Qed.

(* Batch norm is the normalizer with P = C and s the standard deviation. *)
Lemma yhat_normalized x : veq m (yhat m eps x) (normalized m (centring m) (sd m eps) x).
Proof. intros i L. unfold yhat, normalized. rewrite centred by auto. reflexivity. Qed.

Lemma bn_normalized gamma beta x i : (i < m)%nat ->
  bn m eps gamma beta x i = gamma * normalized m (centring m) (sd m eps) x i + beta.
Proof. intros L. unfold bn. rewrite (yhat_normalized x i L). reflexivity. Qed.
End At.

(* The gradient of the scale is yhat/m, its Hessian J/m. *)
Definition sd_grad (y : vec) : vec := vscal (/ INR m) (yhat m eps y).
Definition sd_hess (y : vec) : mat := fun i k => / INR m * jac m eps y i k.

Lemma sd_is_grad y : 0 < var m y + eps -> is_grad m (sd m eps) y (sd_grad y).
Proof.
  intros Hs. pose proof (sd_pos y Hs) as Ps. pose proof (INR_pos m Hm).
  assert (D : is_grad m (fun x => var m x + eps) y (vadd (vscal (2 / INR m) (mv m (centring m) y)) vzero)).
  { apply is_grad_add; [apply var_grad | apply is_grad_const]. }
  apply (is_grad_veq m _ y _ _) with (2 := is_grad_sqrt m _ y _ Hs D). fold (sd m eps y).
  intros i L. unfold sd_grad, vscal, vadd, vzero. rewrite centred by auto. unfold yhat. field. lra.
Qed.

Lemma jac_row y i : (i < m)%nat -> 0 < var m y + eps ->
  veq m (norm_jac m (centring m) (sd m eps) sd_grad y i) (jac m eps y i).
Proof.
  intros L Hs k K. pose proof (sd_pos y Hs). pose proof (INR_pos m Hm). unfold norm_jac, jac, sd_grad, vscal.
  rewrite centred by auto. unfold centring, yhat. field. lra.
Qed.

(* Fact C.2. *)
Theorem yhat_grad y i : (i < m)%nat -> 0 < var m y + eps -> is_grad m (fun x => yhat m eps x i) y (jac m eps y i).
Proof.
  intros L Hs. apply (is_grad_veq m _ y _ _ (jac_row y i L Hs)).
  apply (is_grad_fun m (fun x => normalized m (centring m) (sd m eps) x i)).
  { intros x. symmetry. apply yhat_normalized; auto. }
  apply normalized_grad; [apply sd_pos; auto | apply sd_is_grad; auto].
Qed.

Lemma jac_sym y : sym m (jac m eps y).
Proof. intros i k Li Lk. unfold jac. rewrite (sym_ident m i k Li Lk). f_equal. unfold Rdiv. ring. Qed.

Lemma var_eps_near y : 0 < var m y + eps -> near m y (fun x => 0 < var m x + eps).
Proof.
  intros Hs. apply (near_pos m (fun x => var m x + eps) y (vadd (vscal (2 / INR m) (mv m (centring m) y)) vzero)); auto.
  apply is_grad_add; [apply var_grad | apply is_grad_const].
Qed.

Lemma sd_is_hess y : 0 < var m y + eps -> is_hess m (sd m eps) y sd_grad (sd_hess y).
Proof.
  intros Hs. split; [|split].
  - apply (near_mono m y _ _) with (2 := var_eps_near y Hs). intros x X. apply sd_is_grad; auto.
  - intros i L. exact (is_grad_scal m (/ INR m) _ y _ (yhat_grad y i L Hs)).
  - intros i k Li Lk. unfold sd_hess. rewrite (jac_sym y i k Li Lk). reflexivity.
Qed.

(* The Jacobian as an operator. *)
Lemma jac_mv y x : 0 < var m y + eps ->
  veq m (mv m (jac m eps y) x) (vadd (vscal (- dot m one x / (INR m * sd m eps y)) one)
    (vadd (vscal (1 / sd m eps y) x) (vscal (- dot m x (yhat m eps y) / (INR m * sd m eps y)) (yhat m eps y)))).
Proof.
  intros Hs i L. pose proof (sd_pos y Hs). pose proof (INR_pos m Hm). unfold mv, jac.
  rewrite (bsum_ext m _ (fun k => / sd m eps y * (ident i k * x k) + ((- / (INR m * sd m eps y)) * (1 * x k)
     + (- (yhat m eps y i / (INR m * sd m eps y))) * (x k * yhat m eps y k)))) by (intros; field; lra).
  rewrite !bsum_add, !bsum_scal, bsum_ident, <- dot_one by auto. unfold vadd, vscal, one.
  fold (dot m x (yhat m eps y)). field. lra.
Qed.

(* The backward pass. *)
Definition bn_backward (gamma : R) (y g : vec) : vec :=
  vadd (vscal (- gamma * dot m one g / (INR m * sd m eps y)) one)
    (vadd (vscal (gamma / sd m eps y) g) (vscal (- gamma * dot m g (yhat m eps y) / (INR m * sd m eps y)) (yhat m eps y))).

Lemma dot_normalized y g : dot m g (normalized m (centring m) (sd m eps) y) = dot m g (yhat m eps y).
Proof. apply dot_ext_r, veq_sym, yhat_normalized. Qed.

Lemma dot_sd_grad y x : dot m (sd_grad y) x = dot m x (yhat m eps y) / INR m.
Proof. unfold sd_grad. rewrite dot_scal_l, dot_comm. unfold Rdiv. ring. Qed.

Lemma dot_centring g u : dot m g (mv m (centring m) u) = dot m g u - dot m one g * dot m one u / INR m.
Proof.
  rewrite (dot_ext_r m g _ (vadd u (vscal (- (dot m one u / INR m)) one))).
  - autorewrite with ip. rewrite (dot_comm m g one). unfold Rdiv. ring.
  - intros i L. rewrite mv_centring by auto. unfold vadd, vscal, one. ring.
Qed.

Lemma sd_hess_form y u w : 0 < var m y + eps -> dot m u (mv m (sd_hess y) w) =
  (dot m u w - dot m one u * dot m one w / INR m - dot m u (yhat m eps y) * dot m w (yhat m eps y) / INR m) / (INR m * sd m eps y).
Proof.
  intros Hs. pose proof (sd_pos y Hs). pose proof (INR_pos m Hm).
  rewrite (dot_ext_r m u _ (vscal (/ INR m) (mv m (jac m eps y) w))).
  - rewrite dot_scal_r, (dot_ext_r m u _ _ (jac_mv y w Hs)). autorewrite with ip.
    rewrite (dot_comm m u one). field. lra.
  - intros i L. unfold mv, sd_hess, vscal. rewrite <- bsum_scal. apply bsum_ext. intros; ring.
Qed.

Section Loss.
Variables (gamma beta : R) (y : vec) (L : vec -> R).
Hypothesis Hs : 0 < var m y + eps.

Theorem bn_backward_grad g : is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y (bn_backward gamma y g).
Proof.
  intros HL. pose proof (sd_pos y Hs). pose proof (INR_pos m Hm).
  assert (D := backward_grad m (centring m) (sd m eps) (sym_centring m) gamma beta (bn m eps gamma beta) L
    (fun x i Li => bn_normalized gamma beta x i Li) sd_grad y g (sd_pos y Hs) (sd_is_grad y Hs) HL).
  apply (is_grad_veq m _ y _ _) with (2 := D). intros i Li.
  unfold norm_backward, bn_backward, vadd, vscal. rewrite dot_normalized, mv_centring by auto.
  unfold sd_grad, vscal, one. field. lra.
Qed.

(* v is what every gradient of the normalized loss is. *)
Theorem given_v g v : is_grad m L (bn m eps gamma beta y) g -> is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  veq m v (bn_backward gamma y g).
Proof. intros HL HV. exact (is_grad_unique m _ y _ _ HV (bn_backward_grad g HL)). Qed.

(* The direction in which z moves when y moves along x. *)
Definition bn_velocity (x : vec) : vec := vscal gamma (mv m (jac m eps y) x).

Lemma bn_velocity_is x : veq m (norm_velocity m (centring m) (sd m eps) gamma (sd_grad y) y x) (bn_velocity x).
Proof.
  intros i Li. pose proof (sd_pos y Hs). pose proof (INR_pos m Hm). unfold norm_velocity, bn_velocity, vadd, vscal.
  rewrite (jac_mv y x Hs i Li). rewrite mv_centring, dot_sd_grad by auto. rewrite <- (yhat_normalized y i Li).
  unfold vadd, vscal, one. field. lra.
Qed.

(* The second derivative of z along u and w, weighted by g: what the Hessian of the normalized loss has beside u'Hw. *)
Definition bn_bend (g u w : vec) : R :=
  - gamma * ((dot m g w - dot m one g * dot m one w / INR m) * dot m u (yhat m eps y)
      + (dot m g u - dot m one g * dot m one u / INR m) * dot m w (yhat m eps y)
      + (dot m u w - dot m one u * dot m one w / INR m) * dot m g (yhat m eps y)
      - 3 * dot m g (yhat m eps y) * dot m u (yhat m eps y) * dot m w (yhat m eps y) / INR m) / (INR m * sd m eps y ^ 2).

Lemma bn_bend_is g u w : norm_bend m (centring m) (sd m eps) gamma (sd_grad y) (sd_hess y) g y u w = bn_bend g u w.
Proof.
  pose proof (sd_pos y Hs). pose proof (INR_pos m Hm). unfold norm_bend, bn_bend.
  rewrite dot_normalized, !dot_sd_grad, !dot_centring, (sd_hess_form y u w Hs). field. lra.
Qed.

Theorem given_hess G H Ghat Hhat u w : is_hess m L (bn m eps gamma beta y) G H ->
  is_hess m (fun x => L (bn m eps gamma beta x)) y Ghat Hhat ->
  dot m u (mv m Hhat w) = dot m (bn_velocity u) (mv m H (bn_velocity w)) + bn_bend (G (bn m eps gamma beta y)) u w.
Proof.
  intros HL HH.
  rewrite (backward_hess_form m (centring m) (sd m eps) gamma beta (bn m eps gamma beta) L
    (fun x i Li => bn_normalized gamma beta x i Li) sd_grad (sd_hess y) y G H Ghat Hhat u w (sd_pos y Hs) (sd_is_hess y Hs) HL HH).
  rewrite bn_bend_is. f_equal. apply dot_ext; [apply bn_velocity_is | apply mv_ext, bn_velocity_is].
Qed.

Theorem bn_loss_hess G H : is_hess m L (bn m eps gamma beta y) G H ->
  exists Ghat Hhat, is_hess m (fun x => L (bn m eps gamma beta x)) y Ghat Hhat.
Proof.
  intros HL. eexists. eexists. apply (backward_hess m (centring m) (sd m eps) gamma beta (bn m eps gamma beta) L
    (fun x i Li => bn_normalized gamma beta x i Li) sd_grad (sd_hess y) y G H (sd_pos y Hs) (sd_is_hess y Hs) HL).
Qed.
End Loss.
End Moments.
