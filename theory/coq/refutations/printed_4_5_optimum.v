From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* Optimal weights of the layer are not optimal for the matched batch norm: X = ((0, 0), (1, 0), (0, 1), (0, 1)),
   t = (-1, 0, 1, 1), W* = (0, 1). *)
Theorem printed_4_5_optimum_false : ~ (forall m d eps X W L h,
  (1 <= m)%nat -> 0 <= eps -> 0 < var m (lin d X W 0) + eps ->
  is_grad d (fun W => L (lin d X W 0)) W vzero ->
  is_grad d (fun W' => L (bn m eps (sd m eps (lin d X W 0)) (mean m (lin d X W 0)) (lin d X W' 0))) W h ->
  dot d h h = 0).
Proof.
  intros F. set (X := (fun i => match i with 1%nat => at_list [1; 0] | 2%nat | 3%nat => at_list [0; 1] | _ => vzero end) : mat).
  set (W := at_list [0; 1]). set (t := at_list [-1; 0; 1; 1]). set (y := lin 2 X W 0). assert (Hm : (1 <= 4)%nat) by lia.
  assert (Y : veq 4 y (at_list [0; 0; 1; 1])).
  { intros i L. unfold y, lin, X, W, dot, at_list, vzero. destruct i as [|[|[|[|i]]]]; try lia; simpl; ring. }
  assert (E : mean 4 y = 1 / 2) by (unfold mean; rewrite (bsum_ext 4 y _ Y); unfold at_list; simpl; lra).
  destruct (sd_is 4 0 y (1 / 2)) as [Hs S]; [lra | |].
  { unfold var. rewrite E, (bsum_ext 4 _ (fun i => (at_list [0; 0; 1; 1] i - 1 / 2) ^ 2)).
    - unfold at_list; simpl; lra.
    - intros i L. rewrite (Y i L). reflexivity. }
  assert (Yh : veq 4 (yhat 4 0 y) (at_list [-1; -1; 1; 1])).
  { intros i L. unfold yhat. rewrite E, S, (Y i L). unfold at_list. destruct i as [|[|[|[|i]]]]; try lia; simpl; lra. }
  set (z := bn 4 0 (sd 4 0 y) (mean 4 y) y).
  assert (Z : veq 4 z y).
  { intros i L. rewrite (y_is 4 0 y Hs i L). unfold z, bn, vadd, vscal, one. ring. }
  assert (D0 : is_grad 2 (fun W => quadratic 4 t (lin 2 X W 0)) W vzero).
  { apply (is_grad_veq 2 _ W _ _) with (2 := weights_grad 4 2 (quadratic 4 t) X W 0 _ (quadratic_grad 4 t y)).
    intros k Lk. unfold mv, trans, vsub, vzero. simpl.
    rewrite (Y 0%nat), (Y 1%nat), (Y 2%nat), (Y 3%nat) by lia. unfold X, t, at_list, vzero.
    destruct k as [|[|k]]; try lia; simpl; ring. }
  assert (HV := bn_backward_grad 4 0 Hm (sd 4 0 y) (mean 4 y) y (quadratic 4 t) Hs _ (quadratic_grad 4 t z)).
  assert (HW := weights_grad 4 2 (fun x => quadratic 4 t (bn 4 0 (sd 4 0 y) (mean 4 y) x)) X W 0 _ HV).
  specialize (F 4%nat 2%nat 0 X W (quadratic 4 t) _ Hm (Rle_refl 0) Hs D0 HW).
  assert (EG : veq 4 (vsub z t) (at_list [1; 0; 0; 0])).
  { intros i L. unfold vsub. rewrite (Z i L), (Y i L). unfold t, at_list. destruct i as [|[|[|[|i]]]]; try lia; simpl; ring. }
  assert (V := backward_at 4 0 (sd 4 0 y) y (vsub z t) _ _ S Yh).
  set (v := bn_backward 4 0 (sd 4 0 y) y (vsub z t)) in *.
  rewrite S, (dot_ext_r 4 one _ _ EG), (dot_ext_l 4 _ _ (at_list [-1; -1; 1; 1]) EG) in V.
  assert (V' : veq 4 v (at_list [1 / 2; - 1 / 2; 0; 0])).
  { intros i L. rewrite (V i L), (EG i L). unfold dot, one, at_list. destruct i as [|[|[|[|i]]]]; try lia; simpl; lra. }
  unfold dot at 1, mv, trans in F. simpl in F. rewrite (V' 0%nat), (V' 1%nat), (V' 2%nat), (V' 3%nat) in F by lia.
  unfold X, at_list, vzero in F. simpl in F. lra.
Qed.
