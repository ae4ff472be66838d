(* Vectors of R^m as functions, the inner product as a finite sum, matrices. *)
From Coq Require Import Reals Lra Lia Psatz.
Open Scope R_scope.

Definition vec := nat -> R.
Definition mat := nat -> nat -> R.

Fixpoint bsum (n : nat) (f : nat -> R) : R :=
  match n with O => 0 | S k => bsum k f + f k end.

Definition dot (m : nat) (u v : vec) : R := bsum m (fun i => u i * v i).
Definition one : vec := fun _ => 1.
Definition vzero : vec := fun _ => 0.
Definition vadd (u v : vec) : vec := fun i => u i + v i.
Definition vscal (c : R) (u : vec) : vec := fun i => c * u i.
Definition veq (m : nat) (u v : vec) : Prop := forall i, (i < m)%nat -> u i = v i.
Definition nonneg (m : nat) (p : vec) : Prop := forall i, (i < m)%nat -> 0 <= p i.

Definition mv (m : nat) (A : mat) (v : vec) : vec := fun i => bsum m (fun j => A i j * v j).
Definition trans (A : mat) : mat := fun i j => A j i.
Definition sym (m : nat) (A : mat) : Prop := forall i j, (i < m)%nat -> (j < m)%nat -> A i j = A j i.
Definition psd (m : nat) (A : mat) : Prop := sym m A /\ forall v, 0 <= dot m v (mv m A v).
Definition ident : mat := fun i j => if Nat.eqb i j then 1 else 0.
Definition centring (m : nat) : mat := fun i j => ident i j - 1 / INR m.

(* The largest and the smallest element of a set of numbers, if it has one. *)
Definition is_max (E : R -> Prop) (x : R) : Prop := E x /\ forall r, E r -> r <= x.
Definition is_min (E : R -> Prop) (x : R) : Prop := E x /\ forall r, E r -> x <= r.

(* Finite sums. *)

Lemma bsum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> bsum n f = bsum n g.
Proof. induction n; simpl; intros E; [reflexivity|]. rewrite IHn, (E n); auto. Qed.

Lemma bsum_add n f g : bsum n (fun i => f i + g i) = bsum n f + bsum n g.
Proof. induction n; simpl; [ring|]. rewrite IHn; ring. Qed.

Lemma bsum_scal n c f : bsum n (fun i => c * f i) = c * bsum n f.
Proof. induction n; simpl; [ring|]. rewrite IHn; ring. Qed.

Lemma bsum_scal_r n c f : bsum n (fun i => f i * c) = bsum n f * c.
Proof. induction n; simpl; [ring|]. rewrite IHn; ring. Qed.

Lemma bsum_const n c : bsum n (fun _ => c) = INR n * c.
Proof. induction n; [simpl; ring|]. simpl bsum. rewrite IHn, S_INR; ring. Qed.

Lemma bsum_zero n : bsum n (fun _ => 0) = 0.
Proof. rewrite bsum_const; ring. Qed.

Lemma bsum_nonneg n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= bsum n f.
Proof.
  induction n; simpl; intros P; [lra|].
  assert (0 <= bsum n f) by auto. assert (0 <= f n) by auto. lra.
Qed.

Lemma bsum_le n f g : (forall i, (i < n)%nat -> f i <= g i) -> bsum n f <= bsum n g.
Proof.
  induction n; simpl; intros P; [lra|].
  assert (bsum n f <= bsum n g) by auto. assert (f n <= g n) by auto. lra.
Qed.

Lemma bsum_swap n k f : bsum n (fun i => bsum k (fun j => f i j)) = bsum k (fun j => bsum n (fun i => f i j)).
Proof. induction n; simpl; [rewrite bsum_zero; auto|]. rewrite IHn, bsum_add; auto. Qed.

Lemma bsum_term n f i : (forall k, (k < n)%nat -> 0 <= f k) -> (i < n)%nat -> f i <= bsum n f.
Proof.
  induction n; simpl; intros P L; [lia|].
  assert (0 <= bsum n f) by (apply bsum_nonneg; auto). assert (0 <= f n) by auto.
  destruct (PeanoNat.Nat.eq_dec i n) as [->|N]; [lra|].
  assert (f i <= bsum n f) by (apply IHn; auto; lia). lra.
Qed.

Lemma bsum_zero_inv n f : (forall i, (i < n)%nat -> 0 <= f i) -> bsum n f = 0 -> forall i, (i < n)%nat -> f i = 0.
Proof.
  intros P Z i L. pose proof (bsum_term n f i P L). pose proof (P i L). lra.
Qed.

Lemma bsum_abs n f : Rabs (bsum n f) <= bsum n (fun i => Rabs (f i)).
Proof. induction n; simpl; [rewrite Rabs_R0; lra|]. eapply Rle_trans; [apply Rabs_triang|]. lra. Qed.

Lemma bsum_app a b f : bsum (a + b) f = bsum a f + bsum b (fun i => f (a + i)%nat).
Proof.
  induction b; simpl; [rewrite PeanoNat.Nat.add_0_r; ring|].
  rewrite PeanoNat.Nat.add_succ_r. simpl. rewrite IHb. ring.
Qed.

(* A sum that has one term only. *)
Lemma bsum_ident n i f : (i < n)%nat -> bsum n (fun j => ident i j * f j) = f i.
Proof.
  intros L. induction n; [lia|]. simpl. unfold ident at 2.
  destruct (PeanoNat.Nat.eqb_spec i n) as [->|N].
  - rewrite (bsum_ext n _ (fun _ => 0)); [rewrite bsum_zero; ring|].
    intros j K. unfold ident. destruct (PeanoNat.Nat.eqb_spec n j); [lia|ring].
  - rewrite IHn by lia. ring.
Qed.

Lemma bsum_ident_r n i f : (i < n)%nat -> bsum n (fun j => ident j i * f j) = f i.
Proof.
  intros L. rewrite <- (bsum_ident n i f L). apply bsum_ext. intros j _. unfold ident.
  rewrite PeanoNat.Nat.eqb_sym. reflexivity.
Qed.

(* The inner product: symmetric, bilinear, positive definite. *)

Lemma veq_refl m u : veq m u u.
Proof. intros i L; reflexivity. Qed.

Lemma veq_sym m u v : veq m u v -> veq m v u.
Proof. intros E i L. symmetry; auto. Qed.

Lemma veq_trans m u v w : veq m u v -> veq m v w -> veq m u w.
Proof. intros A B i L. rewrite (A i L); auto. Qed.

Lemma dot_comm m u v : dot m u v = dot m v u.
Proof. apply bsum_ext; intros; ring. Qed.

Lemma dot_ext m u u' v v' : veq m u u' -> veq m v v' -> dot m u v = dot m u' v'.
Proof. intros A B. apply bsum_ext; intros i L. rewrite (A i L), (B i L); reflexivity. Qed.

Lemma dot_ext_l m u u' v : veq m u u' -> dot m u v = dot m u' v.
Proof. intros A. apply dot_ext; [exact A | apply veq_refl]. Qed.

Lemma dot_ext_r m u v v' : veq m v v' -> dot m u v = dot m u v'.
Proof. intros A. apply dot_ext; [apply veq_refl | exact A]. Qed.

Lemma dot_add_l m u v w : dot m (vadd u v) w = dot m u w + dot m v w.
Proof. unfold dot. rewrite <- bsum_add. apply bsum_ext; intros; unfold vadd; ring. Qed.

Lemma dot_scal_l m c u w : dot m (vscal c u) w = c * dot m u w.
Proof. unfold dot. rewrite <- bsum_scal. apply bsum_ext; intros; unfold vscal; ring. Qed.

Lemma dot_add_r m u v w : dot m w (vadd u v) = dot m w u + dot m w v.
Proof. rewrite !(dot_comm m w). apply dot_add_l. Qed.

Lemma dot_scal_r m c u w : dot m w (vscal c u) = c * dot m w u.
Proof. rewrite !(dot_comm m w). apply dot_scal_l. Qed.

Lemma dot_zero_l m u : dot m vzero u = 0.
Proof. unfold dot. rewrite <- (bsum_zero m). apply bsum_ext; intros; unfold vzero; ring. Qed.

Lemma dot_zero_r m u : dot m u vzero = 0.
Proof. rewrite dot_comm. apply dot_zero_l. Qed.

Lemma dot_one_one m : dot m one one = INR m.
Proof. unfold dot, one. rewrite bsum_const. ring. Qed.

Lemma dot_one m u : dot m one u = bsum m u.
Proof. apply bsum_ext; intros; unfold one; ring. Qed.

Lemma dot_self m u : 0 <= dot m u u.
Proof. apply bsum_nonneg; intros. nra. Qed.

Lemma dot_self_zero m u : dot m u u = 0 -> veq m u vzero.
Proof.
  intros Z i L. unfold vzero.
  assert (u i * u i = 0) by (apply (bsum_zero_inv m (fun i => u i * u i)); auto; intros; nra). nra.
Qed.

Lemma dot_ident m i v : (i < m)%nat -> dot m (ident i) v = v i.
Proof. apply bsum_ident. Qed.

(* A vector is known by its inner products. *)
Lemma dot_unique m u v : (forall w, dot m w u = dot m w v) -> veq m u v.
Proof. intros E i L. rewrite <- (dot_ident m i u L), <- (dot_ident m i v L). apply E. Qed.

Lemma cauchy_schwarz m u v : (dot m u v) ^ 2 <= dot m u u * dot m v v.
Proof.
  pose proof (dot_self m u) as Pu. pose proof (dot_self m v) as Pv.
  destruct (Req_dec (dot m v v) 0) as [Z|N].
  - rewrite (dot_ext_r m u v vzero (dot_self_zero m v Z)), dot_zero_r, Z. lra.
  - pose proof (dot_self m (vadd (vscal (dot m v v) u) (vscal (- dot m u v) v))) as P.
    rewrite !dot_add_l, !dot_add_r, !dot_scal_l, !dot_scal_r, (dot_comm m v u) in P.
    assert (0 <= dot m u u * dot m v v - dot m u v ^ 2).
    { apply (Rmult_le_reg_l (dot m v v)); nra. }
    lra.
Qed.

(* Vectors without negative entries. *)

Lemma dot_nonneg m p q : nonneg m p -> nonneg m q -> 0 <= dot m p q.
Proof. intros A B. apply bsum_nonneg; intros i L. apply Rmult_le_pos; auto. Qed.

Lemma nonneg_one m : nonneg m one.
Proof. intros i L. unfold one. lra. Qed.

Lemma pairs_nonneg m p : nonneg m p -> 0 <= dot m one p ^ 2 - dot m p p.
Proof.
  unfold dot, one. induction m; intros P; simpl bsum; [simpl; lra|].
  assert (Q : nonneg m p) by (intros i L; apply P; auto). specialize (IHm Q).
  assert (0 <= p m) by (apply P; auto).
  assert (0 <= bsum m (fun i => 1 * p i)) by (apply bsum_nonneg; intros i L; specialize (Q i L); lra).
  nra.
Qed.

(* Matrices: linear; a symmetric one has a symmetric form. *)

Lemma mv_add m A u v : veq m (mv m A (vadd u v)) (vadd (mv m A u) (mv m A v)).
Proof. intros i L. unfold vadd, mv. rewrite <- bsum_add. apply bsum_ext; intros; ring. Qed.

Lemma mv_scal m A c u : veq m (mv m A (vscal c u)) (vscal c (mv m A u)).
Proof. intros i L. unfold vscal, mv. rewrite <- bsum_scal. apply bsum_ext; intros; ring. Qed.

Lemma mv_add_r m A u v w : dot m w (mv m A (vadd u v)) = dot m w (mv m A u) + dot m w (mv m A v).
Proof. rewrite (dot_ext_r m w _ _ (mv_add m A u v)). apply dot_add_r. Qed.

Lemma mv_scal_r m A c u w : dot m w (mv m A (vscal c u)) = c * dot m w (mv m A u).
Proof. rewrite (dot_ext_r m w _ _ (mv_scal m A c u)). apply dot_scal_r. Qed.

Lemma mv_add_l m A u v w : dot m (mv m A (vadd u v)) w = dot m (mv m A u) w + dot m (mv m A v) w.
Proof. rewrite !(dot_comm m _ w). apply mv_add_r. Qed.

Lemma mv_scal_l m A c u w : dot m (mv m A (vscal c u)) w = c * dot m (mv m A u) w.
Proof. rewrite !(dot_comm m _ w). apply mv_scal_r. Qed.

Lemma mv_ext m A u v : veq m u v -> veq m (mv m A u) (mv m A v).
Proof. intros E i L. apply bsum_ext; intros j K. rewrite (E j K); reflexivity. Qed.

Lemma mv_trans n m A u v : dot n u (mv m A v) = dot m (mv n (trans A) u) v.
Proof.
  unfold dot, mv, trans.
  rewrite (bsum_ext n _ (fun i => bsum m (fun j => u i * A i j * v j)))
    by (intros; rewrite <- bsum_scal; apply bsum_ext; intros; ring).
  rewrite bsum_swap. apply bsum_ext; intros j K. rewrite <- bsum_scal_r. apply bsum_ext; intros; ring.
Qed.

Lemma mv_sym m A u v : sym m A -> dot m u (mv m A v) = dot m v (mv m A u).
Proof.
  intros S. rewrite mv_trans, dot_comm. apply dot_ext_r. intros i L. apply bsum_ext; intros j K.
  unfold trans. rewrite (S j i K L). reflexivity.
Qed.

Lemma mv_sym_l m A u v : sym m A -> dot m (mv m A u) v = dot m u (mv m A v).
Proof. intros S. rewrite dot_comm. apply mv_sym; auto. Qed.

Lemma mv_ident m v : veq m (mv m ident v) v.
Proof. intros i L. apply bsum_ident; auto. Qed.

Lemma sym_ident m : sym m ident.
Proof. intros i j _ _. unfold ident. rewrite PeanoNat.Nat.eqb_sym. reflexivity. Qed.

Lemma sym_centring m : sym m (centring m).
Proof. intros i j Li Lj. unfold centring. rewrite (sym_ident m i j Li Lj). reflexivity. Qed.

Lemma mv_centring m v i : (i < m)%nat -> mv m (centring m) v i = v i - dot m one v / INR m.
Proof.
  intros L. unfold mv, centring.
  rewrite (bsum_ext m _ (fun j => ident i j * v j + (- / INR m) * (1 * v j))) by (intros; unfold Rdiv; ring).
  rewrite bsum_add, bsum_scal, bsum_ident by auto. unfold dot, one. unfold Rdiv. ring.
Qed.

Lemma INR_ge_1 m : (1 <= m)%nat -> 1 <= INR m.
Proof. intros L. apply (le_INR 1) in L. simpl in L; lra. Qed.

Lemma INR_pos m : (1 <= m)%nat -> 0 < INR m.
Proof. intros L. pose proof (INR_ge_1 m L). lra. Qed.

#[global] Hint Rewrite dot_add_l dot_add_r dot_scal_l dot_scal_r dot_zero_l dot_zero_r dot_one_one
  mv_add_r mv_scal_r mv_add_l mv_scal_l : ip.
#[global] Hint Resolve veq_refl : core.
