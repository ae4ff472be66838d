(* The premises of the links can be met: batches, losses and gradients that satisfy them. *)
From Coq Require Import Reals Lra Lia FunctionalExtensionality.
From bnverify Require Import Examples Rays SumRule Scales Renorm Replicas.
Open Scope R_scope.

Lemma two : (1 <= 2)%nat.
Proof. lia. Qed.

(* One channel, first and second order, with epsilon = 0 (and so with 0 <= epsilon). *)
Theorem channel : exists m eps gamma beta y L G H Ghat Hhat v J, (1 <= m)%nat /\ eps = 0 /\ 0 < var m y + eps /\
  is_hess m L (bn m eps gamma beta y) G H /\ is_hess m (fun x => L (bn m eps gamma beta x)) y Ghat Hhat /\
  is_grad m (fun x => L (bn m eps gamma beta x)) y v /\
  (forall i, (i < m)%nat -> is_grad m (fun y => bn m eps gamma beta y i) y (J i)).
Proof.
  destruct y01_sd as [Hs S]. assert (HL := quadratic_hess 2 vzero (bn 2 0 1 0 y01)).
  destruct (bn_loss_hess 2 0 two 1 0 y01 (quadratic 2 vzero) Hs _ _ HL) as (Ghat & Hhat & HH).
  exists 2%nat, 0, 1, 0, y01, (quadratic 2 vzero), (fun z => vsub z vzero), ident, Ghat, Hhat. do 2 eexists.
  repeat split; try exact Hs; try lia; try apply HL; try apply HH.
  - apply bn_backward_grad; auto using two. apply (is_hess_grad 2 _ _ _ _ HL).
  - intros i Li. apply (bn_grad 2 0 two y01 Hs 1 0 i Li).
Qed.

(* Any batch whose variance + epsilon is positive and any twice differentiable loss will do. *)
Theorem any_channel m eps gamma beta y L G H : (1 <= m)%nat -> 0 < var m y + eps -> is_hess m L (bn m eps gamma beta y) G H ->
  exists Ghat Hhat, is_hess m (fun x => L (bn m eps gamma beta x)) y Ghat Hhat.
Proof. intros Hm Hs HL. exact (bn_loss_hess m eps Hm gamma beta y L Hs G H HL). Qed.

(* A layer of two channels. *)
Theorem layer : exists C m eps gamma beta Y L G H Ghat Hhat J, (1 <= m)%nat /\ eps = 0 /\
  (forall j, (j < C)%nat -> 0 < var m (chan m Y j) + eps) /\
  is_hess (C * m) L (bn_layer m eps gamma beta Y) G H /\ is_hess (C * m) (fun X => L (bn_layer m eps gamma beta X)) Y Ghat Hhat /\
  (forall k, (k < C * m)%nat -> is_grad (C * m) (fun Y => bn_layer m eps gamma beta Y k) Y (J k)).
Proof.
  set (Y := at_list [0; 1; 0; 1]). set (g := fun _ : nat => 1). set (b := fun _ : nat => 0).
  assert (Hs : forall j, (j < 2)%nat -> 0 < var 2 (chan 2 Y j) + 0).
  { intros j Lj. replace (var 2 (chan 2 Y j)) with (var 2 y01); [apply y01_sd|].
    unfold var, mean, chan, Y, y01, at_list. destruct j as [|[|j]]; try lia; reflexivity. }
  set (L := linear (2 * 2) (at_list [1; 2; 3; 4])). assert (HL := linear_hess (2 * 2) (at_list [1; 2; 3; 4]) (bn_layer 2 0 g b Y)).
  set (J := fun j (x : vec) i => vscal (g j) (norm_jac 2 (centring 2) (sd 2 0) (sd_grad 2 0) x i)).
  set (K := fun j i => (fun k l => g j * norm_hess 2 (centring 2) (sd 2 0) (sd_grad 2 0) (sd_hess 2 0 (chan 2 Y j)) (chan 2 Y j) i k l) : mat).
  assert (HK : forall j i, (j < 2)%nat -> (i < 2)%nat -> is_hess 2 (fun x => bn 2 0 (g j) (b j) x i) (chan 2 Y j) (fun x => J j x i) (K j i)).
  { intros j i Lj Li. apply (output_hess 2 (centring 2) (sd 2 0) (g j) (b j) (bn 2 0 (g j) (b j))); auto.
    - intros x k Lk. apply bn_normalized; auto.
    - apply sd_pos; auto.
    - apply sd_is_hess; auto using two. }
  destruct (layer_loss_hess 2 2 (fun j => bn 2 0 (g j) (b j)) Y L J K HK _ _ HL) as (Ghat & Hhat & HH).
  exists 2%nat, 2%nat, 0, g, b, Y, L. do 2 eexists. exists Ghat, Hhat. eexists.
  split; [exact two|]. split; [reflexivity|]. split; [exact Hs|]. split; [exact HL|]. split; [exact HH|].
  exact (layer_entry_grad 2 2 (fun j => bn 2 0 (g j) (b j)) Y _ (layer_entry 2 2 0 g b Y two Hs)).
Qed.

(* A linear layer, its spectral norm, and gradients by the weights. *)
Theorem linear_layer : exists m d X W b N L g grad_W, (1 <= m)%nat /\ 0 < var m (lin d X W b) + 0 /\ is_norm2 m d X N /\
  is_grad m L (bn m 0 1 0 (lin d X W b)) g /\ is_grad d (fun W => L (bn m 0 1 0 (lin d X W b))) W grad_W.
Proof.
  set (X := (fun i _ => at_list [0; 1] i) : mat). set (W := at_list [1]). set (y := lin 1 X W 0).
  destruct (sd_is 2 0 y (1 / 2)) as [Hs S]; [lra | unfold y, lin, X, W; compute_sums |].
  exists 2%nat, 1%nat, X, W, 0, 1, (linear 2 y01), y01. eexists. split; [exact two|]. split; [exact Hs|]. split; [|split].
  - split.
    + intros r (u & U & ->). unfold dot, mv, X, at_list in *. simpl in *. nra.
    + intros r B. apply B. exists one. split; unfold dot, mv, X, at_list, one; simpl; lra.
  - apply linear_grad.
  - apply (weights_grad 2 1 (fun x => linear 2 y01 (bn 2 0 1 0 x))). apply loss_grad; [exact two | exact Hs].
Qed.

(* The standard deviation without epsilon is homogeneous and does not see the mean. *)
Theorem scale_of_batch_norm m : (1 <= m)%nat ->
  (forall k x, 0 < k -> sd m 0 (vscal k x) = k * sd m 0 x) /\
  (forall x u, sd m 0 (fun i => x i + (u i - mv m (centring m) u i)) = sd m 0 x).
Proof.
  intros Hm. pose proof (INR_pos m Hm). split.
  - intros k x Pk. unfold sd.
    assert (V : var m (vscal k x) = k ^ 2 * var m x).
    { unfold var, mean, vscal. rewrite bsum_scal.
      rewrite (bsum_ext m _ (fun i => k ^ 2 * (x i - bsum m x / INR m) ^ 2)) by (intros; field; lra). rewrite bsum_scal. field. lra. }
    rewrite V, !Rplus_0_r, sqrt_mult_alt, sqrt_pow2; try lra. apply pow2_ge_0.
  - intros x u. unfold sd. f_equal. f_equal.
    assert (E : forall i, (i < m)%nat -> x i + (u i - mv m (centring m) u i) = x i + mean m u) by (intros i Li; rewrite centred by auto; ring).
    assert (M : mean m (fun i => x i + (u i - mv m (centring m) u i)) = mean m x + mean m u).
    { unfold mean at 1. rewrite (bsum_ext m _ (fun i => x i + mean m u) E), bsum_add, bsum_const. unfold mean at 2. field. lra. }
    unfold var. rewrite M. f_equal. apply bsum_ext. intros i Li. rewrite (E i Li). ring.
Qed.

Theorem centring_projects m u : (1 <= m)%nat -> veq m (mv m (centring m) (mv m (centring m) u)) (mv m (centring m) u).
Proof.
  intros Hm i Li. rewrite mv_centring, dot_one by auto. rewrite (bsum_ext m _ (fun i => u i - mean m u)) by (intros; apply centred; auto).
  rewrite centred_sum by auto. unfold Rdiv. ring.
Qed.

(* L1 and Linf: y = (0, 1, -2). *)
Theorem scales : exists m y n n' p, (1 <= m)%nat /\ (p < m)%nat /\ (forall i, (i < m)%nat -> y i - mean m y <> 0) /\
  (forall i, (i < m)%nat -> i <> p -> Rabs (y i - mean m y) < Rabs (y p - mean m y)) /\
  is_grad m (l1_scale m) y n /\ is_grad m (linf_scale m) y n'.
Proof.
  set (y := at_list [0; 1; -2]). assert (M : mean 3 y = - 1 / 3) by (unfold y; compute_sums). assert (Hm : (1 <= 3)%nat) by lia.
  assert (N : forall i, (i < 3)%nat -> y i - mean 3 y <> 0) by (intros [|[|[|i]]] L; try lia; rewrite M; unfold y, at_list; simpl; lra).
  assert (Hp : (2 < 3)%nat) by lia.
  assert (far : forall i, (i < 3)%nat -> i <> 2%nat -> Rabs (y i - mean 3 y) < Rabs (y 2%nat - mean 3 y)).
  { intros i Li Ni. rewrite M. unfold y, at_list. destruct i as [|[|[|i]]]; try lia; simpl; rewrite Rabs_pos_eq, Rabs_left; lra. }
  exists 3%nat, y. do 2 eexists. exists 2%nat. split; [exact Hm|]. split; [exact Hp|]. split; [exact N|]. split; [exact far|].
  split; [exact (l1_grad 3 y Hm N) | exact (linf_grad 3 y Hm 2 Hp far (N 2%nat Hp))].
Qed.

(* The sum rule: the next batch norm follows at once. *)
Theorem sum_rule_premises : exists C m Y T L g v', (1 <= m)%nat /\ homogeneous_to m T (bn_layer m 0 (fun _ => 1) (fun _ => 0) Y) /\
  is_grad (C * m) (fun z => L (bn_layer m 1 (fun _ => 1) (fun _ => 0) (T z))) (bn_layer m 0 (fun _ => 1) (fun _ => 0) Y) g /\
  is_grad (C * m) (fun y => L (bn_layer m 1 (fun _ => 1) (fun _ => 0) y)) (T (bn_layer m 0 (fun _ => 1) (fun _ => 0) Y)) v'.
Proof.
  set (z := bn_layer 2 0 (fun _ => 1) (fun _ => 0) y01).
  assert (Hs : forall j, (j < 1)%nat -> 0 < var 2 (chan 2 z j) + 1) by (intros; pose proof (var_nonneg 2 two (chan 2 z j)); lra).
  destruct (layer_loss_grad 1 2 (fun j => bn 2 1 1 0) z (linear (1 * 2) y01) _ (layer_entry 1 2 1 (fun _ => 1) (fun _ => 0) z two Hs) y01
    (linear_grad _ _ _)) as [v D].
  exists 1%nat, 2%nat, y01, (fun z => z), (linear (1 * 2) y01), v, v. split; [exact two|]. split; [|split; exact D].
  intros k _. exists (fun _ => 0). apply functional_extensionality. intros i. unfold vscal. ring.
Qed.

(* A nearest point of a ray, and a worst design. *)
Theorem nearest : exists n W0 Wstar d, 0 < dot n W0 Wstar /\ is_min (fun r => exists k, 0 < k /\ r = dist2 n W0 (vscal k Wstar)) d.
Proof.
  exists 1%nat, one, one, (dist2 1 one (vscal 1 one)). split; [unfold dot, one; simpl; lra|]. split.
  - exists 1. split; [lra | reflexivity].
  - intros r (k & _ & ->). unfold dist2, vsub, vscal, dot, one. simpl. pose proof (Rle_0_sqr (1 - k * 1)) as Q. unfold Rsqr in Q. lra.
Qed.

Theorem worst m d N v : (1 <= d)%nat -> 0 <= N -> exists r, worst_design m d N v r.
Proof. intros Hd PN. eexists. exact (worst_design_is m d N v Hd PN). Qed.
