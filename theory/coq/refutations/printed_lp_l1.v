From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples Scales.
Open Scope R_scope.

(* Centred L1 normalization smooths as batch norm does: y = (0, 1, -2), L(z) = 2 z_2 + z_3. *)
Theorem printed_lp_l1_false : ~ (forall m y gamma beta L g v,
  (1 <= m)%nat -> 0 < l1_scale m y -> (forall i, (i < m)%nat -> y i - mean m y <> 0) ->
  let out := fun x => affine gamma beta (normalized m (centring m) (l1_scale m) x) in
  is_grad m L (out y) g -> is_grad m (fun x => L (out x)) y v ->
  dot m v v <= gamma ^ 2 * (dot m g g - dot m one g ^ 2 / INR m) / l1_scale m y ^ 2).
Proof.
  intros F. set (y := at_list [0; 1; -2]). set (g := at_list [0; 2; 1]). assert (Hm : (1 <= 3)%nat) by lia.
  assert (M : mean 3 y = - 1 / 3) by (unfold y; compute_sums).
  assert (N : forall i, (i < 3)%nat -> y i - mean 3 y <> 0).
  { intros [|[|[|i]]] L; try lia; rewrite M; unfold y, at_list; simpl; lra. }
  assert (S : l1_scale 3 y = 10 / 9).
  { unfold l1_scale. rewrite M. unfold y, at_list. simpl.
    rewrite (Rabs_pos_eq (0 - _)), (Rabs_pos_eq (1 - _)), (Rabs_left (-2 - _)) by lra. field. }
  assert (Ps : 0 < l1_scale 3 y) by (rewrite S; lra).
  assert (SG : veq 3 (signs 3 y) (at_list [1; 1; -1])).
  { intros i Li. unfold signs. rewrite M. unfold sgn, y, at_list.
    destruct i as [|[|[|i]]]; try lia; simpl; destruct (Rle_dec _ _); lra. }
  set (out := fun x => affine 1 0 (normalized 3 (centring 3) (l1_scale 3) x)).
  set (n := vadd (vscal (- dot 3 one (signs 3 y) / INR 3 ^ 2) one) (vscal (1 / INR 3) (signs 3 y))).
  assert (HV := backward_grad 3 (centring 3) (l1_scale 3) (sym_centring 3) 1 0 out (linear 3 g) (fun _ _ _ => eq_refl)
    (fun _ => n) y g Ps (l1_grad 3 y Hm N) (linear_grad 3 g _)).
  specialize (F 3%nat y 1 0 (linear 3 g) g _ Hm Ps N (linear_grad 3 g _) HV).
  assert (Y : veq 3 (normalized 3 (centring 3) (l1_scale 3) y) (at_list [3 / 10; 12 / 10; -15 / 10])).
  { intros i Li. rewrite (centred_entry 3 y (l1_scale 3) i Li), S, M. unfold y, at_list. destruct i as [|[|[|i]]]; try lia; simpl; field. }
  assert (V : veq 3 (norm_backward 3 (centring 3) (l1_scale 3) 1 n y g) (at_list [- 108 / 100; 72 / 100; 36 / 100])).
  { intros i Li. unfold norm_backward, n, vadd, vscal. rewrite (dot_ext_r 3 g _ _ Y), S, mv_centring, (dot_ext_r 3 one _ _ SG), (SG i Li) by auto.
    unfold g, dot, one, at_list. destruct i as [|[|[|i]]]; try lia; simpl; field. }
  cbv beta in F. rewrite (dot_ext 3 _ _ _ _ V V), S in F. unfold g, dot, one, at_list in F. simpl in F. lra.
Qed.
