From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples Scales.
Open Scope R_scope.

(* Santurkar's L1: the scale is the mean of |y|, not of |y - mu|: y = (1, 2), L(z) = z_2. *)
Theorem printed_lp_l1_uncentred_false : ~ (forall m y gamma beta L g v,
  (1 <= m)%nat -> (forall i, (i < m)%nat -> y i <> 0) ->
  let s := fun x => bsum m (fun i => Rabs (x i)) / INR m in
  let out := fun x => affine gamma beta (normalized m (centring m) s x) in
  is_grad m L (out y) g -> is_grad m (fun x => L (out x)) y v ->
  dot m v v <= gamma ^ 2 * (dot m g g - dot m one g ^ 2 / INR m) / s y ^ 2).
Proof.
  intros F. set (y := at_list [1; 2]). set (g := at_list [0; 1]). assert (Hm : (1 <= 2)%nat) by lia.
  assert (N : forall i, (i < 2)%nat -> y i <> 0) by (intros [|[|i]] L; try lia; unfold y, at_list; simpl; lra).
  set (s := fun x => bsum 2 (fun i => Rabs (x i)) / INR 2). set (n := at_list [1 / 2; 1 / 2]).
  assert (S : s y = 3 / 2) by (unfold s, y, at_list; simpl; rewrite !Rabs_pos_eq; lra).
  assert (Ps : 0 < s y) by (rewrite S; lra).
  assert (D : is_grad 2 s y n).
  { apply (is_grad_near 2 (dot 2 n)); [|apply is_grad_linear].
    apply (near_mono 2 y (fun x => 0 < x 0%nat /\ 0 < x 1%nat)).
    - intros x [A B]. unfold s, n, dot, at_list. simpl. rewrite !Rabs_pos_eq; lra.
    - apply near_and.
      + apply (near_pos 2 (fun x => x 0%nat) y (ident 0%nat)); [apply is_grad_coordinate; lia | unfold y, at_list; simpl; lra].
      + apply (near_pos 2 (fun x => x 1%nat) y (ident 1%nat)); [apply is_grad_coordinate; lia | unfold y, at_list; simpl; lra]. }
  set (out := fun x => affine 1 0 (normalized 2 (centring 2) s x)).
  assert (HV := backward_grad 2 (centring 2) s (sym_centring 2) 1 0 out (linear 2 g) (fun _ _ _ => eq_refl) (fun _ => n) y g Ps D (linear_grad 2 g _)).
  specialize (F 2%nat y 1 0 (linear 2 g) g _ Hm N (linear_grad 2 g _) HV). cbv beta zeta in F. fold (s y) in F.
  assert (M : mean 2 y = 3 / 2) by (unfold y; compute_sums).
  assert (Y : veq 2 (normalized 2 (centring 2) s y) (at_list [- 1 / 3; 1 / 3])).
  { intros i Li. rewrite (centred_entry 2 y s i Li), S, M. unfold y, at_list. destruct i as [|[|i]]; try lia; simpl; field. }
  assert (V : veq 2 (norm_backward 2 (centring 2) s 1 n y g) (at_list [- 4 / 9; 2 / 9])).
  { intros i Li. unfold norm_backward, n, vadd, vscal. rewrite (dot_ext_r 2 g _ _ Y), S, mv_centring by auto.
    unfold g, dot, one, at_list. destruct i as [|[|i]]; try lia; simpl; field. }
  rewrite (dot_ext 2 _ _ _ _ V V), S in F. unfold g, dot, one, at_list in F. simpl in F. lra.
Qed.
