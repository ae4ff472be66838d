From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* A minimum of the layer without bias is not one of the matched batch norm: X = (0, 1)', t = (1, 1), W* = 1. *)
Theorem printed_4_3_minima_false : ~ (forall m d eps X W L grad_beta,
  (1 <= m)%nat -> 0 <= eps -> 0 < var m (lin d X W 0) + eps ->
  is_grad d (fun W => L (lin d X W 0)) W vzero ->
  derivable_pt_lim (fun beta => L (bn m eps (sd m eps (lin d X W 0)) beta (lin d X W 0))) (mean m (lin d X W 0)) grad_beta ->
  grad_beta = 0).
Proof.
  intros F. set (X := (fun i _ => at_list [0; 1] i) : mat). set (W := at_list [1]). set (t := at_list [1; 1]).
  set (y := lin 1 X W 0). assert (Hm : (1 <= 2)%nat) by lia.
  assert (Y : veq 2 y (at_list [0; 1])) by (intros [|[|i]] L; try lia; unfold y, lin, X, W, dot, at_list; simpl; ring).
  destruct (sd_is 2 0 y (1 / 2)) as [Hs S]; [lra | unfold y, lin, X, W; compute_sums |].
  assert (D := quadratic_grad 2 t y). assert (DW := weights_grad 2 1 (quadratic 2 t) X W 0 _ D).
  assert (D0 : is_grad 1 (fun W => quadratic 2 t (lin 1 X W 0)) W vzero).
  { apply (is_grad_veq 1 _ W _ _) with (2 := DW). intros [|k] L; [|lia].
    unfold mv, trans, X, vsub, vzero. simpl. rewrite (Y 1%nat (le_n 2)). unfold t, at_list. simpl. ring. }
  assert (M : veq 2 y (bn 2 0 (sd 2 0 y) (mean 2 y) y)).
  { intros i Li. rewrite (y_is 2 0 y Hs i Li) at 1. unfold bn, vadd, vscal, one. ring. }
  specialize (F 2%nat 1%nat 0 X W (quadratic 2 t) _ Hm (Rle_refl 0) Hs D0
    (beta_slope 2 0 (sd 2 0 y) (mean 2 y) y (quadratic 2 t) _ (is_grad_at 2 _ y _ _ M D))).
  unfold dot, vsub, one in F. simpl in F. rewrite (Y 0%nat (le_S 1 1 (le_n 1))), (Y 1%nat (le_n 2)) in F.
  unfold t, at_list in F. simpl in F. lra.
Qed.
