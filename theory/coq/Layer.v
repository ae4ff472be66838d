(* A layer: C channels of m values as one vector of R^(C m), and maps that act channel by channel. *)
From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Vectors Calculus.
Open Scope R_scope.

Definition chan (m : nat) (Y : vec) (j : nat) : vec := fun i => Y (j * m + i)%nat.
Definition by_channel (m : nat) (F : nat -> vec -> vec) (Y : vec) : vec := fun k => F (k / m)%nat (chan m Y (k / m)) (k mod m)%nat.

Lemma bsum_layer C m f : bsum (C * m) f = bsum C (fun j => bsum m (fun i => f (j * m + i)%nat)).
Proof.
  induction C; simpl; [reflexivity|].
  rewrite PeanoNat.Nat.add_comm, bsum_app, IHC. reflexivity.
Qed.

Lemma dot_layer C m U V : dot (C * m) U V = bsum C (fun j => dot m (chan m U j) (chan m V j)).
Proof. apply bsum_layer. Qed.

Lemma entry C m k : (k < C * m)%nat -> (k / m < C)%nat /\ (k mod m < m)%nat /\ (k = k / m * m + k mod m)%nat.
Proof.
  intros L. assert (m <> 0%nat) by (intros ->; lia). split; [|split].
  - apply PeanoNat.Nat.div_lt_upper_bound; auto. lia.
  - apply PeanoNat.Nat.mod_upper_bound; auto.
  - rewrite (PeanoNat.Nat.div_mod k m) at 1 by auto. lia.
Qed.

Lemma entry_lt C m j i : (j < C)%nat -> (i < m)%nat -> (j * m + i < C * m)%nat.
Proof. intros. nia. Qed.

Lemma entry_div m j i : (i < m)%nat -> ((j * m + i) / m = j)%nat.
Proof. intros L. rewrite PeanoNat.Nat.add_comm, PeanoNat.Nat.div_add by lia. rewrite PeanoNat.Nat.div_small by lia. lia. Qed.

Lemma entry_mod m j i : (i < m)%nat -> ((j * m + i) mod m = i)%nat.
Proof. intros L. rewrite PeanoNat.Nat.add_comm, PeanoNat.Nat.mod_add by lia. apply PeanoNat.Nat.mod_small. auto. Qed.

Lemma chan_by_channel m F Y j : veq m (chan m (by_channel m F Y) j) (F j (chan m Y j)).
Proof. intros i L. unfold chan at 1, by_channel. rewrite entry_div, entry_mod by auto. reflexivity. Qed.

Lemma veq_layer C m U V : (forall j, (j < C)%nat -> veq m (chan m U j) (chan m V j)) -> veq (C * m) U V.
Proof. intros E k L. destruct (entry C m k L) as (A & B & D). rewrite D. exact (E _ A _ B). Qed.

Lemma veq_chan C m U V j : (j < C)%nat -> veq (C * m) U V -> veq m (chan m U j) (chan m V j).
Proof. intros L E i Li. apply E. apply entry_lt; auto. Qed.

(* Taking channel j out is linear. *)
Definition sel (m j : nat) : mat := fun i k => ident (j * m + i)%nat k.

Lemma sel_mv C m j Y : (j < C)%nat -> veq m (mv (C * m) (sel m j) Y) (chan m Y j).
Proof. intros L i Li. apply (bsum_ident (C * m) (j * m + i)). apply entry_lt; auto. Qed.

Lemma ident_entry m j j' i i' : (i < m)%nat -> (i' < m)%nat -> ident (j * m + i)%nat (j' * m + i')%nat = ident j j' * ident i i'.
Proof.
  intros L L'. unfold ident.
  destruct (PeanoNat.Nat.eqb_spec (j * m + i) (j' * m + i')) as [E|N].
  - assert (J : j = j') by (rewrite <- (entry_div m j i L), <- (entry_div m j' i' L'), E; reflexivity).
    assert (I : i = i') by (rewrite <- (entry_mod m j i L), <- (entry_mod m j' i' L'), E; reflexivity).
    rewrite J, I, !PeanoNat.Nat.eqb_refl. ring.
  - destruct (PeanoNat.Nat.eqb_spec j j') as [->|]; [|ring]. destruct (PeanoNat.Nat.eqb_spec i i') as [->|]; [|ring].
    exfalso; auto.
Qed.

Lemma chan_grad C m Y j i : (j < C)%nat -> (i < m)%nat -> is_grad (C * m) (fun X => chan m X j i) Y (sel m j i).
Proof. intros Lj Li. apply is_grad_coordinate. apply entry_lt; auto. Qed.

Definition zero_mat : mat := fun _ _ => 0.

Lemma chan_hess C m Y j i : (j < C)%nat -> (i < m)%nat ->
  is_hess (C * m) (fun X => chan m X j i) Y (fun _ => sel m j i) zero_mat.
Proof.
  intros Lj Li. split; [|split].
  - exists 1. split; [lra|]. intros z _. apply chan_grad; auto.
  - intros k _. exact (is_grad_const (C * m) (sel m j i k) Y).
  - intros k l _ _. reflexivity.
Qed.

Lemma zero_form n u w : dot n u (mv n zero_mat w) = 0.
Proof.
  rewrite (dot_ext_r n u _ vzero), dot_zero_r; auto. intros i _. unfold mv, zero_mat, vzero.
  rewrite (bsum_ext n _ (fun _ => 0)) by (intros; ring). apply bsum_zero.
Qed.

Section ByChannel.
Variables (C m : nat) (F : nat -> vec -> vec) (Y : vec) (L : vec -> R).
Notation n := (C * m)%nat.

Section First.
Variable J : nat -> mat.
Hypothesis HJ : forall j i, (j < C)%nat -> (i < m)%nat -> is_grad m (fun x => F j x i) (chan m Y j) (J j i).

Definition layer_jac : mat := fun k => mv m (trans (sel m (k / m))) (J (k / m) (k mod m)).

Lemma layer_entry_grad k : (k < n)%nat -> is_grad n (fun X => by_channel m F X k) Y (layer_jac k).
Proof.
  intros Lk. destruct (entry C m k Lk) as (Lj & Li & _).
  apply (is_grad_chain n m (fun x => F (k / m)%nat x (k mod m)%nat) (fun X => chan m X (k / m)) Y _ (sel m (k / m))).
  - apply HJ; auto.
  - intros i L'. apply (chan_grad C m Y (k / m) i); auto.
Qed.

(* The direction in which the output moves. *)
Definition layer_velocity (U : vec) : vec := by_channel m (fun j u => mv m (J j) u) U.

Lemma layer_jac_mv U : veq n (mv n layer_jac U) (layer_velocity U).
Proof.
  intros k Lk. destruct (entry C m k Lk) as (Lj & Li & _).
  change (mv n layer_jac U k) with (dot n (mv m (trans (sel m (k / m))) (J (k / m)%nat (k mod m)%nat)) U).
  rewrite <- mv_trans. rewrite (dot_ext_r m _ _ _ (sel_mv C m (k / m) U Lj)). reflexivity.
Qed.

Lemma layer_grad g v : is_grad n L (by_channel m F Y) g -> is_grad n (fun X => L (by_channel m F X)) Y v ->
  forall j, (j < C)%nat -> veq m (chan m v j) (mv m (trans (J j)) (chan m g j)).
Proof.
  intros HL HV j Lj i Li.
  assert (D := is_grad_chain n n L (by_channel m F) Y g layer_jac HL layer_entry_grad).
  unfold chan at 1. rewrite (is_grad_unique n _ Y _ _ HV D (j * m + i)%nat (entry_lt C m j i Lj Li)).
  unfold mv at 1, trans at 1. rewrite bsum_layer.
  rewrite (bsum_ext C _ (fun j' => ident j j' * mv m (trans (J j')) (chan m g j') i)).
  { rewrite bsum_ident by auto. reflexivity. }
  intros j' Lj'. unfold mv at 1, trans. rewrite <- bsum_scal. apply bsum_ext. intros i' Li'.
  unfold layer_jac. rewrite entry_div, entry_mod by auto. unfold mv, trans, sel, chan.
  rewrite (bsum_ext m _ (fun l => ident l i * (ident j j' * J j' i' l))).
  - rewrite bsum_ident_r by auto. ring.
  - intros l Ll. rewrite (ident_entry m j' j l i Ll Li), (sym_ident C j j' Lj Lj'). ring.
Qed.

Lemma layer_loss_grad g : is_grad n L (by_channel m F Y) g -> exists v, is_grad n (fun X => L (by_channel m F X)) Y v.
Proof. intros HL. eexists. exact (is_grad_chain n n L (by_channel m F) Y g layer_jac HL layer_entry_grad). Qed.
End First.

Section Second.
Variables (J : nat -> vec -> mat) (K : nat -> nat -> mat).
Hypothesis HK : forall j i, (j < C)%nat -> (i < m)%nat ->
  is_hess m (fun x => F j x i) (chan m Y j) (fun x => J j x i) (K j i).

Definition layer_bend (k : nat) : mat :=
  chain_hess m (J (k / m) (chan m Y (k / m)) (k mod m)) (K (k / m) (k mod m)) (sel m (k / m)) (fun _ => zero_mat).

Lemma layer_entry_hess k : (k < n)%nat ->
  is_hess n (fun X => by_channel m F X k) Y (fun X => layer_jac (fun j => J j (chan m X j)) k) (layer_bend k).
Proof.
  intros Lk. destruct (entry C m k Lk) as (Lj & Li & _).
  apply (is_hess_chain n m (fun x => F (k / m)%nat x (k mod m)%nat) (fun X => chan m X (k / m)) Y
           (fun x => J (k / m)%nat x (k mod m)%nat) (K (k / m)%nat (k mod m)%nat) (fun _ => sel m (k / m)) (fun _ => zero_mat)).
  - apply HK; auto.
  - intros i L'. apply chan_hess; auto.
Qed.

Lemma layer_bend_form k U W : (k < n)%nat ->
  dot n U (mv n (layer_bend k) W) = dot m (chan m U (k / m)) (mv m (K (k / m) (k mod m)) (chan m W (k / m))).
Proof.
  intros Lk. destruct (entry C m k Lk) as (Lj & _). unfold layer_bend. rewrite chain_hess_form.
  rewrite (bsum_ext m _ (fun _ => 0)) by (intros; rewrite zero_form; ring). rewrite bsum_zero, Rplus_0_r.
  apply dot_ext; [apply (sel_mv C m); auto | apply mv_ext, (sel_mv C m); auto].
Qed.

Theorem layer_hess_form G H Ghat Hhat U W : is_hess n L (by_channel m F Y) G H ->
  is_hess n (fun X => L (by_channel m F X)) Y Ghat Hhat ->
  dot n U (mv n Hhat W) =
  dot n (layer_velocity (fun j => J j (chan m Y j)) U) (mv n H (layer_velocity (fun j => J j (chan m Y j)) W))
  + bsum C (fun j => bsum m (fun i => chan m (G (by_channel m F Y)) j i * dot m (chan m U j) (mv m (K j i) (chan m W j)))).
Proof.
  intros HL HH.
  rewrite (is_hess_form n _ Y _ _ _ _ U W HH
    (is_hess_chain n n L (by_channel m F) Y G H (fun X => layer_jac (fun j => J j (chan m X j))) layer_bend HL layer_entry_hess)).
  rewrite chain_hess_form. f_equal.
  - apply dot_ext; [apply layer_jac_mv | apply mv_ext, layer_jac_mv].
  - rewrite bsum_layer. apply bsum_ext. intros j Lj. apply bsum_ext. intros i Li.
    rewrite layer_bend_form by (apply entry_lt; auto). rewrite entry_div, entry_mod by auto. reflexivity.
Qed.

Lemma layer_loss_hess G H : is_hess n L (by_channel m F Y) G H ->
  exists Ghat Hhat, is_hess n (fun X => L (by_channel m F X)) Y Ghat Hhat.
Proof.
  intros HL. eexists. eexists.
  exact (is_hess_chain n n L (by_channel m F) Y G H (fun X => layer_jac (fun j => J j (chan m X j))) layer_bend HL layer_entry_hess).
Qed.
End Second.
End ByChannel.
