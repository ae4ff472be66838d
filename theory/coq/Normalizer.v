(* Any normalizer P y / s(y), P a symmetric matrix: its first and second derivative, and those of a loss after it.
   Batch norm is the case P = C, s the standard deviation. *)
From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Vectors Calculus.
Open Scope R_scope.

Definition normalized (m : nat) (P : mat) (s : vec -> R) (y : vec) : vec := fun i => mv m P y i / s y.
Definition affine (gamma beta : R) (x : vec) : vec := fun i => gamma * x i + beta.

(* Entry k of the gradient of entry i; n the gradient of s. *)
Definition norm_jac (m : nat) (P : mat) (s : vec -> R) (n : vec -> vec) (y : vec) : mat :=
  fun i k => P i k * / s y + (- (mv m P y i * (/ s y * / s y))) * n y k.

(* Its second derivative, for entry i; M the Hessian of s. *)
Definition norm_hess (m : nat) (P : mat) (s : vec -> R) (n : vec -> vec) (M : mat) (y : vec) (i : nat) : mat :=
  fun k l => - (n y l * P i k + n y k * P i l) / s y ^ 2
             + 2 * (mv m P y i / s y) * (n y k * n y l) / s y ^ 2 - (mv m P y i / s y) * M k l / s y.

Lemma near_pos m f y g : is_grad m f y g -> 0 < f y -> near m y (fun x => 0 < f x).
Proof.
  intros G Pf. destruct (lipschitz m f y g G) as (K & PK & A).
  assert (Pe : 0 < f y / K) by (apply Rdiv_lt_0_compat; auto).
  apply (near_mono m y _ _) with (2 := near_and m y _ _ A (near_dist1 m y _ Pe)). intros x [X Y].
  apply (Rmult_lt_compat_l K) in Y; auto. replace (K * (f y / K)) with (f y) in Y by (field; lra).
  destruct (Rcase_abs (f x - f y)) as [N|N].
  - rewrite Rabs_left in X by auto. lra.
  - lra.
Qed.

Section Normalizer.
Variables (m : nat) (P : mat) (s : vec -> R).
Hypothesis HP : sym m P.

Lemma projected_grad i z : is_grad m (fun x => mv m P x i) z (P i).
Proof. exact (is_grad_linear m (P i) z). Qed.

Theorem normalized_grad n y i : 0 < s y -> is_grad m s y (n y) ->
  is_grad m (fun x => normalized m P s x i) y (norm_jac m P s n y i).
Proof.
  intros Ps Hn. assert (N : s y <> 0) by lra.
  apply (is_grad_veq m _ y _ _) with (2 := is_grad_div m (fun x => mv m P x i) s y (P i) (n y) N (projected_grad i y) Hn).
  intros k _. unfold norm_jac, vadd, vscal. field. exact N.
Qed.

Theorem normalized_hess n M y i : 0 < s y -> is_hess m s y n M -> (i < m)%nat ->
  is_hess m (fun x => normalized m P s x i) y (fun x => norm_jac m P s n x i) (norm_hess m P s n M y i).
Proof.
  intros Ps (Nn & Dn & SM) Li. assert (N : s y <> 0) by lra.
  assert (Hn := near_here m y _ Nn). simpl in Hn.
  split; [|split].
  - apply (near_mono m y _ _) with (2 := near_and m y _ _ Nn (near_pos m s y _ Hn Ps)).
    intros x [X Y]. apply normalized_grad; auto.
  - intros k Lk. assert (I := is_grad_inv m s y (n y) N Hn).
    assert (A := is_grad_scal m (P i k) (fun x => / s x) y _ I).
    assert (B := is_grad_mult m (fun x => / s x) (fun x => / s x) y _ _ I I). cbv beta in B.
    assert (C := is_grad_mult m (fun x => mv m P x i) (fun x => / s x * / s x) y _ _ (projected_grad i y) B). cbv beta in C.
    assert (D := is_grad_mult m _ (fun x => n x k) y _ _ C (Dn k Lk)). cbv beta in D.
    assert (F := is_grad_add m _ _ y _ _ A (is_grad_scal m (-1) _ y _ D)). cbv beta in F.
    apply (is_grad_fun m (fun x => P i k * / s x + -1 * (mv m P x i * (/ s x * / s x) * n x k))).
    { intros x. unfold norm_jac. ring. }
    apply (is_grad_veq m _ y _ _) with (2 := F). intros l Ll. unfold norm_hess, vadd, vscal. field. exact N.
  - intros k l Lk Ll. unfold norm_hess. rewrite (SM k l Lk Ll). field. exact N.
Qed.

(* Inner products with the derivatives. *)

Lemma mv_row i x : (i < m)%nat -> mv m P x i = dot m (P i) x.
Proof. reflexivity. Qed.

Lemma norm_jac_mv n y x i : s y <> 0 ->
  mv m (norm_jac m P s n y) x i = (mv m P x i - dot m (n y) x * normalized m P s y i) / s y.
Proof.
  intros N. unfold mv at 1, norm_jac.
  rewrite (bsum_ext m _ (fun k => / s y * (P i k * x k) + (- (mv m P y i * (/ s y * / s y))) * (n y k * x k))) by (intros; ring).
  rewrite bsum_add, !bsum_scal. fold (dot m (P i) x). fold (dot m (n y) x). unfold normalized.
  change (dot m (P i) x) with (mv m P x i). field. exact N.
Qed.

Lemma norm_hess_form n M y i u w : s y <> 0 ->
  dot m u (mv m (norm_hess m P s n M y i) w) =
  - (dot m (n y) w * mv m P u i + dot m (n y) u * mv m P w i) / s y ^ 2
  + 2 * normalized m P s y i * (dot m (n y) u * dot m (n y) w) / s y ^ 2
  - normalized m P s y i * dot m u (mv m M w) / s y.
Proof.
  intros N. fold (normalized m P s y i).
  set (c := normalized m P s y i).
  assert (E : veq m (mv m (norm_hess m P s n M y i) w)
    (vadd (vscal (- dot m (n y) w / s y ^ 2) (P i)) (vadd (vscal (- mv m P w i / s y ^ 2) (n y))
      (vadd (vscal (2 * c * dot m (n y) w / s y ^ 2) (n y)) (vscal (- c / s y) (mv m M w)))))).
  { intros k _. unfold mv at 1, norm_hess. fold (normalized m P s y i). fold c.
    rewrite (bsum_ext m _ (fun l => (- P i k / s y ^ 2) * (n y l * w l) + ((- n y k / s y ^ 2) * (P i l * w l)
      + ((2 * c * n y k / s y ^ 2) * (n y l * w l) + (- c / s y) * (M k l * w l))))).
    - rewrite !bsum_add, !bsum_scal. unfold vadd, vscal, mv, dot. field. exact N.
    - intros l _. change (mv m P y i / s y) with c. field. exact N. }
  rewrite (dot_ext_r m u _ _ E). autorewrite with ip. rewrite (dot_comm m u (n y)), (dot_comm m u (P i)).
  change (mv m P u i) with (dot m (P i) u). change (mv m P w i) with (dot m (P i) w). field. exact N.
Qed.

(* A loss L after z = gamma P y / s + beta. F is that map, as far as it is looked at. *)
Variables (gamma beta : R) (F : vec -> vec) (L : vec -> R).
Hypothesis HF : forall x i, (i < m)%nat -> F x i = gamma * normalized m P s x i + beta.

Lemma affine_grad (f : vec -> R) y g : is_grad m f y g -> is_grad m (fun x => gamma * f x + beta) y (vscal gamma g).
Proof.
  intros D. apply (is_grad_veq m _ y (vadd (vscal gamma g) vzero)); [intros k _; unfold vadd, vzero; ring|].
  apply (is_grad_add m (fun x => gamma * f x) (fun _ => beta)); [apply is_grad_scal; auto | apply is_grad_const].
Qed.

Lemma output_grad n y i : 0 < s y -> is_grad m s y (n y) -> (i < m)%nat ->
  is_grad m (fun x => F x i) y (vscal gamma (norm_jac m P s n y i)).
Proof.
  intros Ps Hn Li. apply (is_grad_fun m (fun x => gamma * normalized m P s x i + beta)); [intros; symmetry; auto|].
  apply affine_grad. apply normalized_grad; auto.
Qed.

Lemma output_hess n M y i : 0 < s y -> is_hess m s y n M -> (i < m)%nat ->
  is_hess m (fun x => F x i) y (fun x => vscal gamma (norm_jac m P s n x i)) (fun k l => gamma * norm_hess m P s n M y i k l).
Proof.
  intros Ps Hn Li. destruct (normalized_hess n M y i Ps Hn Li) as (A & B & C). destruct Hn as (Nn & Dn & SM).
  split; [|split].
  - apply (near_mono m y _ _) with (2 := A). intros x X.
    apply (is_grad_fun m (fun x => gamma * normalized m P s x i + beta)); [intros; symmetry; auto|]. apply affine_grad; auto.
  - intros k Lk. exact (is_grad_scal m gamma _ y _ (B k Lk)).
  - intros k l Lk Ll. rewrite (C k l Lk Ll). reflexivity.
Qed.

Definition norm_backward (n : vec) (y g : vec) : vec :=
  vadd (vscal (- gamma * dot m g (normalized m P s y) / s y) n) (vscal (gamma / s y) (mv m P g)).

(* Fact C.1 of any normalizer. *)
Theorem backward_grad n y g : 0 < s y -> is_grad m s y (n y) -> is_grad m L (F y) g ->
  is_grad m (fun x => L (F x)) y (norm_backward (n y) y g).
Proof.
  intros Ps Hn HL. assert (N : s y <> 0) by lra.
  apply (is_grad_veq m _ y (mv m (trans (fun i => vscal gamma (norm_jac m P s n y i))) g)).
  - intros k Lk. unfold mv at 1, trans, vscal, norm_jac.
    rewrite (bsum_ext m _ (fun i => (gamma / s y) * (P k i * g i) + (- gamma * n y k / s y) * (g i * normalized m P s y i))).
    + rewrite bsum_add, !bsum_scal. unfold norm_backward, vadd, vscal, mv, dot. field. exact N.
    + intros i Li. rewrite (HP i k Li Lk). unfold normalized. field. exact N.
  - apply is_grad_chain; auto. intros i Li. apply output_grad; auto.
Qed.

Definition loss_hess (n : vec -> vec) (M : mat) (g : vec) (H : mat) (y : vec) : mat :=
  chain_hess m g H (fun i => vscal gamma (norm_jac m P s n y i)) (fun i k l => gamma * norm_hess m P s n M y i k l).

Theorem backward_hess n M y G H : 0 < s y -> is_hess m s y n M -> is_hess m L (F y) G H ->
  is_hess m (fun x => L (F x)) y (fun x => mv m (trans (fun i => vscal gamma (norm_jac m P s n x i))) (G (F x)))
    (loss_hess n M (G (F y)) H y).
Proof.
  intros Ps Hn HL. apply (is_hess_chain m m L F y G H (fun x i => vscal gamma (norm_jac m P s n x i))); auto.
  intros i Li. apply output_hess; auto.
Qed.

(* The direction D z[x]. *)
Definition norm_velocity (n y x : vec) : vec :=
  vadd (vscal (gamma / s y) (mv m P x)) (vscal (- gamma * dot m n x / s y) (normalized m P s y)).

(* What the curvature of the scale adds: the sum over i of g_i times the second derivative of entry i. *)
Definition norm_bend (n : vec) (M : mat) (g y u w : vec) : R :=
  gamma * (- (dot m n w * dot m g (mv m P u) + dot m n u * dot m g (mv m P w)) / s y ^ 2
  + 2 * dot m g (normalized m P s y) * (dot m n u * dot m n w) / s y ^ 2
  - dot m g (normalized m P s y) * dot m u (mv m M w) / s y).

Lemma norm_bend_sum n M y g u w : s y <> 0 ->
  bsum m (fun i => g i * dot m u (mv m (fun k l => gamma * norm_hess m P s n M y i k l) w)) = norm_bend (n y) M g y u w.
Proof.
  intros N. rewrite (bsum_ext m _ (fun i => gamma * (- dot m (n y) w / s y ^ 2 * (g i * mv m P u i)
      + (- dot m (n y) u / s y ^ 2 * (g i * mv m P w i)
      + (2 * (dot m (n y) u * dot m (n y) w) / s y ^ 2 - dot m u (mv m M w) / s y) * (g i * normalized m P s y i))))).
  - rewrite bsum_scal, !bsum_add, !bsum_scal. unfold norm_bend, dot. field. exact N.
  - intros i Li. rewrite (dot_ext_r m u _ (vscal gamma (mv m (norm_hess m P s n M y i) w))).
    + rewrite dot_scal_r, norm_hess_form by exact N. field. exact N.
    + intros k _. unfold vscal, mv. rewrite <- bsum_scal. apply bsum_ext. intros; ring.
Qed.

Lemma norm_velocity_mv n y x : s y <> 0 ->
  veq m (mv m (fun i => vscal gamma (norm_jac m P s n y i)) x) (norm_velocity (n y) y x).
Proof.
  intros N i Li. unfold mv at 1, vscal. rewrite (bsum_ext m _ (fun k => gamma * (norm_jac m P s n y i k * x k))) by (intros; ring).
  rewrite bsum_scal. fold (mv m (norm_jac m P s n y) x i). rewrite norm_jac_mv by exact N.
  unfold norm_velocity, vadd, vscal. field. exact N.
Qed.

(* The full Hessian of the normalized loss, as a form. *)
Theorem backward_hess_form n M y G H Ghat Hhat u w : 0 < s y -> is_hess m s y n M -> is_hess m L (F y) G H ->
  is_hess m (fun x => L (F x)) y Ghat Hhat ->
  dot m u (mv m Hhat w) = dot m (norm_velocity (n y) y u) (mv m H (norm_velocity (n y) y w)) + norm_bend (n y) M (G (F y)) y u w.
Proof.
  intros Ps Hn HL HH. assert (N : s y <> 0) by lra.
  rewrite (is_hess_form m _ y _ _ _ _ u w HH (backward_hess n M y G H Ps Hn HL)).
  unfold loss_hess. rewrite chain_hess_form, norm_bend_sum by exact N. f_equal.
  apply dot_ext; [apply norm_velocity_mv; exact N | apply mv_ext, norm_velocity_mv; exact N].
Qed.

End Normalizer.

Lemma one_times m u : veq m u (vscal 1 u).
Proof. intros i _. unfold vscal. ring. Qed.

Section Unseen.
Variables (m : nat) (P : mat) (s : vec -> R).
Hypothesis HP : sym m P.

Theorem given_norm_v gamma beta L n y g v : 0 < s y -> is_grad m s y n ->
  is_grad m L (affine gamma beta (normalized m P s y)) g ->
  is_grad m (fun x => L (affine gamma beta (normalized m P s x))) y v ->
  veq m v (norm_backward m P s gamma n y g).
Proof.
  intros Ps Hn HL HV. apply (is_grad_unique m _ y _ _ HV).
  exact (backward_grad m P s HP gamma beta (fun x => affine gamma beta (normalized m P s x)) L (fun x i _ => eq_refl) (fun _ => n) y g Ps Hn HL).
Qed.

(* Euler: the gradient of a homogeneous scale, times the values, is the scale. *)
Lemma euler n y : is_grad m s y n -> (forall k x, 0 < k -> s (vscal k x) = k * s x) -> dot m n y = s y.
Proof.
  intros Hn Hh.
  assert (A : derivable_pt_lim (fun t => s (vscal t y)) 1 (dot m n y)).
  { apply (curve_chain m s (fun t => vscal t y)).
    - apply (is_grad_at m s y); auto. intros i _. unfold vscal. ring.
    - intros i _. unfold vscal. assert (D := derivable_pt_lim_scal id (y i) 1 1 (derivable_pt_lim_id 1)).
      rewrite Rmult_1_r in D. intros e Pe. destruct (D e Pe) as (d & Q). exists d. intros h N Lh.
      rewrite !(Rmult_comm _ (y i)). exact (Q h N Lh). }
  assert (B : derivable_pt_lim (fun t => s (vscal t y)) 1 (s y)).
  { assert (D := derivable_pt_lim_scal id (s y) 1 1 (derivable_pt_lim_id 1)). rewrite Rmult_1_r in D.
    intros e Pe. destruct (D e Pe) as (d & Q). assert (Pm : 0 < Rmin d (1 / 2)) by (apply Rmin_glb_lt; [apply cond_pos | lra]).
    exists (mkposreal _ Pm). intros h N Lh. simpl in Lh. pose proof (Rmin_l d (1 / 2)). pose proof (Rmin_r d (1 / 2)).
    assert (0 < 1 + h) by (apply Rabs_def2 in Lh; lra). rewrite !Hh by lra.
    rewrite !(Rmult_comm _ (s y)). apply (Q h N). lra. }
  exact (uniqueness_limite _ _ _ _ A B).
Qed.

(* A scale that does not see what P removes has a gradient that P keeps. *)
Lemma unseen n y u : is_grad m s y n -> (forall x u, s (fun i => x i + (u i - mv m P u i)) = s x) ->
  dot m n (mv m P u) = dot m n u.
Proof.
  intros Hn Hi. set (q := fun i => u i - mv m P u i).
  assert (A : derivable_pt_lim (fun t => s (fun i => y i + t * q i)) 0 (dot m n q)).
  { apply (curve_chain m s (fun t i => y i + t * q i)).
    - apply (is_grad_at m s y); auto. intros i _. ring.
    - intros i _. assert (D := derivable_pt_lim_plus (fct_cte (y i)) (mult_real_fct (q i) id) 0 0 (q i * 1)
        (derivable_pt_lim_const _ 0) (derivable_pt_lim_scal id (q i) 0 1 (derivable_pt_lim_id 0))).
      rewrite Rplus_0_l, Rmult_1_r in D. unfold plus_fct, fct_cte, mult_real_fct, id in D.
      intros e Pe. destruct (D e Pe) as (d & Q). exists d. intros h N Lh. rewrite !(Rmult_comm _ (q i)). exact (Q h N Lh). }
  assert (B : derivable_pt_lim (fun t => s (fun i => y i + t * q i)) 0 0).
  { intros e Pe. exists (mkposreal 1 Rlt_0_1). intros h N Lh.
    assert (C : forall t, s (fun i => y i + t * q i) = s y).
    { intros t. rewrite <- (Hi y (vscal t u)). f_equal. apply FunctionalExtensionality.functional_extensionality. intros i.
      unfold q, vscal, mv. rewrite (bsum_ext m (fun j => P i j * (t * u j)) (fun j => t * (P i j * u j))) by (intros; ring).
      rewrite bsum_scal. ring. }
    rewrite !C. unfold Rdiv, Rminus. rewrite Rplus_opp_r, Rmult_0_l, Ropp_0, Rplus_0_r, Rabs_R0. exact Pe. }
  assert (Z := uniqueness_limite _ _ _ _ A B).
  rewrite (dot_ext_r m n q (vadd u (vscal (-1) (mv m P u)))) in Z by (intros i _; unfold q, vadd, vscal; ring).
  rewrite dot_add_r, dot_scal_r in Z. lra.
Qed.

Lemma slope_of_values n y : 0 < s y -> is_grad m s y n -> (forall k x, 0 < k -> s (vscal k x) = k * s x) ->
  (forall x u, s (fun i => x i + (u i - mv m P u i)) = s x) -> dot m n (normalized m P s y) = 1.
Proof.
  intros Ps Hn Hh Hi. rewrite (dot_ext_r m n _ (vscal (/ s y) (mv m P y))) by (intros i _; unfold normalized, vscal; field; lra).
  rewrite dot_scal_r, (unseen n y y Hn Hi), (euler n y Hn Hh). field. lra.
Qed.
End Unseen.

(* A projector keeps the normalized values. *)
Lemma projected_values m P s g y : sym m P -> (forall u, veq m (mv m P (mv m P u)) (mv m P u)) ->
  dot m g (normalized m P s y) = dot m (mv m P g) (normalized m P s y).
Proof.
  intros HP HPP.
  assert (E : veq m (normalized m P s y) (vscal (/ s y) (mv m P y))) by (intros i _; unfold normalized, vscal, Rdiv; ring).
  rewrite !(dot_ext_r m _ _ _ E), !dot_scal_r, (mv_sym_l m P g _ HP), (dot_ext_r m g _ _ (HPP y)). reflexivity.
Qed.

(* Equality in Cauchy-Schwarz. *)
Lemma parallel m p n : dot m n n <> 0 -> dot m p p - dot m p n ^ 2 / dot m n n = 0 -> veq m p (vscal (dot m p n / dot m n n) n).
Proof.
  intros N Z. set (k := dot m p n / dot m n n).
  assert (D : veq m (vadd p (vscal (- k) n)) vzero).
  { apply dot_self_zero. autorewrite with ip. rewrite (dot_comm m n p). unfold k.
    replace (dot m p p) with (dot m p n ^ 2 / dot m n n) by lra. field. auto. }
  intros i L. specialize (D i L). unfold vadd, vscal, vzero in *. lra.
Qed.
