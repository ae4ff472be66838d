From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* Batch norm as a linear layer, where the inputs do not have mean zero: X = (0, 1)', W = 1. *)
Theorem printed_kohler_uncentred_false : ~ (forall m d eps gamma beta X W b,
  (1 <= m)%nat -> 0 <= eps -> 0 < var m (lin d X W b) + eps ->
  veq m (bn m eps gamma beta (lin d X W b)) (lin d X (vscal (gamma / sqrt (dot d W (mv d (cov m X) W) + eps)) W) beta)).
Proof.
  intros F. set (X := (fun i _ => at_list [0; 1] i) : mat). set (W := at_list [1]). set (y := lin 1 X W 0).
  assert (Hm : (1 <= 2)%nat) by lia.
  destruct (sd_is 2 0 y (1 / 2)) as [Hs S]; [lra | unfold y, lin, X, W; compute_sums |].
  specialize (F 2%nat 1%nat 0 1 0 X W 0 Hm (Rle_refl 0) Hs 0%nat (le_S 1 1 (le_n 1))). fold y in F.
  unfold bn, yhat in F. rewrite S in F. set (k := 1 / sqrt (dot 1 W (mv 1 (cov 2 X) W) + 0)) in F.
  unfold y, lin, vscal, mean, X, W, dot, at_list in F. simpl in F. lra.
Qed.
