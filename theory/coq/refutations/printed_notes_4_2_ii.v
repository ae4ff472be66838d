From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* Theorem 4.2(ii) as first noted down: y = (0, 1), L(z) = z_2, so that v = 0. *)
Theorem printed_notes_4_2_ii_false : ~ (forall m eps gamma beta y L G H Ghat Hhat v,
  (1 <= m)%nat -> eps = 0 -> 0 < gamma -> 0 < var m y + eps ->
  is_hess m L (bn m eps gamma beta y) G H -> is_hess m (fun x => L (bn m eps gamma beta x)) y Ghat Hhat ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  let g := G (bn m eps gamma beta y) in
  dot m v (mv m Hhat v) <= gamma ^ 2 * (dot m g (mv m H g) - dot m g (yhat m eps y) / (gamma * INR m)) * dot m g g / sd m eps y ^ 2).
Proof.
  intros F. destruct y01_sd as [Hs S]. assert (Hm : (1 <= 2)%nat) by lia.
  assert (HL := linear_hess 2 y01 (bn 2 0 1 0 y01)). destruct (bn_loss_hess 2 0 Hm 1 0 y01 (linear 2 y01) Hs _ _ HL) as (Ghat & Hhat & HH).
  specialize (F _ 0 1 0 y01 _ _ _ _ _ _ Hm eq_refl Rlt_0_1 Hs HL HH (loss_grad 2 0 1 0 y01 y01 Hm Hs)). cbv zeta beta in F.
  assert (V := backward_at 2 0 1 y01 y01 _ _ S y01_yhat).
  assert (V0 : veq 2 (bn_backward 2 0 1 y01 y01) vzero).
  { apply (veq_trans 2 _ _ _ V). intros [|[|i]] L; try lia; unfold y01, dot, one, vzero, at_list; simpl; lra. }
  rewrite (dot_ext_l 2 _ _ (mv 2 Hhat (bn_backward 2 0 1 y01 y01)) V0), dot_zero_l, S, !(dot_ext_r 2 y01 _ _ y01_yhat) in F.
  unfold y01, dot, mv, zero_mat, at_list in F. simpl in F. lra.
Qed.
