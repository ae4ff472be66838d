(* A batch of K replicas of q values each, one vector of R^(K q): replica j is chan q y j. *)
From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Export Given.
Open Scope R_scope.

Definition within (K q : nat) (y : vec) : R := bsum K (fun j => var q (chan q y j)) / INR K.
Definition between (K q : nat) (y : vec) : R := bsum K (fun j => (mean q (chan q y j) - mean (K * q) y) ^ 2) / INR K.

(* Puts the mean of its replica for every value. *)
Definition replica_mean (q : nat) : mat := fun i k => ident (i / q)%nat (k / q)%nat / INR q.

Section Replicas.
Variables (K q : nat) (y : vec).
Hypothesis HK : (1 <= K)%nat.
Hypothesis Hq : (1 <= q)%nat.
Notation B := (replica_mean q).
Notation c := (fun j => mean q (chan q y j)).

Lemma replica_mean_sym : sym (K * q) B.
Proof. intros i k Li Lk. unfold replica_mean, ident. rewrite PeanoNat.Nat.eqb_sym. reflexivity. Qed.

Lemma replica_mean_mv x : veq (K * q) (mv (K * q) B x) (fun i => mean q (chan q x (i / q))).
Proof.
  intros i Li. destruct (entry K q i Li) as (Lj & _ & _). pose proof (INR_pos q Hq). unfold mv. rewrite bsum_layer.
  rewrite (bsum_ext K _ (fun j => ident (i / q)%nat j * mean q (chan q x j))).
  - apply (bsum_ident K (i / q) (fun j => mean q (chan q x j))). exact Lj.
  - intros j _. unfold mean, Rdiv. rewrite (Rmult_comm (bsum q (chan q x j))), <- Rmult_assoc, <- bsum_scal. apply bsum_ext. intros k Lk.
    unfold replica_mean. rewrite entry_div by auto. unfold chan, Rdiv. ring.
Qed.

Lemma sum_means : bsum K c * INR q = dot (K * q) one y.
Proof.
  pose proof (INR_pos q Hq). rewrite dot_one, bsum_layer, <- bsum_scal_r. apply bsum_ext. intros j _. unfold mean, chan. field. lra.
Qed.

Lemma dot_means x : dot (K * q) x (mv (K * q) B y) = bsum K (fun j => bsum q (chan q x j) * c j).
Proof.
  rewrite (dot_ext_r _ x _ _ (replica_mean_mv y)), dot_layer. apply bsum_ext. intros j _. rewrite <- bsum_scal_r. apply bsum_ext.
  intros i Li. unfold chan at 2. rewrite entry_div by auto. reflexivity.
Qed.

Lemma y_B_y : dot (K * q) y (mv (K * q) B y) = INR q * bsum K (fun j => c j ^ 2).
Proof.
  pose proof (INR_pos q Hq). rewrite dot_means, <- bsum_scal. apply bsum_ext. intros j _. unfold mean. field. lra.
Qed.

Lemma one_B_y : dot (K * q) one (mv (K * q) B y) = dot (K * q) one y.
Proof.
  rewrite dot_means, <- sum_means, <- bsum_scal_r. apply bsum_ext. intros j _.
  assert (E : bsum q (chan q one j) = INR q) by (unfold chan, one; rewrite bsum_const; ring). rewrite E. ring.
Qed.

Lemma B_y_B_y : dot (K * q) (mv (K * q) B y) (mv (K * q) B y) = dot (K * q) y (mv (K * q) B y).
Proof.
  rewrite y_B_y, dot_means, <- bsum_scal. apply bsum_ext. intros j Lj.
  rewrite (bsum_ext q (chan q (mv (K * q) B y) j) (fun _ => c j)).
  - rewrite bsum_const. ring.
  - intros i Li. unfold chan at 1. rewrite (replica_mean_mv y _ (entry_lt K q j i Lj Li)), entry_div by auto. reflexivity.
Qed.

Lemma INR_batch : INR (K * q) = INR K * INR q.
Proof. apply mult_INR. Qed.

Lemma within_is : within K q y = (dot (K * q) y y - dot (K * q) y (mv (K * q) B y)) / INR (K * q).
Proof.
  pose proof (INR_pos q Hq). pose proof (INR_pos K HK). rewrite y_B_y, dot_layer, INR_batch. unfold within.
  rewrite (bsum_ext K _ (fun j => / INR q * dot q (chan q y j) (chan q y j) + (-1) * c j ^ 2)).
  - rewrite bsum_add, !bsum_scal. field. lra.
  - intros j _. rewrite (var_dot q Hq), mean_dot. field. lra.
Qed.

Lemma between_is : between K q y = - mean (K * q) y ^ 2 + dot (K * q) y (mv (K * q) B y) / INR (K * q).
Proof.
  pose proof (INR_pos q Hq). pose proof (INR_pos K HK). rewrite y_B_y, INR_batch. unfold between.
  set (mu := mean (K * q) y).
  assert (S : bsum K c = INR K * mu).
  { unfold mu. rewrite mean_dot, <- sum_means, INR_batch. field. lra. }
  rewrite (bsum_ext K _ (fun j => c j ^ 2 + ((-2 * mu) * c j + mu ^ 2))) by (intros; ring).
  rewrite !bsum_add, bsum_scal, bsum_const, S. field. lra.
Qed.
End Replicas.
