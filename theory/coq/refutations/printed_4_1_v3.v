From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* Theorem 4.1 with 1/sqrt m: y = (0, 1), L(z) = z_2. *)
Theorem printed_4_1_v3_false : ~ (forall m eps gamma beta y L g v,
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g -> is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  dot m v v <= gamma ^ 2 * (dot m g g - dot m one g ^ 2 / INR m - dot m g (yhat m eps y) ^ 2 / sqrt (INR m)) / sd m eps y ^ 2).
Proof.
  intros F. destruct y01_sd as [Hs S]. assert (Hm : (1 <= 2)%nat) by lia.
  specialize (F _ 0 1 0 y01 _ y01 _ Hm (Rle_refl 0) Hs (linear_grad 2 y01 _) (loss_grad 2 0 1 0 y01 y01 Hm Hs)).
  assert (V := backward_at 2 0 1 y01 y01 _ _ S y01_yhat). rewrite (dot_ext 2 _ _ _ _ V V) in F.
  rewrite S, !(dot_ext_r 2 y01 _ _ y01_yhat) in F. unfold y01, dot, one, at_list in F. simpl in F. replace (1 + 1) with 2 in F by ring.
  assert (A : sqrt 2 * sqrt 2 = 2) by (apply sqrt_sqrt; lra). assert (B : 0 < sqrt 2) by (apply sqrt_lt_R0; lra).
  clear - A B F.
  assert (I : / sqrt 2 = sqrt 2 / 2) by (field_simplify_eq; [nra | lra]).
  assert (C : 1 < sqrt 2) by (clear F; nra).
  unfold Rdiv in F. rewrite I in F. lra.
Qed.
