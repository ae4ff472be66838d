(* Between two normalized layers: what follows z is positively homogeneous up to the next batch norm. *)
From Coq Require Import Reals Lra Lia Psatz FunctionalExtensionality.
From bnverify Require Export Curvature.
Open Scope R_scope.

(* T takes the output z of a layer to the input y' of the next batch norm: ReLU, max-pool and one linear layer, whose bias
   stands directly before the norm. Multiplying z by k multiplies y' by k, up to a constant c k j in each channel j. *)
Definition homogeneous_to (m' : nat) (T : vec -> vec) (z : vec) : Prop :=
  forall k, 0 < k -> exists c, T (vscal k z) = fun i => k * T z i + c (i / m')%nat.

Lemma bn_same_but_shift m eps gamma beta u w c i : (1 <= m)%nat -> (forall i, (i < m)%nat -> u i = w i + c) -> (i < m)%nat ->
  bn m eps gamma beta u i = bn m eps gamma beta w i.
Proof.
  intros Hm E Li. pose proof (INR_pos m Hm).
  assert (M : mean m u = mean m w + c).
  { unfold mean. rewrite (bsum_ext m u (fun i => w i + c) E), bsum_add, bsum_const. field. lra. }
  assert (V : var m u = var m w).
  { unfold var. f_equal. apply bsum_ext. intros k Lk. rewrite M, (E k Lk). ring. }
  unfold bn, yhat, sd. rewrite V, M, (E i Li). replace (w i + c - (mean m w + c)) with (w i - mean m w) by ring. reflexivity.
Qed.

Lemma bn_layer_shift m eps gamma beta U c : (1 <= m)%nat ->
  bn_layer m eps gamma beta (fun i => U i + c (i / m)%nat) = bn_layer m eps gamma beta U.
Proof.
  intros Hm. apply functional_extensionality. intros k. unfold bn_layer, by_channel.
  apply (bn_same_but_shift m eps _ _ _ _ (c (k / m)%nat)); auto.
  - intros i Li. unfold chan. rewrite entry_div by auto. reflexivity.
  - apply PeanoNat.Nat.mod_upper_bound. lia.
Qed.

Lemma ray_slope n f y g : is_grad n f y g -> derivable_pt_lim (fun k => f (vscal k y)) 1 (dot n g y).
Proof.
  intros D. apply (curve_chain n f (fun k => vscal k y)).
  - apply (is_grad_at n f y); auto. intros i _. unfold vscal. ring.
  - intros i _. unfold vscal. assert (E := derivable_pt_lim_scal id (y i) 1 1 (derivable_pt_lim_id 1)).
    rewrite Rmult_1_r in E. intros e Pe. destruct (E e Pe) as (d & Q). exists d. intros h N Lh.
    rewrite !(Rmult_comm _ (y i)). exact (Q h N Lh).
Qed.

(* Two functions that agree for k > 0 have one slope at 1. *)
Lemma same_slope (f h : R -> R) a b : (forall k, 0 < k -> f k = h k) -> derivable_pt_lim f 1 a -> derivable_pt_lim h 1 b -> a = b.
Proof.
  intros E A B. apply (uniqueness_limite f 1 a b A). intros e Pe. destruct (B e Pe) as (d & Q).
  assert (Pm : 0 < Rmin d (1 / 2)) by (apply Rmin_glb_lt; [apply cond_pos | lra]).
  exists (mkposreal _ Pm). intros t N Lt. simpl in Lt. pose proof (Rmin_l d (1 / 2)). pose proof (Rmin_r d (1 / 2)).
  assert (0 < 1 + t) by (apply Rabs_def2 in Lt; lra). rewrite !E by lra. apply Q; auto. lra.
Qed.

(* The product of the next layer's input with its gradient. *)
Lemma passed_on n C' m' eps' gamma' beta' L T z g v' : (1 <= m')%nat -> homogeneous_to m' T z ->
  is_grad n (fun z => L (bn_layer m' eps' gamma' beta' (T z))) z g ->
  is_grad (C' * m') (fun y => L (bn_layer m' eps' gamma' beta' y)) (T z) v' ->
  dot n z g = dot (C' * m') (T z) v'.
Proof.
  intros Hm H HG HV. rewrite (dot_comm n z g), (dot_comm _ (T z) v').
  apply (same_slope (fun k => L (bn_layer m' eps' gamma' beta' (T (vscal k z)))) (fun k => L (bn_layer m' eps' gamma' beta' (vscal k (T z))))).
  - intros k Pk. destruct (H k Pk) as (c & E). rewrite E. f_equal. exact (bn_layer_shift m' eps' gamma' beta' (vscal k (T z)) c Hm).
  - exact (ray_slope n _ z g HG).
  - exact (ray_slope (C' * m') _ (T z) v' HV).
Qed.

Lemma output_product C m eps gamma beta Y g : dot (C * m) (bn_layer m eps gamma beta Y) g =
  bsum C (fun j => beta j * dot m one (chan m g j) + gamma j * dot m (chan m g j) (yhat m eps (chan m Y j))).
Proof.
  unfold bn_layer. rewrite dot_layer. apply bsum_ext. intros j _.
  rewrite (dot_ext_l m _ _ (chan m g j) (chan_by_channel m _ Y j)).
  rewrite (dot_ext_l m _ (vadd (vscal (gamma j) (yhat m eps (chan m Y j))) (vscal (beta j) one))).
  - autorewrite with ip. rewrite (dot_comm m (yhat m eps (chan m Y j))). ring.
  - intros i Li. unfold bn, vadd, vscal, one. ring.
Qed.

(* Without epsilon in the next layer its input is orthogonal to its gradient. *)
Lemma next_orthogonal C' m' gamma' beta' L Y' g' v' : (1 <= m')%nat -> (forall j, (j < C')%nat -> 0 < var m' (chan m' Y' j)) ->
  is_grad (C' * m') L (bn_layer m' 0 gamma' beta' Y') g' ->
  is_grad (C' * m') (fun y => L (bn_layer m' 0 gamma' beta' y)) Y' v' -> dot (C' * m') Y' v' = 0.
Proof.
  intros Hm Hv HL HV. assert (Hs : forall j, (j < C')%nat -> 0 < var m' (chan m' Y' j) + 0) by (intros j Lj; specialize (Hv j Lj); lra).
  rewrite dot_layer, (bsum_ext C' _ (fun _ => 0)); [apply bsum_zero|]. intros j Lj.
  assert (V := given_layer_v C' m' 0 gamma' beta' Y' L Hm Hs g' v' j HL HV Lj). specialize (Hs j Lj). moments.
  assert (R1 := rho_one m' 0 (chan m' Y' j) Hs eq_refl).
  rewrite (dot_ext m' _ _ _ _ Y_is V). unfold bn_backward. autorewrite with ip.
  rewrite (dot_comm m' (yhat m' 0 (chan m' Y' j)) one), (dot_comm m' (yhat m' 0 (chan m' Y' j)) (chan m' g' j)), Yhat_sum, Yhat_norm, R1.
  field. lra.
Qed.
