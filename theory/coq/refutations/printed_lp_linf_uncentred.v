From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples Scales.
Open Scope R_scope.

(* Santurkar's Linf: the scale is the largest |y|, not |y - mu|: y = (1, -1, 2), L(z) = z_2. *)
Theorem printed_lp_linf_uncentred_false : ~ (forall m y gamma beta L g v,
  (1 <= m)%nat -> let s := fun x => bmax m (fun i => Rabs (x i)) in 0 < s y ->
  let out := fun x => affine gamma beta (normalized m (centring m) s x) in
  is_grad m L (out y) g -> is_grad m (fun x => L (out x)) y v ->
  dot m v v <= gamma ^ 2 * (dot m g g - dot m one g ^ 2 / INR m) / s y ^ 2).
Proof.
  intros F. set (y := at_list [1; -1; 2]). set (g := at_list [0; 1; 0]). assert (Hm : (1 <= 3)%nat) by lia.
  set (s := fun x => bmax 3 (fun i => Rabs (x i))). set (n := ident 2%nat).
  assert (Q : forall x, 0 < x 2%nat + -1 * x 0%nat -> 0 < x 2%nat + 1 * x 0%nat -> 0 < x 2%nat + -1 * x 1%nat ->
    0 < x 2%nat + 1 * x 1%nat -> s x = x 2%nat).
  { intros x A B C D. assert (0 < x 2%nat) by lra. unfold s. rewrite (bmax_is 3 _ 2 (le_n 3)); [apply Rabs_pos_eq; lra | apply Rabs_pos|].
    intros i Li. rewrite (Rabs_pos_eq (x 2%nat)) by lra. destruct i as [|[|[|i]]]; try lia; [apply Rabs_le | apply Rabs_le | rewrite Rabs_pos_eq]; lra. }
  assert (S : s y = 2) by (rewrite Q; unfold y, at_list; simpl; lra).
  assert (Ps : 0 < s y) by (rewrite S; lra).
  assert (W : forall c j, (j < 3)%nat -> 0 < y 2%nat + c * y j -> near 3 y (fun x => 0 < x 2%nat + c * x j)).
  { intros c j Lj P. apply (near_pos 3 (fun x => x 2%nat + c * x j) y (vadd (ident 2%nat) (vscal c (ident j)))); auto.
    apply is_grad_add; [apply is_grad_coordinate; lia | apply is_grad_scal, is_grad_coordinate; auto]. }
  assert (D : is_grad 3 s y n).
  { apply (is_grad_near 3 (fun x => x 2%nat)); [|apply is_grad_coordinate; lia].
    assert (P : forall c, c = 1 \/ c = -1 -> forall j, (j < 2)%nat -> 0 < y 2%nat + c * y j).
    { intros c [->| ->] [|[|j]] L; try lia; unfold y, at_list; simpl; lra. }
    apply (near_mono 3 y _ _) with (2 := near_and 3 y _ _
      (near_and 3 y _ _ (W (-1) 0%nat ltac:(lia) (P (-1) (or_intror eq_refl) 0%nat ltac:(lia))) (W 1 0%nat ltac:(lia) (P 1 (or_introl eq_refl) 0%nat ltac:(lia))))
      (near_and 3 y _ _ (W (-1) 1%nat ltac:(lia) (P (-1) (or_intror eq_refl) 1%nat ltac:(lia))) (W 1 1%nat ltac:(lia) (P 1 (or_introl eq_refl) 1%nat ltac:(lia))))).
    intros x [[A B] [C E]]. symmetry. apply Q; auto. }
  set (out := fun x => affine 1 0 (normalized 3 (centring 3) s x)).
  assert (HV := backward_grad 3 (centring 3) s (sym_centring 3) 1 0 out (linear 3 g) (fun _ _ _ => eq_refl) (fun _ => n) y g Ps D (linear_grad 3 g _)).
  specialize (F 3%nat y 1 0 (linear 3 g) g _ Hm Ps (linear_grad 3 g _) HV). cbv beta zeta in F. fold (s y) in F.
  assert (M : mean 3 y = 2 / 3) by (unfold y; compute_sums).
  assert (Y : veq 3 (normalized 3 (centring 3) s y) (at_list [1 / 6; - 5 / 6; 2 / 3])).
  { intros i Li. rewrite (centred_entry 3 y s i Li), S, M. unfold y, at_list. destruct i as [|[|[|i]]]; try lia; simpl; field. }
  assert (V : veq 3 (norm_backward 3 (centring 3) s 1 n y g) (at_list [- 1 / 6; 1 / 3; 1 / 4])).
  { intros i Li. unfold norm_backward, n, vadd, vscal. rewrite (dot_ext_r 3 g _ _ Y), S, mv_centring by auto.
    unfold g, dot, one, at_list, ident. destruct i as [|[|[|i]]]; try lia; simpl; field. }
  rewrite (dot_ext 3 _ _ _ _ V V), S in F. unfold g, dot, one, at_list in F. simpl in F. lra.
Qed.
