From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples Rays.
Open Scope R_scope.

(* The maximum over X of v'XX'HXX'v is lambda^4 v'Hv: H = - I, X = 0. *)
Theorem printed_c_1_step_58_false : ~ (forall m d v H N X,
  (1 <= m)%nat -> (1 <= d)%nat -> 0 <= N -> sym m H -> bounded_by m d X N ->
  let w := mv d X (mv m (trans X) v) in dot m w (mv m H w) <= N ^ 2 * dot m v (mv m H v)).
Proof.
  intros F. set (H := (fun i j => - ident i j) : mat). set (v := at_list [1]).
  assert (SH : sym 1 H) by (intros i j Li Lj; unfold H; rewrite (sym_ident 1 i j Li Lj); reflexivity).
  assert (B : bounded_by 1 1 zero_mat 1) by (intros u; unfold dot, mv, zero_mat; simpl; nra).
  specialize (F 1%nat 1%nat v H 1 zero_mat (le_n 1) (le_n 1) Rle_0_1 SH B). cbv zeta in F.
  unfold dot, mv, trans, zero_mat, H, ident, v, at_list in F. simpl in F. lra.
Qed.
