(* Second order: what the links of Theorem 4.2 and of the Hessian need, for one channel and for a whole layer. *)
From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Export Given.
Open Scope R_scope.

Definition bn_layer (m : nat) (eps : R) (gamma beta : nat -> R) (Y : vec) : vec :=
  by_channel m (fun j => bn m eps (gamma j) (beta j)) Y.

Lemma is_hess_fun m f f' z G H : (forall x, f x = f' x) -> is_hess m f z G H -> is_hess m f' z G H.
Proof.
  intros E (A & B & S). split; [|split]; auto.
  apply (near_mono m z _ _) with (2 := A). intros x X. exact (is_grad_fun m f f' x _ E X).
Qed.

Section Channel.
Variables (m : nat) (eps : R).
Hypothesis Hm : (1 <= m)%nat.
Variable y : vec.
Hypothesis Hs : 0 < var m y + eps.
Notation s := (sd m eps y).
Notation yh := (yhat m eps y).

(* The second derivative of yhat. *)
Lemma yhat_hess i : (i < m)%nat -> is_hess m (fun x => yhat m eps x i) y
  (fun x => norm_jac m (centring m) (sd m eps) (sd_grad m eps) x i)
  (norm_hess m (centring m) (sd m eps) (sd_grad m eps) (sd_hess m eps y) y i).
Proof.
  intros Li. apply (is_hess_fun m (fun x => normalized m (centring m) (sd m eps) x i)).
  { intros x. symmetry. apply yhat_normalized; auto. }
  apply normalized_hess; auto; [apply sd_pos; auto | apply sd_is_hess; auto].
Qed.

Lemma given_second J K x : (forall i, (i < m)%nat -> is_hess m (fun y => yhat m eps y i) y (J i) (K i)) ->
  veq m (fun i => dot m x (mv m (K i) x))
    (vadd (vscal (2 * dot m one x * dot m x yh / (INR m ^ 2 * s ^ 2)) one)
      (vadd (vscal (-2 * dot m x yh / (INR m * s ^ 2)) x)
        (vscal (- dot m x x / (INR m * s ^ 2) + dot m one x ^ 2 / (INR m ^ 2 * s ^ 2)
                + 3 * dot m x yh ^ 2 / (INR m ^ 2 * s ^ 2)) yh))).
Proof.
  intros HK i Li. moments. pose proof (INR_pos m Hm).
  rewrite (is_hess_form m _ y _ _ _ _ x x (HK i Li) (yhat_hess i Li)), norm_hess_form by lra.
  rewrite !dot_sd_grad, sd_hess_form, mv_centring, <- (yhat_normalized m eps y i Li) by auto.
  unfold vadd, vscal. ones. field. lra.
Qed.

Variables (gamma beta : R).

(* Any Jacobian of y |-> gamma yhat + beta. *)
Definition is_jacobian (J : mat) : Prop := forall i, (i < m)%nat -> is_grad m (fun y => bn m eps gamma beta y i) y (J i).

Lemma bn_grad i : (i < m)%nat -> is_grad m (fun x => bn m eps gamma beta x i) y (vscal gamma (jac m eps y i)).
Proof. intros Li. apply affine_grad. apply yhat_grad; auto. Qed.

Lemma velocity_is J x : is_jacobian J -> veq m (mv m J x) (bn_velocity m eps gamma y x).
Proof.
  intros HJ i Li. unfold bn_velocity, vscal, mv. rewrite <- bsum_scal. apply bsum_ext. intros k Lk.
  rewrite (is_grad_unique m _ y _ _ (HJ i Li) (bn_grad i Li) k Lk). unfold vscal. ring.
Qed.

Lemma bn_velocity_expanded x : veq m (bn_velocity m eps gamma y x)
  (vadd (vscal (- gamma * dot m one x / (INR m * s)) one)
    (vadd (vscal (gamma / s) x) (vscal (- gamma * dot m x yh / (INR m * s)) yh))).
Proof.
  moments. pose proof (jac_mv m eps Hm y x Hs) as E. intros i Li. unfold bn_velocity, vscal at 1. rewrite (E i Li).
  unfold vadd, vscal. ones. field. lra.
Qed.

Lemma given_velocity J x : is_jacobian J -> veq m (mv m J x)
  (vadd (vscal (- gamma * dot m one x / (INR m * s)) one)
    (vadd (vscal (gamma / s) x) (vscal (- gamma * dot m x yh / (INR m * s)) yh))).
Proof. intros HJ. exact (veq_trans m _ _ _ (velocity_is J x HJ) (bn_velocity_expanded x)). Qed.

Lemma given_u J v g : is_jacobian J -> veq m v (bn_backward m eps gamma y g) -> veq m (mv m J v)
  (vadd (vscal (- gamma ^ 2 * dot m one g / (INR m * s ^ 2)) one)
    (vadd (vscal (gamma ^ 2 / s ^ 2) g)
      (vscal (gamma * (gamma * rho m eps y * dot m g yh / (INR m * s ^ 2) - 2 * gamma * dot m g yh / (INR m * s ^ 2))) yh))).
Proof.
  intros HJ V i Li. moments. rewrite (given_velocity J v HJ i Li). unfold vadd at 1 2, vscal at 1 2 3.
  rewrite (dot_ext_r m one _ _ V), (dot_ext_l m v _ yh V), (V i Li). unfold bn_backward. autorewrite with ip.
  rewrite Yhat_sum, Yhat_norm. unfold vadd, vscal. ones. field. lra.
Qed.

(* u'H w for two velocities, written out. *)
Lemma velocity_form H x w : sym m H ->
  dot m (bn_velocity m eps gamma y w) (mv m H (bn_velocity m eps gamma y x)) =
  gamma ^ 2 / s ^ 2 * (dot m w (mv m H x) - dot m one w / INR m * dot m one (mv m H x) - dot m one x / INR m * dot m one (mv m H w)
    - dot m w yh / INR m * dot m x (mv m H yh) - dot m x yh / INR m * dot m w (mv m H yh)
    + dot m one w * dot m one x / INR m ^ 2 * dot m one (mv m H one)
    + (dot m one w * dot m x yh + dot m one x * dot m w yh) / INR m ^ 2 * dot m one (mv m H yh)
    + dot m w yh * dot m x yh / INR m ^ 2 * dot m yh (mv m H yh)).
Proof.
  intros S. moments.
  rewrite (dot_ext m _ _ _ _ (bn_velocity_expanded w) (mv_ext m H _ _ (bn_velocity_expanded x))). autorewrite with ip.
  rewrite (mv_sym m H w one S), (mv_sym m H yh one S), (mv_sym m H yh x S). field. lra.
Qed.

Variables (L : vec -> R) (G Ghat : vec -> vec) (H Hhat : mat).
Hypothesis HL : is_hess m L (bn m eps gamma beta y) G H.
Hypothesis HH : is_hess m (fun x => L (bn m eps gamma beta x)) y Ghat Hhat.
Notation g := (G (bn m eps gamma beta y)).

Lemma H_sym : sym m H.
Proof. apply HL. Qed.

Lemma Hhat_sym : sym m Hhat.
Proof. apply HH. Qed.

Lemma hess_g : is_grad m L (bn m eps gamma beta y) g.
Proof. exact (is_hess_grad m L _ G H HL). Qed.

Lemma hess_expanded w x : dot m w (mv m Hhat x) =
  gamma ^ 2 / s ^ 2 * (dot m w (mv m H x) - dot m one w / INR m * dot m one (mv m H x) - dot m one x / INR m * dot m one (mv m H w)
    - dot m w yh / INR m * dot m x (mv m H yh) - dot m x yh / INR m * dot m w (mv m H yh)
    + dot m one w * dot m one x / INR m ^ 2 * dot m one (mv m H one)
    + (dot m one w * dot m x yh + dot m one x * dot m w yh) / INR m ^ 2 * dot m one (mv m H yh)
    + dot m w yh * dot m x yh / INR m ^ 2 * dot m yh (mv m H yh)) + bn_bend m eps gamma y g w x.
Proof. rewrite (given_hess m eps Hm gamma beta y L Hs G H Ghat Hhat w x HL HH), (velocity_form H x w H_sym). reflexivity. Qed.

(* Without epsilon, along the gradient: Theorem 4.2(i). *)
Lemma hess_along v : eps = 0 -> veq m v (bn_backward m eps gamma y g) ->
  dot m v (mv m Hhat v) = gamma ^ 2 * dot m v (mv m H v) / s ^ 2 - gamma * dot m g yh * dot m v v / (INR m * s ^ 2).
Proof.
  intros E0 V. moments.
  assert (Z1 : dot m one v = 0).
  { rewrite (dot_ext_r m one _ _ V). unfold bn_backward. autorewrite with ip. rewrite Yhat_sum. field. lra. }
  assert (Z2 : dot m v yh = 0).
  { rewrite (dot_ext_l m v _ yh V). unfold bn_backward. autorewrite with ip. rewrite Yhat_sum, Yhat_norm, Rho_one. field. lra. }
  rewrite hess_expanded. unfold bn_bend. rewrite Z1, Z2. field. lra.
Qed.
End Channel.

Section WholeLayer.
Variables (C m : nat) (eps : R) (gamma beta : nat -> R) (Y : vec) (L : vec -> R).
Hypothesis Hm : (1 <= m)%nat.
Hypothesis Hs : forall j, (j < C)%nat -> 0 < var m (chan m Y j) + eps.
Notation n := (C * m)%nat.
Notation F := (fun j => bn m eps (gamma j) (beta j)).

Definition is_layer_jacobian (J : mat) : Prop :=
  forall k, (k < n)%nat -> is_grad n (fun Y => bn_layer m eps gamma beta Y k) Y (J k).

Lemma layer_entry j i : (j < C)%nat -> (i < m)%nat ->
  is_grad m (fun x => F j x i) (chan m Y j) (vscal (gamma j) (jac m eps (chan m Y j) i)).
Proof. intros Lj Li. apply (bn_grad m eps Hm (chan m Y j) (Hs j Lj) (gamma j) (beta j) i Li). Qed.

Lemma given_layer_v g v j : is_grad n L (bn_layer m eps gamma beta Y) g ->
  is_grad n (fun X => L (bn_layer m eps gamma beta X)) Y v -> (j < C)%nat ->
  veq m (chan m v j) (bn_backward m eps (gamma j) (chan m Y j) (chan m g j)).
Proof.
  intros HL HV Lj.
  assert (A := layer_grad C m F Y L (fun j i => vscal (gamma j) (jac m eps (chan m Y j) i)) layer_entry g v HL HV j Lj).
  apply (veq_trans m _ _ _ A). pose proof (Hs j Lj) as Hj. moments. intros i Li.
  unfold mv, trans, vscal.
  rewrite (bsum_ext m _ (fun k => gamma j * (jac m eps (chan m Y j) i k * chan m g j k)))
    by (intros k Lk; rewrite (jac_sym m eps (chan m Y j) k i Lk Li); ring).
  rewrite bsum_scal. fold (mv m (jac m eps (chan m Y j)) (chan m g j) i). rewrite (jac_mv m eps Hm _ _ Hj i Li).
  unfold bn_backward, vadd, vscal. ones. field. lra.
Qed.

Lemma layer_velocity_is J U : is_layer_jacobian J -> forall j, (j < C)%nat ->
  veq m (chan m (mv n J U) j) (bn_velocity m eps (gamma j) (chan m Y j) (chan m U j)).
Proof.
  intros HJ j Lj.
  set (Jc := fun j i => vscal (gamma j) (jac m eps (chan m Y j) i)).
  assert (E : veq n (mv n J U) (mv n (layer_jac m Jc) U)).
  { intros k Lk. apply bsum_ext. intros l Ll.
    rewrite (is_grad_unique n _ Y _ _ (HJ k Lk) (layer_entry_grad C m F Y Jc layer_entry k Lk) l Ll). reflexivity. }
  apply (veq_trans m _ _ _ (veq_chan C m _ _ j Lj (veq_trans n _ _ _ E (layer_jac_mv C m Jc U)))).
  apply (veq_trans m _ _ _ (chan_by_channel m _ U j)).
  intros i Li. unfold bn_velocity, vscal, mv, Jc. rewrite <- bsum_scal. apply bsum_ext. intros k _. unfold vscal. ring.
Qed.

Lemma layer_hess_is J G H Ghat Hhat U : is_layer_jacobian J -> is_hess n L (bn_layer m eps gamma beta Y) G H ->
  is_hess n (fun X => L (bn_layer m eps gamma beta X)) Y Ghat Hhat ->
  dot n U (mv n Hhat U) = dot n (mv n J U) (mv n H (mv n J U))
    + bsum C (fun j => bn_bend m eps (gamma j) (chan m Y j) (chan m (G (bn_layer m eps gamma beta Y)) j) (chan m U j) (chan m U j)).
Proof.
  intros HJ HL HH.
  set (P := centring m). set (Jc := fun j x i => vscal (gamma j) (norm_jac m P (sd m eps) (sd_grad m eps) x i)).
  set (K := fun j i => (fun k l => gamma j * norm_hess m P (sd m eps) (sd_grad m eps) (sd_hess m eps (chan m Y j)) (chan m Y j) i k l) : mat).
  assert (HK : forall j i, (j < C)%nat -> (i < m)%nat -> is_hess m (fun x => F j x i) (chan m Y j) (fun x => Jc j x i) (K j i)).
  { intros j i Lj Li. apply (output_hess m P (sd m eps) (gamma j) (beta j) (F j)); auto.
    - intros x k Lk. apply bn_normalized; auto.
    - apply sd_pos; auto.
    - apply sd_is_hess; auto. }
  rewrite (layer_hess_form C m F Y L Jc K HK G H Ghat Hhat U U HL HH). f_equal.
  - assert (E : veq n (layer_velocity m (fun j => Jc j (chan m Y j)) U) (mv n J U)).
    { apply veq_layer. intros j Lj. apply veq_sym. apply (veq_trans m _ _ _ (layer_velocity_is J U HJ j Lj)).
      apply veq_sym. apply (veq_trans m _ _ _ (chan_by_channel m _ U j)). 
      pose proof (Hs j Lj) as Hj. pose proof (sd_pos m eps _ Hj) as Ps. assert (N : sd m eps (chan m Y j) <> 0) by lra.
      apply (veq_trans m _ _ _ (norm_velocity_mv m P (sd m eps) (gamma j) (sd_grad m eps) (chan m Y j) (chan m U j) N)).
      apply bn_velocity_is; auto. }
    apply dot_ext; [exact E | apply mv_ext, E].
  - apply bsum_ext. intros j Lj. pose proof (Hs j Lj) as Hj. pose proof (sd_pos m eps _ Hj) as Ps.
    assert (N : sd m eps (chan m Y j) <> 0) by lra.
    rewrite <- (bn_bend_is m eps Hm (gamma j) (chan m Y j) Hj).
    rewrite <- (norm_bend_sum m P (sd m eps) (gamma j) (sd_grad m eps) (sd_hess m eps (chan m Y j)) (chan m Y j) _ _ _ N).
    reflexivity.
Qed.
End WholeLayer.
