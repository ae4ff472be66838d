From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* Theorem 4.2(i) with epsilon > 0: y = (0, 1), L(z) = - z_2, epsilon = 15/4. *)
Theorem printed_4_2_i_epsilon_false : ~ (forall m eps gamma beta y L G H Ghat Hhat v,
  (1 <= m)%nat -> 0 < eps -> 0 < var m y + eps ->
  is_hess m L (bn m eps gamma beta y) G H -> is_hess m (fun x => L (bn m eps gamma beta x)) y Ghat Hhat ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  dot m v (mv m Hhat v) <= gamma ^ 2 * dot m v (mv m H v) / sd m eps y ^ 2
    - gamma * dot m (G (bn m eps gamma beta y)) (yhat m eps y) * dot m v v / (INR m * sd m eps y ^ 2)).
Proof.
  intros F. assert (Hm : (1 <= 2)%nat) by lia. set (e := 15 / 4). set (g := at_list [0; -1]).
  destruct (sd_is 2 e y01 2) as [Hs S]; [lra | unfold e, y01; compute_sums |].
  assert (Y : veq 2 (yhat 2 e y01) (at_list [-1/4; 1/4])).
  { intros [|[|i]] L; try lia; unfold yhat; rewrite y01_mean, S; unfold y01, at_list; simpl; field. }
  assert (HL := linear_hess 2 g (bn 2 e 1 0 y01)). destruct (bn_loss_hess 2 e Hm 1 0 y01 (linear 2 g) Hs _ _ HL) as (Ghat & Hhat & HH).
  assert (Pe : 0 < e) by (unfold e; lra).
  specialize (F _ e 1 0 y01 _ _ _ _ _ _ Hm Pe Hs HL HH (loss_grad 2 e 1 0 y01 g Hm Hs)).
  rewrite (given_hess 2 e Hm 1 0 y01 (linear 2 g) Hs _ _ Ghat Hhat _ _ HL HH), !zero_form in F. unfold bn_bend in F.
  assert (V := backward_at 2 e 1 y01 g _ _ S Y). set (v := bn_backward 2 e 1 y01 g) in *.
  rewrite (dot_ext_r 2 one _ _ V), !(dot_ext_r 2 g _ _ V), !(dot_ext 2 _ _ _ _ V V), !(dot_ext 2 _ _ _ _ V Y), !(dot_ext_r 2 g _ _ Y), S in F.
  unfold g, dot, one, at_list in F. simpl in F. lra.
Qed.
