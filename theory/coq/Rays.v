(* Distances to rays (Lemma 4.5) and worst designs of bounded norm (Theorem 4.4). *)
From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Export Given Linear.
Open Scope R_scope.

Definition dist2 (n : nat) (u v : vec) : R := dot n (vsub u v) (vsub u v).

Lemma is_min_value E x y : is_min E x -> E y -> (forall r, E r -> y <= r) -> x = y.
Proof. intros [A B] Y Z. apply Rle_antisym; auto. Qed.

Lemma is_max_value E x y : is_max E x -> E y -> (forall r, E r -> r <= y) -> x = y.
Proof. intros [A B] Y Z. apply Rle_antisym; auto. Qed.

Lemma dist2_ray n u w k : dist2 n u (vscal k w) = dot n u u - 2 * k * dot n u w + k ^ 2 * dot n w w.
Proof.
  unfold dist2. assert (E : veq n (vsub u (vscal k w)) (vadd u (vscal (- k) w))) by (intros i _; unfold vsub, vadd, vscal; ring).
  rewrite (dot_ext n _ _ _ _ E E). autorewrite with ip. rewrite (dot_comm n w u). ring.
Qed.

Lemma acute_nonzero n u w : 0 < dot n u w -> 0 < dot n w w.
Proof.
  intros P. destruct (Req_dec (dot n w w) 0) as [Z|N].
  - rewrite (dot_ext_r n u w vzero (dot_self_zero n w Z)), dot_zero_r in P. lra.
  - pose proof (dot_self n w). lra.
Qed.

Lemma dist2_least n u w k : 0 < dot n w w -> dot n u u - dot n u w ^ 2 / dot n w w <= dist2 n u (vscal k w).
Proof.
  intros P. rewrite dist2_ray.
  assert (Q : dot n u u - 2 * k * dot n u w + k ^ 2 * dot n w w - (dot n u u - dot n u w ^ 2 / dot n w w)
              = dot n w w * (k - dot n u w / dot n w w) ^ 2) by (field; lra).
  assert (0 <= dot n w w * (k - dot n u w / dot n w w) ^ 2) by (apply Rmult_le_pos; [lra | apply pow2_ge_0]). lra.
Qed.

Lemma dist2_nearest n u w : 0 < dot n w w -> dist2 n u (vscal (dot n u w / dot n w w) w) = dot n u u - dot n u w ^ 2 / dot n w w.
Proof. intros P. rewrite dist2_ray. field. lra. Qed.

Lemma ray_distance n u w d : 0 < dot n u w -> is_min (fun r => exists k, 0 < k /\ r = dist2 n u (vscal k w)) d ->
  d = dot n u u - dot n u w ^ 2 / dot n w w.
Proof.
  intros P M. pose proof (acute_nonzero n u w P) as Pw. apply (is_min_value _ _ _ M).
  - exists (dot n u w / dot n w w). split; [apply Rdiv_lt_0_compat; auto | symmetry; apply dist2_nearest; auto].
  - intros r (k & _ & ->). apply dist2_least; auto.
Qed.

(* A factor k j of its own for every filter. *)
Definition per_filter (n : nat) (k : nat -> R) (W : vec) : vec := by_channel n (fun j w => vscal (k j) w) W.

Lemma filters_distance C n U W d : (forall j, (j < C)%nat -> 0 < dot n (chan n U j) (chan n W j)) ->
  is_min (fun r => exists k, (forall j, (j < C)%nat -> 0 < k j) /\ r = dist2 (C * n) U (per_filter n k W)) d ->
  d = bsum C (fun j => dot n (chan n U j) (chan n U j) - dot n (chan n U j) (chan n W j) ^ 2 / dot n (chan n W j) (chan n W j)).
Proof.
  intros P M. assert (Pw := fun j Lj => acute_nonzero n _ _ (P j Lj)).
  assert (S : forall k, dist2 (C * n) U (per_filter n k W) = bsum C (fun j => dist2 n (chan n U j) (vscal (k j) (chan n W j)))).
  { intros k. unfold dist2. rewrite dot_layer. apply bsum_ext. intros j _.
    assert (E : veq n (chan n (vsub U (per_filter n k W)) j) (vsub (chan n U j) (vscal (k j) (chan n W j)))).
    { intros i Li. unfold vsub. rewrite <- (chan_by_channel n (fun j w => vscal (k j) w) W j i Li). reflexivity. }
    apply dot_ext; exact E. }
  apply (is_min_value _ _ _ M).
  - exists (fun j => dot n (chan n U j) (chan n W j) / dot n (chan n W j) (chan n W j)). split.
    + intros j Lj. apply Rdiv_lt_0_compat; auto.
    + rewrite S. apply bsum_ext. intros j Lj. symmetry. apply dist2_nearest; auto.
  - intros r (k & _ & ->). rewrite S. apply bsum_le. intros j Lj. apply dist2_least; auto.
Qed.

(* A matrix that enlarges no vector by more than lambda; so does its transpose. *)
Definition bounded_by (m d : nat) (X : mat) (lambda2 : R) : Prop :=
  forall u, dot m (mv d X u) (mv d X u) <= lambda2 * dot d u u.

Lemma transpose_bound m d X N v : 0 <= N -> bounded_by m d X N ->
  dot d (mv m (trans X) v) (mv m (trans X) v) <= N * dot m v v.
Proof.
  intros PN B. set (t := mv m (trans X) v). specialize (B t).
  pose proof (cauchy_schwarz m v (mv d X t)) as CS. rewrite (mv_trans m d X v t) in CS. fold t in CS.
  pose proof (dot_self d t) as Pt. pose proof (dot_self m v) as Pv.
  destruct (Req_dec (dot d t t) 0) as [Z|Z]; [rewrite Z; apply Rmult_le_pos; auto|].
  apply (Rmult_le_reg_r (dot d t t)); [lra|].
  apply Rle_trans with (dot m v v * dot m (mv d X t) (mv d X t)).
  - replace (dot d t t * dot d t t) with (dot d t t ^ 2) by ring. exact CS.
  - replace (N * dot m v v * dot d t t) with (dot m v v * (N * dot d t t)) by ring. apply Rmult_le_compat_l; auto.
Qed.

(* The worst case over all designs X with |X|^2 <= N of |X'v|^2 is N |v|^2. *)
Definition worst_design (m d : nat) (N : R) (v : vec) (r : R) : Prop :=
  is_max (fun r => exists X, bounded_by m d X N /\ r = dot d (mv m (trans X) v) (mv m (trans X) v)) r.

Lemma worst_attained m d N v : (1 <= d)%nat -> 0 <= N ->
  exists X, bounded_by m d X N /\ N * dot m v v = dot d (mv m (trans X) v) (mv m (trans X) v).
Proof.
  intros Hd PN.
    (* X = sqrt N v e' / |v| *)
    set (c := sqrt N / sqrt (dot m v v)). set (X := (fun i k => c * v i * ident 0%nat k) : mat).
    assert (C2 : c * c * (dot m v v * dot m v v) = N * dot m v v).
    { destruct (Req_dec (dot m v v) 0) as [Z|Z]; [rewrite Z; ring|].
      pose proof (dot_self m v). assert (P : 0 < sqrt (dot m v v)) by (apply sqrt_lt_R0; lra).
      assert (A : sqrt N * sqrt N = N) by (apply sqrt_sqrt; auto).
      assert (B : sqrt (dot m v v) * sqrt (dot m v v) = dot m v v) by (apply sqrt_sqrt; lra).
      unfold c. replace (sqrt N / sqrt (dot m v v) * (sqrt N / sqrt (dot m v v)) * (dot m v v * dot m v v))
        with (sqrt N * sqrt N * (dot m v v * dot m v v) / (sqrt (dot m v v) * sqrt (dot m v v))) by (field; lra).
      rewrite A, B. field. auto. }
    exists X. split.
    + intros u. assert (E : veq m (mv d X u) (vscal (c * u 0%nat) v)).
      { intros i _. unfold mv, X, vscal. rewrite (bsum_ext d _ (fun k => (c * v i) * (ident 0%nat k * u k))) by (intros; ring).
        rewrite bsum_scal, bsum_ident by lia. ring. }
      rewrite (dot_ext m _ _ _ _ E E), dot_scal_l, dot_scal_r.
      assert (U : u 0%nat * u 0%nat <= dot d u u).
      { apply (bsum_term d (fun i => u i * u i)); [intros; nra | lia]. }
      assert (V : c * c * dot m v v <= N).
      { pose proof (dot_self m v). destruct (Req_dec (dot m v v) 0) as [Z|Z]; [rewrite Z; lra|].
        apply (Rmult_le_reg_r (dot m v v)); lra. }
      pose proof (dot_self d u). pose proof (dot_self m v). assert (0 <= u 0%nat * u 0%nat) by nra.
      replace (c * u 0%nat * (c * u 0%nat * dot m v v)) with ((c * c * dot m v v) * (u 0%nat * u 0%nat)) by ring.
      apply Rle_trans with (N * (u 0%nat * u 0%nat)); [apply Rmult_le_compat_r; auto | apply Rmult_le_compat_l; auto].
    + assert (E : veq d (mv m (trans X) v) (vscal (c * dot m v v) (ident 0%nat))).
      { intros k _. unfold mv, trans, X, vscal. rewrite (bsum_ext m _ (fun i => (c * ident 0%nat k) * (v i * v i))) by (intros; ring).
        rewrite bsum_scal. unfold dot. ring. }
      rewrite (dot_ext d _ _ _ _ E E), dot_scal_l, dot_scal_r, dot_ident by lia. unfold ident. simpl.
      rewrite <- C2. ring.
Qed.

Lemma worst_design_value m d N v r : (1 <= d)%nat -> 0 <= N -> worst_design m d N v r -> r = N * dot m v v.
Proof.
  intros Hd PN M. apply (is_max_value _ _ _ M); [apply worst_attained; auto|].
  intros r0 (X & B & ->). apply transpose_bound; auto.
Qed.

(* The spectral norm of a design bounds its transpose too. *)
Lemma norm2_bounds m d X N : is_norm2 m d X N -> 0 <= N /\ bounded_by m d X N.
Proof.
  intros [U _]. split.
  - apply U. exists vzero. split; [rewrite dot_zero_l; lra|].
    rewrite (dot_ext_l m (mv d X vzero) vzero); [rewrite dot_zero_l; reflexivity|].
    intros i _. unfold mv, vzero. rewrite (bsum_ext d _ (fun _ => 0)) by (intros; ring). apply bsum_zero.
  - intros u. pose proof (dot_self d u) as Pu. destruct (Req_dec (dot d u u) 0) as [Z|Z].
    + assert (E : veq m (mv d X u) vzero).
      { intros i _. unfold mv, vzero. rewrite (bsum_ext d _ (fun _ => 0)); [apply bsum_zero|].
        intros k Lk. rewrite (dot_self_zero d u Z k Lk). unfold vzero. ring. }
      rewrite (dot_ext m _ _ _ _ E E), dot_zero_l, Z. lra.
    + set (l := sqrt (dot d u u)). assert (Pl : 0 < l) by (apply sqrt_lt_R0; lra).
      assert (L2 : l * l = dot d u u) by (apply sqrt_sqrt; lra).
      assert (A : dot m (mv d X (vscal (/ l) u)) (mv d X (vscal (/ l) u)) <= N).
      { apply U. exists (vscal (/ l) u). split; [|reflexivity]. rewrite dot_scal_l, dot_scal_r, <- L2. right. field. lra. }
      assert (E : veq m (mv d X (vscal (/ l) u)) (vscal (/ l) (mv d X u))).
      { intros i _. unfold mv, vscal. rewrite <- bsum_scal. apply bsum_ext. intros; ring. }
      rewrite (dot_ext m _ _ _ _ E E), dot_scal_l, dot_scal_r in A. rewrite <- L2.
      apply (Rmult_le_compat_r (l * l)) in A; [|nra].
      replace (/ l * (/ l * dot m (mv d X u) (mv d X u)) * (l * l)) with (dot m (mv d X u) (mv d X u)) in A by (field; lra).
      lra.
Qed.

(* What the norm leaves over: N I - X X', positive semidefinite. *)
Definition rest (d : nat) (X : mat) (N : R) : mat := fun i j => N * ident i j - dot d (X i) (X j).

Lemma rest_form m d X N v : dot m v (mv m (rest d X N) v) = N * dot m v v - dot d (mv m (trans X) v) (mv m (trans X) v).
Proof.
  rewrite <- (mv_trans m d X v (mv m (trans X) v)).
  rewrite (dot_ext_r m v _ (vadd (vscal N v) (vscal (-1) (mv d X (mv m (trans X) v))))).
  - autorewrite with ip. ring.
  - intros i Li. unfold mv at 1, rest.
    rewrite (bsum_ext m _ (fun j => N * (ident i j * v j) + (-1) * (dot d (X i) (X j) * v j))) by (intros; ring).
    rewrite bsum_add, !bsum_scal, bsum_ident by auto. unfold vadd, vscal. f_equal. f_equal.
    unfold mv, trans, dot. rewrite (bsum_ext m _ (fun j => bsum d (fun k => X i k * X j k * v j)))
      by (intros; rewrite bsum_scal_r; reflexivity).
    rewrite bsum_swap. apply bsum_ext. intros k _. rewrite <- bsum_scal. apply bsum_ext. intros; ring.
Qed.

Lemma rest_psd m d X N : is_norm2 m d X N -> psd m (rest d X N).
Proof.
  intros HN. destruct (norm2_bounds m d X N HN) as [PN B]. split.
  - intros i j Li Lj. unfold rest. rewrite (sym_ident m i j Li Lj), (dot_comm d (X i)). reflexivity.
  - intros v. rewrite rest_form. pose proof (transpose_bound m d X N v PN B). lra.
Qed.

(* The gradient of a filter on a real layer is X'v. *)
Lemma given_grad_W m d eps gamma beta X W b L g v grad_W N :
  (1 <= m)%nat -> 0 < var m (lin d X W b) + eps ->
  is_grad m L (bn m eps gamma beta (lin d X W b)) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) (lin d X W b) v ->
  is_grad d (fun W => L (bn m eps gamma beta (lin d X W b))) W grad_W ->
  let y := lin d X W b in let s := sd m eps y in let a := dot m g (yhat m eps y) in
  dot d grad_W grad_W =
    N * (gamma ^ 2 * dot m g g / s ^ 2 + gamma ^ 2 * rho m eps y * a ^ 2 / (INR m * s ^ 2)
         - gamma ^ 2 * dot m one g ^ 2 / (INR m * s ^ 2) - 2 * gamma ^ 2 * a ^ 2 / (INR m * s ^ 2))
    - dot m v (mv m (rest d X N) v).
Proof.
  intros Hm Hs HL HV HW y s a. unfold y in *. pose proof (given_v m eps Hm gamma beta _ L Hs g v HL HV) as V.
  assert (E := is_grad_unique d _ W _ _ HW (weights_grad m d (fun x => L (bn m eps gamma beta x)) X W b v HV)).
  rewrite (dot_ext d _ _ _ _ E E), rest_form. moments. subst s a.
  match goal with |- ?t = N * ?q - (N * ?vv - ?t) => cut (q = vv); [intros ->; ring|] end.
  rewrite (dot_ext m v _ v _ V V).
  unfold bn_backward. autorewrite with ip.
  rewrite (dot_comm m g one), (dot_comm m (yhat m eps (lin d X W b)) g), (dot_comm m (yhat m eps (lin d X W b)) one), Yhat_sum, Yhat_norm.
  field. lra.
Qed.

(* The worst case is attained. *)
Lemma worst_design_is m d N v : (1 <= d)%nat -> 0 <= N -> worst_design m d N v (N * dot m v v).
Proof.
  intros Hd PN. split; [apply worst_attained; auto|]. intros r (X & B & ->). apply transpose_bound; auto.
Qed.
