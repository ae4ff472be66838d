(* L1 and Linf normalization: their scales, the gradients of these, and how much they can enlarge a gradient. *)
From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Export Given.
Open Scope R_scope.

(* s is the mean of |y - mu|; s is the largest |y - mu|. *)
Fixpoint bmax (n : nat) (f : nat -> R) : R := match n with O => 0 | S k => Rmax (bmax k f) (f k) end.
Definition l1_scale (m : nat) (y : vec) : R := bsum m (fun i => Rabs (y i - mean m y)) / INR m.
Definition linf_scale (m : nat) (y : vec) : R := bmax m (fun i => Rabs (y i - mean m y)).

Definition sgn (t : R) : R := if Rle_dec 0 t then 1 else -1.

Lemma sgn_abs t : sgn t * t = Rabs t.
Proof. unfold sgn. destruct (Rle_dec 0 t); [rewrite Rabs_pos_eq; lra | rewrite Rabs_left; lra]. Qed.

Lemma sgn_sq t : sgn t * sgn t = 1.
Proof. unfold sgn. destruct (Rle_dec 0 t); ring. Qed.

Lemma abs_of_sign a t : a * a = 1 -> 0 < a * t -> Rabs t = a * t.
Proof.
  intros A P. destruct (Rle_dec 0 a) as [Pa|Na].
  - assert (a = 1) by nra. subst a. rewrite Rabs_pos_eq; lra.
  - assert (a = -1) by nra. subst a. rewrite Rabs_left; lra.
Qed.

Lemma bmax_le n f M : 0 <= M -> (forall i, (i < n)%nat -> f i <= M) -> bmax n f <= M.
Proof. intros P. induction n; simpl; intros B; [auto|]. apply Rmax_lub; [apply IHn; auto | auto]. Qed.

Lemma bmax_ge n f i : (i < n)%nat -> f i <= bmax n f.
Proof.
  induction n; simpl; intros L; [lia|]. destruct (PeanoNat.Nat.eq_dec i n) as [->|N]; [apply Rmax_r|].
  eapply Rle_trans; [apply IHn; lia | apply Rmax_l].
Qed.

Lemma bmax_is n f p : (p < n)%nat -> 0 <= f p -> (forall i, (i < n)%nat -> f i <= f p) -> bmax n f = f p.
Proof. intros L P B. apply Rle_antisym; [apply bmax_le; auto | apply bmax_ge; auto]. Qed.

Section Scales.
Variables (m : nat) (y : vec).
Hypothesis Hm : (1 <= m)%nat.

Lemma signed_centred a i x : (i < m)%nat -> a * (x i - mean m x) = dot m (vscal a (centring m i)) x.
Proof. intros L. rewrite dot_scal_l. f_equal. rewrite <- (centred m x i L). reflexivity. Qed.

Lemma near_signed a i : (i < m)%nat -> 0 < a * (y i - mean m y) -> near m y (fun x => 0 < a * (x i - mean m x)).
Proof.
  intros L P. rewrite (signed_centred a i y L) in P.
  apply (near_mono m y (fun x => 0 < dot m (vscal a (centring m i)) x)).
  - intros x X. rewrite (signed_centred a i x L). exact X.
  - apply (near_pos m _ y (vscal a (centring m i))); auto. apply is_grad_linear.
Qed.

(* L1, where no value is at the mean. *)
Definition signs : vec := fun i => sgn (y i - mean m y).

Lemma l1_grad : (forall i, (i < m)%nat -> y i - mean m y <> 0) ->
  is_grad m (l1_scale m) y (vadd (vscal (- dot m one signs / INR m ^ 2) one) (vscal (1 / INR m) signs)).
Proof.
  intros N. pose proof (INR_pos m Hm).
  apply (is_grad_near m (fun x => / INR m * bsum m (fun i => dot m (vscal (signs i) (centring m i)) x))).
  - apply (near_mono m y (fun x => forall i, (i < m)%nat -> 0 < signs i * (x i - mean m x))).
    + intros x X. unfold l1_scale. rewrite (bsum_ext m (fun i => Rabs (x i - mean m x)) (fun i => dot m (vscal (signs i) (centring m i)) x)).
      * field. lra.
      * intros i L. rewrite <- signed_centred by auto. apply abs_of_sign; [apply sgn_sq | auto].
    + apply near_forall. intros i L. apply near_signed; auto. unfold signs. rewrite sgn_abs. apply Rabs_pos_lt. auto.
  - apply (is_grad_veq m _ y (vscal (/ INR m) (fun k => bsum m (fun i => vscal (signs i) (centring m i) k)))).
    + intros k L. unfold vscal at 1. rewrite (bsum_ext m _ (fun i => centring m k i * signs i))
        by (intros i Li; unfold vscal; rewrite (sym_centring m i k Li L); ring).
      change (bsum m (fun i => centring m k i * signs i)) with (mv m (centring m) signs k). rewrite mv_centring by auto.
      unfold vadd, vscal. ones. field. lra.
    + apply is_grad_scal. apply (is_grad_bsum m m (fun i x => dot m (vscal (signs i) (centring m i)) x)). intros i L. apply is_grad_linear.
Qed.

Lemma signs_norm : dot m signs signs = INR m.
Proof. unfold dot, signs. rewrite (bsum_ext m _ (fun _ => 1)) by (intros; apply sgn_sq). rewrite bsum_const. ring. Qed.

Lemma l1_pos : (forall i, (i < m)%nat -> y i - mean m y <> 0) -> 0 < l1_scale m y.
Proof.
  intros N. pose proof (INR_pos m Hm). apply Rdiv_lt_0_compat; auto.
  assert (L : (0 < m)%nat) by lia. assert (P : 0 < Rabs (y 0%nat - mean m y)) by (apply Rabs_pos_lt; auto).
  pose proof (bsum_term m (fun i => Rabs (y i - mean m y)) 0 (fun k _ => Rabs_pos _) L) as B. cbv beta in B. lra.
Qed.

Definition positive (x : vec) : vec := fun i => (Rabs (x i) + x i) / 2.
Definition negative (x : vec) : vec := fun i => (Rabs (x i) - x i) / 2.

Lemma nonneg_positive x : nonneg m (positive x).
Proof. intros i _. unfold positive. pose proof (Rle_abs (- x i)). rewrite Rabs_Ropp in H. lra. Qed.

Lemma nonneg_negative x : nonneg m (negative x).
Proof. intros i _. unfold negative. pose proof (Rle_abs (x i)). lra. Qed.

Lemma parts_norm x : dot m x x = dot m (negative x) (negative x) + dot m (positive x) (positive x).
Proof.
  unfold dot. rewrite <- bsum_add. apply bsum_ext. intros i _. unfold positive, negative.
  assert (A : Rabs (x i) * Rabs (x i) = x i * x i) by (rewrite <- Rabs_mult, Rabs_pos_eq; nra). nra.
Qed.

Lemma parts_sum x : dot m one x = 0 -> bsum m (fun i => Rabs (x i)) = INR m ->
  dot m one (negative x) = INR m / 2 /\ dot m one (positive x) = INR m / 2.
Proof.
  intros Z S. rewrite dot_one in Z. rewrite !dot_one. unfold positive, negative. split.
  - rewrite (bsum_ext m _ (fun i => / 2 * Rabs (x i) + (- / 2) * x i)) by (intros; field). rewrite bsum_add, !bsum_scal, Z, S. field.
  - rewrite (bsum_ext m _ (fun i => / 2 * Rabs (x i) + / 2 * x i)) by (intros; field). rewrite bsum_add, !bsum_scal, Z, S. field.
Qed.

Notation centred_by s := (normalized m (centring m) s y).

Lemma centred_entry s i : (i < m)%nat -> centred_by s i = (y i - mean m y) / s y.
Proof. intros L. unfold normalized. rewrite (centred m y i L). reflexivity. Qed.

Lemma centred_by_sum s : s y <> 0 -> dot m one (centred_by s) = 0.
Proof.
  intros N. rewrite dot_one, (bsum_ext m _ (fun i => / s y * (y i - mean m y))).
  - rewrite bsum_scal, centred_sum by auto. ring.
  - intros i L. rewrite centred_entry by auto. field. auto.
Qed.

Lemma l1_abs : 0 < l1_scale m y -> bsum m (fun i => Rabs (centred_by (l1_scale m) i)) = INR m.
Proof.
  intros P. pose proof (INR_pos m Hm). rewrite (bsum_ext m _ (fun i => / l1_scale m y * Rabs (y i - mean m y))).
  - rewrite bsum_scal. replace (bsum m (fun i => Rabs (y i - mean m y))) with (INR m * l1_scale m y) by (unfold l1_scale; field; lra).
    field. lra.
  - intros i L. rewrite centred_entry by auto. unfold Rdiv. rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq (l1_scale m y)) by lra. ring.
Qed.

(* Linf, where one value is the farthest from the mean. *)
Variable p : nat.
Hypothesis Hp : (p < m)%nat.
Hypothesis far : forall i, (i < m)%nat -> i <> p -> Rabs (y i - mean m y) < Rabs (y p - mean m y).
Hypothesis off : y p - mean m y <> 0.
Notation a := (sgn (y p - mean m y)).

Definition peak : vec := vscal a (ident p).

Lemma near_far i : (i < m)%nat -> i <> p -> near m y (fun x => Rabs (x i - mean m x) < a * (x p - mean m x)).
Proof.
  intros L N. assert (F := far i L N). rewrite <- (sgn_abs (y p - mean m y)) in F. apply Rabs_def2 in F.
  assert (D : forall b, 0 < a * (y p - mean m y) + b * (y i - mean m y) ->
    near m y (fun x => 0 < a * (x p - mean m x) + b * (x i - mean m x))).
  { intros b P. rewrite (signed_centred a p y Hp), (signed_centred b i y L), <- dot_add_l in P.
    apply (near_mono m y (fun x => 0 < dot m (vadd (vscal a (centring m p)) (vscal b (centring m i))) x)).
    - intros x X. rewrite dot_add_l, <- !signed_centred in X by auto. exact X.
    - apply (near_pos m _ y _ (is_grad_linear m _ y)). exact P. }
  apply (near_mono m y _ _) with (2 := near_and m y _ _ (D 1 ltac:(lra)) (D (-1) ltac:(lra))). intros x [X X'].
  apply Rabs_def1; lra.
Qed.

Lemma linf_near : near m y (fun x => dot m (vscal a (centring m p)) x = linf_scale m x).
Proof.
  assert (P : near m y (fun x => 0 < a * (x p - mean m x))).
  { apply near_signed; auto. rewrite sgn_abs. apply Rabs_pos_lt. exact off. }
  assert (F : near m y (fun x => forall i, (i < m)%nat -> i <> p -> Rabs (x i - mean m x) < a * (x p - mean m x))).
  { apply near_forall. intros i L. destruct (PeanoNat.Nat.eq_dec i p) as [->|N].
    - exists 1. split; [lra|]. intros x _ N. contradiction.
    - apply (near_mono m y _ _) with (2 := near_far i L N). auto. }
  apply (near_mono m y _ _) with (2 := near_and m y _ _ P F). intros x [X Y].
  rewrite <- signed_centred by auto. unfold linf_scale. rewrite (bmax_is m _ p Hp).
  - symmetry. apply abs_of_sign; [apply sgn_sq | exact X].
  - apply Rabs_pos.
  - intros i L. cbv beta. rewrite (abs_of_sign a (x p - mean m x) (sgn_sq _) X).
    destruct (PeanoNat.Nat.eq_dec i p) as [->|N]; [right; apply abs_of_sign; [apply sgn_sq | exact X] | left; auto].
Qed.

Lemma linf_grad : is_grad m (linf_scale m) y (vadd (vscal (- dot m one peak / INR m) one) (vscal 1 peak)).
Proof.
  pose proof (INR_pos m Hm). apply (is_grad_near m (dot m (vscal a (centring m p)))); [exact linf_near|].
  apply (is_grad_veq m _ y _ _) with (2 := is_grad_linear m _ y). intros k L. unfold vadd, vscal. ones.
  unfold peak. rewrite dot_scal_r, (dot_comm m one), dot_ident by auto. ones. unfold vscal, centring. field. lra.
Qed.

Lemma linf_value : linf_scale m y = Rabs (y p - mean m y).
Proof. rewrite <- (near_here m y _ linf_near), <- signed_centred by auto. apply sgn_abs. Qed.

Lemma peak_sum : dot m one peak ^ 2 = 1.
Proof.
  unfold peak. rewrite dot_scal_r, (dot_comm m one), dot_ident by auto. ones.
  replace ((a * 1) ^ 2) with (a * a) by ring. apply sgn_sq.
Qed.

Lemma peak_norm : dot m peak peak = 1.
Proof.
  unfold peak. rewrite dot_scal_l, dot_scal_r, dot_ident by auto. unfold ident. rewrite PeanoNat.Nat.eqb_refl.
  rewrite Rmult_1_r. apply sgn_sq.
Qed.

Definition room : vec := fun i => 1 - centred_by (linf_scale m) i ^ 2.

Lemma room_nonneg : nonneg m room.
Proof.
  intros i L. unfold room. rewrite centred_entry by auto. assert (P : 0 < linf_scale m y) by (rewrite linf_value; apply Rabs_pos_lt; exact off).
  assert (B : Rabs (y i - mean m y) <= linf_scale m y) by (apply (bmax_ge m (fun i => Rabs (y i - mean m y))); auto).
  assert (Q : Rabs ((y i - mean m y) / linf_scale m y) <= 1).
  { unfold Rdiv. rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq (linf_scale m y)) by lra.
    apply (Rmult_le_reg_r (linf_scale m y)); auto. rewrite Rmult_assoc, Rinv_l; lra. }
  set (t := (y i - mean m y) / linf_scale m y) in *. pose proof (Rle_abs t). pose proof (Rle_abs (- t)) as Q'.
  rewrite Rabs_Ropp in Q'. nra.
Qed.

Lemma room_sum : dot m (centred_by (linf_scale m)) (centred_by (linf_scale m)) = INR m - dot m one room.
Proof.
  rewrite dot_one. unfold room. rewrite (bsum_ext m (fun i => 1 - _) (fun i => 1 + (-1) * (centred_by (linf_scale m) i * centred_by (linf_scale m) i)))
    by (intros; ring).
  rewrite bsum_add, bsum_scal, bsum_const. unfold dot. ring.
Qed.
End Scales.
