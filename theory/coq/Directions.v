(* Derivatives of the loss along a direction of the gammas or the betas of a layer. *)
From Coq Require Import Reals Lra Lia Psatz FunctionalExtensionality.
From bnverify Require Export Curvature Linear.
Open Scope R_scope.

Definition diagonal (t : vec) : mat := fun i k => t i * ident i k.

Lemma diagonal_sym n t : sym n (diagonal t).
Proof.
  intros i k _ _. unfold diagonal, ident. destruct (PeanoNat.Nat.eqb_spec i k) as [->|N].
  - rewrite PeanoNat.Nat.eqb_refl. reflexivity.
  - destruct (PeanoNat.Nat.eqb_spec k i) as [E|_]; [congruence | ring].
Qed.

Lemma diagonal_entry n t x : veq n (mv n (diagonal t) x) (fun i => t i * x i).
Proof.
  intros i L. unfold mv, diagonal. rewrite (bsum_ext n _ (fun j => t i * (ident i j * x j))) by (intros; ring).
  rewrite bsum_scal, bsum_ident by auto. reflexivity.
Qed.

Lemma diagonal_mv n t x : veq n (fun i => t i * x i) (vscal 1 (mv n (diagonal t) x)).
Proof. intros i L. unfold vscal. rewrite (diagonal_entry n t x i L). ring. Qed.

(* A loss along a line in the output. *)
Lemma direction_slope n (L : vec -> R) (p q : vec) g (F : R -> vec) : (forall h, F h = vadd (vscal h p) q) ->
  is_grad n L q g -> derivable_pt_lim (fun h => L (F h)) 0 (dot n g p).
Proof.
  intros E D. assert (D' : is_grad n L (vadd (vscal 0 p) q) g).
  { apply (is_grad_at n L q); auto. intros i _. unfold vadd, vscal. ring. }
  intros e Pe. destruct (line_slope n L p q 0 g D' e Pe) as (d & Q). exists d. intros h N Lh. rewrite !E. exact (Q h N Lh).
Qed.

Lemma gamma_direction C m eps gamma beta Y L g t : is_grad (C * m) L (bn_layer m eps gamma beta Y) g ->
  derivable_pt_lim (fun h => L (bn_layer m eps (fun j => gamma j + h * t j) beta Y)) 0
    (dot (C * m) g (mv (C * m) (diagonal (fun k => t (k / m)%nat)) (by_channel m (fun _ => yhat m eps) Y))).
Proof.
  intros HL. rewrite (dot_ext_r _ g _ _ (diagonal_entry _ _ _)).
  apply (direction_slope (C * m) L _ (bn_layer m eps gamma beta Y) g); auto.
  intros h. apply functional_extensionality. intros k. unfold bn_layer, by_channel, bn, vadd, vscal. ring.
Qed.

Lemma beta_direction C m eps gamma beta Y L g t : is_grad (C * m) L (bn_layer m eps gamma beta Y) g ->
  derivable_pt_lim (fun h => L (bn_layer m eps gamma (fun j => beta j + h * t j) Y)) 0
    (dot (C * m) one (mv (C * m) (diagonal (fun k => t (k / m)%nat)) g)).
Proof.
  intros HL. rewrite (mv_sym (C * m) _ one g (diagonal_sym _ _)), (dot_ext_r _ g _ _ (diagonal_entry _ _ one)).
  apply (direction_slope (C * m) L _ (bn_layer m eps gamma beta Y) g); auto.
  intros h. apply functional_extensionality. intros k. unfold bn_layer, by_channel, bn, vadd, vscal, one. ring.
Qed.
