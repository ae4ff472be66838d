From Coq Require Import Reals Lra Lia Psatz.
From bnverify Require Import Examples.
Open Scope R_scope.

(* Lemma 3: for no constant K, as x = (K, K, K + 1) has a gradient of the squared norm 9 along (1, -1, 0). *)
Theorem printed_xiong_3_false : ~ (exists K, 0 < K /\ forall m x w J, (1 <= m)%nat -> 0 < var m x + 0 ->
  is_grad m (fun x => dot m w (bn m 0 1 0 x)) x J -> dot m J J * dot m x x <= K ^ 2 * INR m * dot m w w).
Proof.
  intros (K & HK & F). set (x := at_list [K; K; K + 1]). set (w := at_list [1; -1; 0]).
  assert (Hm : (1 <= 3)%nat) by lia.
  assert (V : var 3 x = 2 / 9) by (unfold var, mean, x, at_list; simpl; field).
  assert (Hs : 0 < var 3 x + 0) by lra.
  specialize (F 3%nat x w _ Hm Hs (bn_backward_grad 3 0 Hm 1 0 x (dot 3 w) Hs w (is_grad_linear 3 w _))).
  pose proof (sd_pos 3 0 x Hs) as P. pose proof (sd_sq 3 0 x Hs) as Q. rewrite V in Q.
  assert (B : veq 3 (bn_backward 3 0 1 x w) (vscal (/ sd 3 0 x) w)).
  { assert (O : dot 3 one w = 0) by (unfold dot, one, w, at_list; simpl; ring).
    assert (A : dot 3 w (yhat 3 0 x) = 0).
    { unfold yhat. generalize (sd 3 0 x) (mean 3 x) P. intros s M Ps. unfold dot, w, x, at_list. simpl. field. lra. }
    intros i Li. unfold bn_backward, vadd, vscal. rewrite O, A. field. simpl; lra. }
  rewrite (dot_ext 3 _ _ _ _ B B), dot_scal_l, dot_scal_r in F.
  replace (/ sd 3 0 x * (/ sd 3 0 x * dot 3 w w)) with (dot 3 w w / sd 3 0 x ^ 2) in F by (field; lra).
  rewrite Q in F. unfold dot, w, x, at_list in F. simpl in F. nra.
Qed.
