From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples Scales.
Open Scope R_scope.

(* Centred Linf normalization smooths as batch norm does: y = (0, 1, -2), L(z) = 2 z_2 + z_3. *)
Theorem printed_lp_linf_false : ~ (forall m y gamma beta L g v,
  (1 <= m)%nat -> 0 < linf_scale m y ->
  let out := fun x => affine gamma beta (normalized m (centring m) (linf_scale m) x) in
  is_grad m L (out y) g -> is_grad m (fun x => L (out x)) y v ->
  dot m v v <= gamma ^ 2 * (dot m g g - dot m one g ^ 2 / INR m) / linf_scale m y ^ 2).
Proof.
  intros F. set (y := at_list [0; 1; -2]). set (g := at_list [0; 2; 1]). assert (Hm : (1 <= 3)%nat) by lia.
  assert (M : mean 3 y = - 1 / 3) by (unfold y; compute_sums). assert (Hp : (2 < 3)%nat) by lia.
  assert (A2 : Rabs (y 2%nat - mean 3 y) = 5 / 3) by (rewrite M; unfold y, at_list; simpl; rewrite Rabs_left; lra).
  assert (off : y 2%nat - mean 3 y <> 0) by (rewrite M; unfold y, at_list; simpl; lra).
  assert (far : forall i, (i < 3)%nat -> i <> 2%nat -> Rabs (y i - mean 3 y) < Rabs (y 2%nat - mean 3 y)).
  { intros i Li Ni. rewrite A2, M. unfold y, at_list. destruct i as [|[|[|i]]]; try lia; simpl; rewrite Rabs_pos_eq; lra. }
  assert (S : linf_scale 3 y = 5 / 3) by (rewrite (linf_value 3 y 2 Hp far off); exact A2).
  assert (Ps : 0 < linf_scale 3 y) by (rewrite S; lra).
  assert (PK : veq 3 (peak 3 y 2) (at_list [0; 0; -1])).
  { intros i Li. unfold peak, vscal. rewrite M. unfold sgn, y, ident, at_list.
    destruct i as [|[|[|i]]]; try lia; simpl; destruct (Rle_dec _ _); lra. }
  set (out := fun x => affine 1 0 (normalized 3 (centring 3) (linf_scale 3) x)).
  set (n := vadd (vscal (- dot 3 one (peak 3 y 2) / INR 3) one) (vscal 1 (peak 3 y 2))).
  assert (HV := backward_grad 3 (centring 3) (linf_scale 3) (sym_centring 3) 1 0 out (linear 3 g) (fun _ _ _ => eq_refl)
    (fun _ => n) y g Ps (linf_grad 3 y Hm 2 Hp far off) (linear_grad 3 g _)).
  specialize (F 3%nat y 1 0 (linear 3 g) g _ Hm Ps (linear_grad 3 g _) HV).
  assert (Y : veq 3 (normalized 3 (centring 3) (linf_scale 3) y) (at_list [2 / 10; 8 / 10; -1])).
  { intros i Li. rewrite (centred_entry 3 y (linf_scale 3) i Li), S, M. unfold y, at_list. destruct i as [|[|[|i]]]; try lia; simpl; field. }
  assert (V : veq 3 (norm_backward 3 (centring 3) (linf_scale 3) 1 n y g) (at_list [- 72 / 100; 48 / 100; 24 / 100])).
  { intros i Li. unfold norm_backward, n, vadd, vscal. rewrite (dot_ext_r 3 g _ _ Y), S, mv_centring, (dot_ext_r 3 one _ _ PK), (PK i Li) by auto.
    unfold g, dot, one, at_list. destruct i as [|[|[|i]]]; try lia; simpl; field. }
  cbv beta in F. rewrite (dot_ext 3 _ _ _ _ V V), S in F. unfold g, dot, one, at_list in F. simpl in F. lra.
Qed.
