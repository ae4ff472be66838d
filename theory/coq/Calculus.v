(* The Frechet gradient of a function on R^m: its rules, its uniqueness, and the chain rule of first and second order. *)
From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Vectors.
Open Scope R_scope.

Definition near (m : nat) (z : vec) (P : vec -> Prop) : Prop :=
  exists d, 0 < d /\ forall z', (forall i, (i < m)%nat -> Rabs (z' i - z i) < d) -> P z'.

Definition dist1 (m : nat) (z' z : vec) : R := bsum m (fun i => Rabs (z' i - z i)).

Definition vsub (u v : vec) : vec := fun i => u i - v i.

Definition is_grad (m : nat) (f : vec -> R) (z g : vec) : Prop :=
  forall e, 0 < e -> near m z (fun z' => Rabs (f z' - f z - dot m g (vsub z' z)) <= e * dist1 m z' z).

(* Twice differentiable: G is a gradient field near z, itself differentiable at z, with a symmetric Jacobian H. *)
Definition is_hess (m : nat) (f : vec -> R) (z : vec) (G : vec -> vec) (H : mat) : Prop :=
  near m z (fun z' => is_grad m f z' (G z')) /\ (forall i, (i < m)%nat -> is_grad m (fun z' => G z' i) z (H i)) /\ sym m H.

(* Neighbourhoods. *)

Lemma near_here m z P : near m z P -> P z.
Proof. intros (d & Pd & Q). apply Q. intros i L. rewrite Rminus_diag_eq, Rabs_R0; auto. Qed.

Lemma near_mono m z (P Q : vec -> Prop) : (forall z', P z' -> Q z') -> near m z P -> near m z Q.
Proof. intros I (d & Pd & A). exists d. auto. Qed.

Lemma near_and m z P Q : near m z P -> near m z Q -> near m z (fun z' => P z' /\ Q z').
Proof.
  intros (d & Pd & A) (e & Pe & B). exists (Rmin d e). split; [apply Rmin_glb_lt; auto|].
  intros z' C. pose proof (Rmin_l d e). pose proof (Rmin_r d e).
  split; [apply A | apply B]; intros i L; specialize (C i L); lra.
Qed.

Lemma near_forall m z p (P : nat -> vec -> Prop) :
  (forall i, (i < p)%nat -> near m z (P i)) -> near m z (fun z' => forall i, (i < p)%nat -> P i z').
Proof.
  induction p; intros A.
  - exists 1. split; [lra|]. intros; lia.
  - apply (near_mono m z (fun z' => (forall i, (i < p)%nat -> P i z') /\ P p z')).
    + intros z' [B C] i L. destruct (PeanoNat.Nat.eq_dec i p) as [->|N]; [auto | apply B; lia].
    + apply near_and; [apply IHp; intros; apply A; lia | apply A; lia].
Qed.

Lemma near_near m z P : near m z P -> near m z (fun z' => near m z' P).
Proof.
  intros (d & Pd & A). exists (d / 2). split; [lra|]. intros x X. exists (d / 2). split; [lra|].
  intros z' Z. apply A. intros i L. replace (z' i - z i) with ((z' i - x i) + (x i - z i)) by ring.
  eapply Rle_lt_trans; [apply Rabs_triang|]. specialize (X i L). specialize (Z i L). lra.
Qed.

Lemma near_veq m z z' P : veq m z z' -> near m z P -> near m z' P.
Proof.
  intros E (d & Pd & A). exists d. split; auto. intros x X. apply A. intros i L. rewrite (E i L). auto.
Qed.

Lemma dist1_nonneg m z' z : 0 <= dist1 m z' z.
Proof. apply bsum_nonneg. intros; apply Rabs_pos. Qed.

Lemma dist1_term m z' z i : (i < m)%nat -> Rabs (z' i - z i) <= dist1 m z' z.
Proof. intros L. apply (bsum_term m (fun i => Rabs (z' i - z i))); auto. intros; apply Rabs_pos. Qed.

Lemma near_dist1 m z e : 0 < e -> near m z (fun z' => dist1 m z' z < e).
Proof.
  intros Pe. pose proof (pos_INR m). exists (e / (INR m + 1)). split; [apply Rdiv_lt_0_compat; lra|].
  intros z' A. apply Rle_lt_trans with (INR m * (e / (INR m + 1))).
  - rewrite <- bsum_const. apply bsum_le. intros i L. specialize (A i L). lra.
  - apply (Rmult_lt_reg_r (INR m + 1)); [lra|]. replace (INR m * (e / (INR m + 1)) * (INR m + 1)) with (INR m * e) by (field; lra).
    nra.
Qed.

(* A differentiable function looks at the first m entries only. *)
Lemma is_grad_sees m f z g z' : is_grad m f z g -> veq m z z' -> f z' = f z.
Proof.
  intros G E. destruct (G 1 Rlt_0_1) as (d & Pd & Q).
  assert (Z : forall i, (i < m)%nat -> Rabs (z' i - z i) = 0).
  { intros i L. rewrite (E i L), Rminus_diag_eq, Rabs_R0; auto. }
  specialize (Q z'). unfold dist1 in Q.
  rewrite (dot_ext_r m g _ vzero), dot_zero_r, (bsum_ext m _ (fun _ => 0)), bsum_zero in Q; auto.
  - assert (A : Rabs (f z' - f z - 0) <= 1 * 0) by (apply Q; intros i L; rewrite Z; auto).
    destruct (Req_dec (f z' - f z - 0) 0) as [E0|N]; [lra|]. apply Rabs_pos_lt in N. lra.
  - intros i L. unfold vsub, vzero. rewrite (E i L). ring.
Qed.

Lemma is_grad_at m f z z' g : veq m z z' -> is_grad m f z g -> is_grad m f z' g.
Proof.
  intros E G e Pe. apply (near_veq m z z' _ E). apply (near_mono m z _ _) with (2 := G e Pe). intros x X.
  rewrite (is_grad_sees m f z g z' G E).
  rewrite (dot_ext_r m g (vsub x z') (vsub x z)); [|intros i L; unfold vsub; rewrite (E i L); auto].
  unfold dist1. rewrite (bsum_ext m (fun i => Rabs (x i - z' i)) (fun i => Rabs (x i - z i))); auto.
  intros i L. rewrite (E i L); auto.
Qed.

Lemma is_grad_veq m f z g g' : veq m g g' -> is_grad m f z g -> is_grad m f z g'.
Proof.
  intros E G e Pe. apply (near_mono m z _ _) with (2 := G e Pe). intros x X.
  rewrite <- (dot_ext_l m g g' _ E). exact X.
Qed.

Lemma is_grad_near m f f' z g : near m z (fun z' => f z' = f' z') -> is_grad m f z g -> is_grad m f' z g.
Proof.
  intros E G e Pe. apply (near_mono m z _ _) with (2 := near_and m z _ _ E (G e Pe)). intros x [X Y].
  rewrite <- X, <- (near_here m z _ E). exact Y.
Qed.

Lemma is_grad_fun m f f' z g : (forall z', f z' = f' z') -> is_grad m f z g -> is_grad m f' z g.
Proof. intros E. apply is_grad_near. exists 1. split; [lra|]. auto. Qed.

(* There is one gradient. *)
Lemma is_grad_unique m f z g g' : is_grad m f z g -> is_grad m f z g' -> veq m g g'.
Proof.
  intros A B. 
  assert (Z : forall i e, (i < m)%nat -> 0 < e -> Rabs (g i - g' i) <= 2 * e).
  { intros i e L Pe. destruct (near_and m z _ _ (A e Pe) (B e Pe)) as (d & Pd & Q).
    set (x := vadd z (vscal (d / 2) (ident i))).
    assert (X : veq m (vsub x z) (vscal (d / 2) (ident i))) by (intros k K; unfold vsub, x, vadd; ring).
    assert (D : dist1 m x z = d / 2).
    { unfold dist1. rewrite (bsum_ext m _ (fun k => ident i k * (d / 2))).
      - apply (bsum_ident m i (fun _ => d / 2) L).
      - intros k K. specialize (X k K). unfold vsub in X. rewrite X. unfold vscal, ident.
        destruct (Nat.eqb i k); [rewrite Rmult_1_r, Rabs_pos_eq; lra | rewrite Rmult_0_r, Rabs_R0; ring]. }
    destruct (Q x) as [U V].
    { intros k K. specialize (X k K). unfold vsub in X. rewrite X. unfold vscal, ident.
      destruct (Nat.eqb i k); [rewrite Rmult_1_r, Rabs_pos_eq; lra | rewrite Rmult_0_r, Rabs_R0; lra]. }
    rewrite (dot_ext_r m _ _ _ X), dot_scal_r, (dot_comm m _ (ident i)), (dot_ident m i), D in U by auto.
    rewrite (dot_ext_r m _ _ _ X), dot_scal_r, (dot_comm m _ (ident i)), (dot_ident m i), D in V by auto.
    assert (W : Rabs (d / 2 * (g i - g' i)) <= 2 * (e * (d / 2))).
    { replace (d / 2 * (g i - g' i)) with ((f x - f z - d / 2 * g' i) - (f x - f z - d / 2 * g i)) by ring.
      eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp. lra. }
    rewrite Rabs_mult, (Rabs_pos_eq (d / 2)) in W by lra.
    apply (Rmult_le_reg_l (d / 2)); lra. }
  intros i L. destruct (Req_dec (g i) (g' i)) as [E|N]; auto. exfalso.
  assert (P : 0 < Rabs (g i - g' i)) by (apply Rabs_pos_lt; lra).
  assert (P4 : 0 < Rabs (g i - g' i) / 4) by lra.
  specialize (Z i (Rabs (g i - g' i) / 4) L P4). lra.
Qed.

(* Rules. *)

Lemma is_grad_linear m a z : is_grad m (dot m a) z a.
Proof.
  intros e Pe. exists 1. split; [lra|]. intros z' _. pose proof (dist1_nonneg m z' z).
  replace (dot m a z' - dot m a z - dot m a (vsub z' z)) with 0.
  - rewrite Rabs_R0. nra.
  - rewrite (dot_ext_r m a (vsub z' z) (vadd z' (vscal (-1) z))); [autorewrite with ip; ring|].
    intros i L. unfold vsub, vadd, vscal. ring.
Qed.

Lemma is_grad_coordinate m z i : (i < m)%nat -> is_grad m (fun z' => z' i) z (ident i).
Proof.
  intros L e Pe. apply (near_mono m z _ _) with (2 := is_grad_linear m (ident i) z e Pe). intros x X.
  rewrite !(dot_ident m i) in * by auto. exact X.
Qed.

Lemma is_grad_const m c z : is_grad m (fun _ => c) z vzero.
Proof.
  intros e Pe. exists 1. split; [lra|]. intros z' _. pose proof (dist1_nonneg m z' z).
  rewrite dot_zero_l. replace (c - c - 0) with 0 by ring. rewrite Rabs_R0. nra.
Qed.

Lemma lipschitz m f z g : is_grad m f z g -> exists K, 0 < K /\ near m z (fun z' => Rabs (f z' - f z) <= K * dist1 m z' z).
Proof.
  intros G. set (B := bsum m (fun i => Rabs (g i))).
  assert (PB : 0 <= B) by (apply bsum_nonneg; intros; apply Rabs_pos).
  exists (B + 1). split; [lra|]. apply (near_mono m z _ _) with (2 := G 1 Rlt_0_1). intros x X.
  assert (Y : Rabs (dot m g (vsub x z)) <= B * dist1 m x z).
  { eapply Rle_trans; [apply bsum_abs|]. unfold B. rewrite <- bsum_scal_r. apply bsum_le. intros i L.
    rewrite Rabs_mult. apply Rmult_le_compat_l; [apply Rabs_pos|]. apply dist1_term; auto. }
  replace (f x - f z) with ((f x - f z - dot m g (vsub x z)) + dot m g (vsub x z)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. lra.
Qed.

(* A property that holds near f z holds near z. *)
Lemma near_pull n p (F : vec -> vec) y (J : mat) P :
  (forall i, (i < p)%nat -> is_grad n (fun x => F x i) y (J i)) -> near p (F y) P -> near n y (fun x => P (F x)).
Proof.
  intros D (d & Pd & A).
  apply (near_mono n y (fun x => forall i, (i < p)%nat -> Rabs (F x i - F y i) < d)); [auto|].
  apply near_forall. intros i L. destruct (lipschitz n _ y (J i) (D i L)) as (K & PK & B).
  assert (PdK : 0 < d / K) by (apply Rdiv_lt_0_compat; auto).
  apply (near_mono n y _ _) with (2 := near_and n y _ _ B (near_dist1 n y (d / K) PdK)). intros x [X Y].
  eapply Rle_lt_trans; [exact X|]. apply (Rmult_lt_compat_l K) in Y; auto.
  replace (K * (d / K)) with d in Y by (field; lra). exact Y.
Qed.

(* Chain rule: the gradient of f after F, F with Jacobian J. *)
Theorem is_grad_chain n p f (F : vec -> vec) y g (J : mat) :
  is_grad p f (F y) g -> (forall i, (i < p)%nat -> is_grad n (fun x => F x i) y (J i)) ->
  is_grad n (fun x => f (F x)) y (mv p (trans J) g).
Proof.
  intros G D e Pe.
  assert (Lip : exists K, 0 < K /\ near n y (fun x => dist1 p (F x) (F y) <= K * dist1 n x y)).
  { clear G. induction p as [|p IH].
    - exists 1. split; [lra|]. exists 1. split; [lra|]. intros x _. unfold dist1 at 1. simpl.
      pose proof (dist1_nonneg n x y). lra.
    - destruct IH as (K & PK & A); [intros; apply D; lia|].
      destruct (lipschitz n _ y (J p) (D p (le_n (S p)))) as (K' & PK' & B).
      exists (K + K'). split; [lra|]. apply (near_mono n y _ _) with (2 := near_and n y _ _ A B).
      intros x [X Y]. unfold dist1 in *. simpl. lra. }
  destruct Lip as (K & PK & Lip).
  set (A := bsum p (fun i => Rabs (g i))).
  assert (PA : 0 <= A) by (apply bsum_nonneg; intros; apply Rabs_pos).
  set (e2 := e / (2 * K)). assert (P2 : 0 < e2) by (apply Rdiv_lt_0_compat; lra).
  set (e1 := e / (2 * (A + 1))). assert (P1 : 0 < e1) by (apply Rdiv_lt_0_compat; lra).
  assert (N1 := near_forall n y p _ (fun i L => D i L e1 P1)).
  assert (N2 := near_pull n p F y J _ D (G e2 P2)).
  apply (near_mono n y _ _) with (2 := near_and n y _ _ Lip (near_and n y _ _ N1 N2)).
  intros x (X0 & X1 & X2). pose proof (dist1_nonneg n x y) as Pd.
  assert (U : Rabs (dot p g (vsub (F x) (F y)) - dot n (mv p (trans J) g) (vsub x y)) <= A * (e1 * dist1 n x y)).
  { rewrite <- mv_trans. unfold dot at 1 2.
    replace (bsum p (fun i => g i * vsub (F x) (F y) i) - bsum p (fun i => g i * mv n J (vsub x y) i))
      with (bsum p (fun i => g i * (F x i - F y i - dot n (J i) (vsub x y)))).
    - eapply Rle_trans; [apply bsum_abs|]. unfold A. rewrite <- bsum_scal_r. apply bsum_le. intros i L.
      rewrite Rabs_mult. apply Rmult_le_compat_l; [apply Rabs_pos|]. exact (X1 i L).
    - rewrite <- (Rmult_1_l (bsum p (fun i => g i * mv n J (vsub x y) i))).
      rewrite <- (Ropp_involutive 1) at 1. unfold Rminus.
      replace (- (- - (1) * bsum p (fun i => g i * mv n J (vsub x y) i))) with ((-1) * bsum p (fun i => g i * mv n J (vsub x y) i)) by ring.
      rewrite <- bsum_scal, <- bsum_add. apply bsum_ext. intros i L. unfold mv, dot, vsub. ring. }
  replace (f (F x) - f (F y) - dot n (mv p (trans J) g) (vsub x y))
    with ((f (F x) - f (F y) - dot p g (vsub (F x) (F y))) + (dot p g (vsub (F x) (F y)) - dot n (mv p (trans J) g) (vsub x y))) by ring.
  eapply Rle_trans; [apply Rabs_triang|].
  assert (E2 : e2 * dist1 p (F x) (F y) <= e / 2 * dist1 n x y).
  { apply Rle_trans with (e2 * (K * dist1 n x y)); [apply Rmult_le_compat_l; lra|].
    right. unfold e2. field. lra. }
  assert (E1 : A * (e1 * dist1 n x y) <= e / 2 * dist1 n x y).
  { apply Rle_trans with ((A + 1) * (e1 * dist1 n x y)); [nra|]. right. unfold e1. field. lra. }
  lra.
Qed.

(* From derivatives of functions of one real variable. *)

Lemma slope_bound f x l : derivable_pt_lim f x l -> forall e, 0 < e ->
  exists d, 0 < d /\ forall h, Rabs h < d -> Rabs (f (x + h) - f x - l * h) <= e * Rabs h.
Proof.
  intros D e Pe. destruct (D e Pe) as (d & Q). exists d. split; [apply cond_pos|]. intros h L.
  destruct (Req_dec h 0) as [->|N].
  - rewrite Rplus_0_r, Rmult_0_r, Rabs_R0. replace (f x - f x - 0) with 0 by ring. rewrite Rabs_R0. lra.
  - specialize (Q h N L). replace (f (x + h) - f x - l * h) with (h * ((f (x + h) - f x) / h - l)) by (field; auto).
    rewrite Rabs_mult, Rmult_comm. apply Rmult_le_compat_r; [apply Rabs_pos | lra].
Qed.

Lemma is_grad_real f t l : derivable_pt_lim f (t 0%nat) l -> is_grad 1 (fun x => f (x 0%nat)) t (fun _ => l).
Proof.
  intros D e Pe. destruct (slope_bound f (t 0%nat) l D e Pe) as (d & Pd & Q). exists d. split; auto.
  intros x X. specialize (Q _ (X 0%nat (le_n 1))). unfold dot, dist1, vsub. simpl.
  replace (t 0%nat + (x 0%nat - t 0%nat)) with (x 0%nat) in Q by ring.
  rewrite !Rplus_0_l. exact Q.
Qed.

Lemma real_is_grad f t l : is_grad 1 (fun x => f (x 0%nat)) (fun _ => t) (fun _ => l) -> derivable_pt_lim f t l.
Proof.
  intros G e Pe. assert (P2 : 0 < e / 2) by lra. destruct (G (e / 2) P2) as (d & Pd & Q). exists (mkposreal d Pd).
  intros h N L. simpl in L. specialize (Q (fun _ => t + h)). unfold dot, dist1, vsub in Q. simpl in Q.
  replace (t + h - t) with h in Q by ring. rewrite !Rplus_0_l in Q.
  assert (A : Rabs (f (t + h) - f t - l * h) <= e / 2 * Rabs h) by (apply Q; auto).
  assert (Ph : 0 < Rabs h) by (apply Rabs_pos_lt; auto).
  replace ((f (t + h) - f t) / h - l) with ((f (t + h) - f t - l * h) / h) by (field; auto).
  unfold Rdiv. rewrite Rabs_mult, Rabs_inv. apply (Rmult_lt_reg_r (Rabs h)); auto.
  rewrite Rmult_assoc, Rinv_l by lra. nra.
Qed.

Lemma is_grad_comp m f h y g l : derivable_pt_lim f (h y) l -> is_grad m h y g -> is_grad m (fun x => f (h x)) y (vscal l g).
Proof.
  intros D G. apply (is_grad_veq m _ y (mv 1 (trans (fun _ => g)) (fun _ => l))).
  - intros k _. unfold mv, trans, vscal. simpl. ring.
  - apply (is_grad_chain m 1 (fun z => f (z 0%nat)) (fun x _ => h x) y (fun _ => l) (fun _ => g)); auto.
    apply (is_grad_real f (fun _ => h y) l D).
Qed.

(* The derivative along a curve. *)
Lemma curve_chain m f (c : R -> vec) t g c' :
  is_grad m f (c t) g -> (forall i, (i < m)%nat -> derivable_pt_lim (fun u => c u i) t (c' i)) ->
  derivable_pt_lim (fun u => f (c u)) t (dot m g c').
Proof.
  intros G D. apply real_is_grad.
  apply (is_grad_veq 1 _ _ (mv m (trans (fun i _ => c' i)) g)).
  - intros k _. unfold mv, trans, dot. apply bsum_ext. intros; ring.
  - apply (is_grad_chain 1 m f (fun x => c (x 0%nat)) (fun _ => t) g (fun i _ => c' i)); auto.
    intros i L. apply (is_grad_real (fun u => c u i) (fun _ => t)). auto.
Qed.

(* Sums, multiples, products, quotients. *)

Lemma is_grad_bsum m p (f : nat -> vec -> R) y (g : nat -> vec) :
  (forall i, (i < p)%nat -> is_grad m (f i) y (g i)) ->
  is_grad m (fun x => bsum p (fun i => f i x)) y (fun k => bsum p (fun i => g i k)).
Proof.
  intros D. apply (is_grad_veq m _ y (mv p (trans g) one)).
  - intros k _. apply bsum_ext. intros; unfold trans, one; ring.
  - apply (is_grad_fun m (fun x => dot p one (fun i => f i x))); [intros; apply dot_one|].
    apply (is_grad_chain m p (dot p one) (fun x i => f i x) y one g); auto. apply is_grad_linear.
Qed.

Lemma is_grad_add m f f' y g g' : is_grad m f y g -> is_grad m f' y g' -> is_grad m (fun x => f x + f' x) y (vadd g g').
Proof.
  intros A B. set (fs := fun i => match i with O => f | _ => f' end). set (gs := fun i => match i with O => g | _ => g' end).
  apply (is_grad_veq m _ y (fun k => bsum 2 (fun i => gs i k))); [intros k _; simpl; unfold vadd; ring|].
  apply (is_grad_fun m (fun x => bsum 2 (fun i => fs i x))); [intros x; simpl; ring|].
  apply is_grad_bsum. intros [|[|i]] L; auto; lia.
Qed.

Lemma is_grad_scal m c f y g : is_grad m f y g -> is_grad m (fun x => c * f x) y (vscal c g).
Proof.
  intros A. apply (is_grad_comp m (fun t => c * t) f y g c); auto.
  assert (D := derivable_pt_lim_scal id c (f y) 1 (derivable_pt_lim_id _)). rewrite Rmult_1_r in D. exact D.
Qed.

Lemma is_grad_mult m f f' y g g' : is_grad m f y g -> is_grad m f' y g' ->
  is_grad m (fun x => f x * f' x) y (vadd (vscal (f' y) g) (vscal (f y) g')).
Proof.
  intros A B. set (F := fun (x : vec) (i : nat) => match i with O => f x | _ => f' x end).
  set (J := (fun i => match i with O => g | _ => g' end) : mat).
  assert (P : is_grad 2 (fun z => z 0%nat * z 1%nat) (F y) (fun i => match i with O => f' y | _ => f y end)).
  { intros e Pe. exists e. split; auto. intros z Z. unfold dot, dist1, vsub. simpl.
    set (a := z 0%nat). set (b := z 1%nat).
    replace (a * b - f y * f' y - (0 + f' y * (a - f y) + f y * (b - f' y))) with ((a - f y) * (b - f' y)) by ring.
    rewrite Rabs_mult. assert (Z0 := Z 0%nat (le_S 1 1 (le_n 1))). simpl in Z0. fold a in Z0.
    pose proof (Rabs_pos (a - f y)). pose proof (Rabs_pos (b - f' y)). nra. }
  apply (is_grad_veq m _ y (mv 2 (trans J) (fun i => match i with O => f' y | _ => f y end))).
  - intros k _. unfold mv, trans, J, vadd, vscal. simpl. ring.
  - apply (is_grad_chain m 2 (fun z => z 0%nat * z 1%nat) F y _ J P). intros [|[|i]] L; simpl; auto; lia.
Qed.

Lemma is_grad_inv m f y g : f y <> 0 -> is_grad m f y g -> is_grad m (fun x => / f x) y (vscal (- / f y ^ 2) g).
Proof.
  intros N A. apply (is_grad_comp m Rinv f y g); auto.
  assert (D := derivable_pt_lim_div (fct_cte 1) id (f y) 0 1 (derivable_pt_lim_const 1 _) (derivable_pt_lim_id _) N).
  unfold fct_cte, id, div_fct, Rsqr in D.
  intros e Pe. destruct (D e Pe) as (d & Q). exists d. intros h Nh L. specialize (Q h Nh L).
  replace ((/ (f y + h) - / f y) / h - - / f y ^ 2) with ((1 / (f y + h) - 1 / f y) / h - (0 * f y - 1 * 1) / (f y * f y)); auto.
  unfold Rdiv at 1 4. unfold Rdiv. rewrite !Rmult_1_l. f_equal. field. auto.
Qed.

Lemma is_grad_div m f f' y g g' : f' y <> 0 -> is_grad m f y g -> is_grad m f' y g' ->
  is_grad m (fun x => f x / f' x) y (vadd (vscal (/ f' y) g) (vscal (- (f y / f' y ^ 2)) g')).
Proof.
  intros N A B. apply (is_grad_veq m _ y (vadd (vscal (/ f' y) g) (vscal (f y) (vscal (- / f' y ^ 2) g')))).
  - intros k _. unfold vadd, vscal. field. auto.
  - apply (is_grad_mult m f (fun x => / f' x)); auto. apply is_grad_inv; auto.
Qed.

Lemma is_grad_sqrt m f y g : 0 < f y -> is_grad m f y g -> is_grad m (fun x => sqrt (f x)) y (vscal (/ (2 * sqrt (f y))) g).
Proof. intros P A. apply (is_grad_comp m sqrt f y g); auto. apply derivable_pt_lim_sqrt. auto. Qed.

(* Hessians. *)

Lemma is_hess_grad m f z G H : is_hess m f z G H -> is_grad m f z (G z).
Proof. intros (N & _). exact (near_here m z _ N). Qed.

(* Two Hessians of a function agree, whatever the gradient fields. *)
Lemma is_hess_unique m f z G H G' H' : is_hess m f z G H -> is_hess m f z G' H' ->
  forall i, (i < m)%nat -> veq m (H i) (H' i).
Proof.
  intros (N & D & _) (N' & D' & _) i L. apply (is_grad_unique m (fun x => G' x i) z); [|apply D'; auto].
  apply (is_grad_near m (fun x => G x i)); [|apply D; auto].
  apply (near_mono m z _ _) with (2 := near_and m z _ _ N N'). intros x [X Y].
  exact (is_grad_unique m f x (G x) (G' x) X Y i L).
Qed.

Lemma is_hess_form m f z G H G' H' u v : is_hess m f z G H -> is_hess m f z G' H' ->
  dot m u (mv m H v) = dot m u (mv m H' v).
Proof.
  intros A B. apply dot_ext_r. intros i L. apply bsum_ext. intros j K.
  rewrite (is_hess_unique m f z G H G' H' A B i L j K). reflexivity.
Qed.

(* The chain rule of second order: f after F, F with Jacobian J near y and with second derivatives K i of its components. *)
Definition chain_hess (p : nat) (g : vec) (H J : mat) (K : nat -> mat) : mat :=
  fun k l => bsum p (fun i => g i * K i k l) + bsum p (fun i => J i k * bsum p (fun j => H i j * J j l)).

Theorem is_hess_chain n p f (F : vec -> vec) y G H (J : vec -> mat) (K : nat -> mat) :
  is_hess p f (F y) G H -> (forall i, (i < p)%nat -> is_hess n (fun x => F x i) y (fun x => J x i) (K i)) ->
  is_hess n (fun x => f (F x)) y (fun x => mv p (trans (J x)) (G (F x))) (chain_hess p (G (F y)) H (J y) K).
Proof.
  intros (Nf & Df & Sf) A.
  assert (NJ : near n y (fun x => forall i, (i < p)%nat -> is_grad n (fun x => F x i) x (J x i))).
  { apply near_forall. intros i L. apply A; auto. }
  assert (DF := near_here n y _ NJ).
  split; [|split].
  - apply (near_mono n y _ _) with (2 := near_and n y _ _ NJ (near_pull n p F y (J y) _ DF Nf)).
    intros x [X Y]. apply is_grad_chain; auto.
  - intros k Lk. unfold mv, trans.
    apply (is_grad_veq n _ y (fun l => bsum p (fun i => vadd (vscal (G (F y) i) (K i k))
                                (vscal (J y i k) (mv p (trans (J y)) (H i))) l))).
    + intros l _. unfold chain_hess. rewrite <- bsum_add. apply bsum_ext. intros i _. unfold vadd, vscal, mv, trans.
      rewrite (bsum_ext p (fun j => J y j l * H i j) (fun j => H i j * J y j l)) by (intros; ring). reflexivity.
    + apply is_grad_bsum. intros i L. apply (is_grad_mult n (fun x => J x i k) (fun x => G (F x) i)).
      * apply A; auto.
      * apply (is_grad_chain n p (fun z => G z i) F y (H i) (J y)); auto.
  - intros k l Lk Ll. unfold chain_hess. f_equal.
    + apply bsum_ext. intros i L. destruct (A i L) as (_ & _ & S). rewrite (S k l Lk Ll). reflexivity.
    + rewrite (bsum_ext p _ (fun i => bsum p (fun j => J y i k * H i j * J y j l)))
        by (intros; rewrite <- bsum_scal; apply bsum_ext; intros; ring).
      rewrite bsum_swap. apply bsum_ext. intros j Lj. rewrite <- bsum_scal. apply bsum_ext. intros i Li.
      rewrite (Sf i j Li Lj). ring.
Qed.

(* Its form: u'Hess v = (Ju)'H(Jv) + sum over i of g_i u'K_i v. *)
Lemma chain_hess_form n p g H J K u v :
  dot n u (mv n (chain_hess p g H J K) v) =
  dot p (mv n J u) (mv p H (mv n J v)) + bsum p (fun i => g i * dot n u (mv n (K i) v)).
Proof.
  assert (E : veq n (mv n (chain_hess p g H J K) v)
    (vadd (fun k => bsum p (fun i => g i * mv n (K i) v k)) (mv p (trans J) (mv p H (mv n J v))))).
  { intros k Lk. unfold mv at 1, chain_hess, vadd.
    rewrite (bsum_ext n _ (fun l => bsum p (fun i => g i * K i k l) * v l
        + bsum p (fun i => J i k * bsum p (fun j => H i j * J j l)) * v l)) by (intros; ring).
    rewrite bsum_add. f_equal.
    - rewrite (bsum_ext n _ (fun l => bsum p (fun i => g i * (K i k l * v l))))
        by (intros; rewrite <- bsum_scal_r; apply bsum_ext; intros; ring).
      rewrite bsum_swap. apply bsum_ext. intros i _. unfold mv. rewrite bsum_scal. reflexivity.
    - rewrite (bsum_ext n _ (fun l => bsum p (fun i => J i k * (bsum p (fun j => H i j * J j l) * v l))))
        by (intros; rewrite <- bsum_scal_r; apply bsum_ext; intros; ring).
      rewrite bsum_swap. unfold mv, trans. apply bsum_ext. intros i _. rewrite bsum_scal. f_equal.
      rewrite (bsum_ext n _ (fun l => bsum p (fun j => H i j * (J j l * v l))))
        by (intros; rewrite <- bsum_scal_r; apply bsum_ext; intros; ring).
      rewrite bsum_swap. apply bsum_ext. intros j _. rewrite bsum_scal. reflexivity. }
  rewrite (dot_ext_r n u _ _ E), dot_add_r, (mv_trans n p (trans J)), Rplus_comm. f_equal.
  unfold dot. rewrite (bsum_ext n _ (fun k => bsum p (fun i => g i * (u k * mv n (K i) v k))))
    by (intros; rewrite <- bsum_scal; apply bsum_ext; intros; ring).
  rewrite bsum_swap. apply bsum_ext. intros i _. rewrite bsum_scal. reflexivity.
Qed.
