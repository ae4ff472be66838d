From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* That the loss is never concave along its gradient: y = (0, 1), L(z) = - |z|^2 / 2. *)
Theorem printed_4_2_psd_false : ~ (forall m eps gamma beta y L G H,
  (1 <= m)%nat -> eps = 0 -> 0 < var m y + eps -> is_hess m L (bn m eps gamma beta y) G H ->
  let g := G (bn m eps gamma beta y) in dot m g (mv m H g) >= 0).
Proof.
  intros F. destruct y01_sd as [Hs S]. assert (Hm : (1 <= 2)%nat) by lia. set (z := bn 2 0 1 0 y01).
  set (L := fun x => -1 * quadratic 2 vzero x). set (G := fun x => vscal (-1) (vsub x vzero)).
  set (H := (fun i k => -1 * ident i k) : mat).
  assert (D : is_hess 2 L z G H).
  { destruct (quadratic_hess 2 vzero z) as (A & B & C). split; [|split].
    - apply (near_mono 2 z _ _) with (2 := A). intros x X. apply is_grad_scal. exact X.
    - intros i Li. apply (is_grad_scal 2 (-1) (fun x => vsub x vzero i)). apply B. exact Li.
    - intros i k Li Lk. unfold H. rewrite (C i k Li Lk). reflexivity. }
  specialize (F 2%nat 0 1 0 y01 L G H Hm eq_refl Hs D). cbv zeta in F. fold z in F.
  assert (Z : veq 2 z (at_list [-1; 1])).
  { intros i Li. unfold z, bn. assert (E := y01_yhat i Li). unfold yhat in E. unfold yhat. rewrite E. ring. }
  assert (EG : veq 2 (G z) (at_list [1; -1])).
  { intros i Li. unfold G, vscal, vsub. rewrite (Z i Li). unfold vzero, at_list. destruct i as [|[|i]]; try lia; simpl; ring. }
  rewrite (dot_ext_l 2 _ _ (mv 2 H (G z)) EG), (dot_ext_r 2 _ _ (mv 2 H (at_list [1; -1]))) in F.
  - unfold dot, mv, H, ident, at_list in F. simpl in F. lra.
  - intros i Li. unfold mv. apply bsum_ext. intros k Lk. rewrite (EG k Lk). reflexivity.
Qed.
