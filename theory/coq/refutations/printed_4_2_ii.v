From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* Theorem 4.2(ii) where H preserves the relative norms of g and v: H = I, y = (0, 0, 1, 1), g = (0, 0, 0, 1). *)
Theorem printed_4_2_ii_false : ~ (forall m eps gamma beta y L G H Ghat Hhat v,
  (1 <= m)%nat -> eps = 0 -> 0 < gamma -> 0 < var m y + eps ->
  is_hess m L (bn m eps gamma beta y) G H -> is_hess m (fun x => L (bn m eps gamma beta x)) y Ghat Hhat ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  let g := G (bn m eps gamma beta y) in
  dot m (mv m H g) (mv m H g) * dot m v v = dot m (mv m H v) (mv m H v) * dot m g g ->
  dot m v (mv m Hhat v) <= gamma ^ 2 / sd m eps y ^ 2
    * (dot m g (mv m H g) - dot m g (yhat m eps y) * dot m v v / (INR m * gamma))).
Proof.
  intros F. destruct y0011_sd as [Hs S]. assert (Hm : (1 <= 4)%nat) by lia.
  set (g := at_list [0; 0; 0; 1]). set (z := bn 4 0 1 0 y0011). set (c := vsub z g).
  assert (HL := quadratic_hess 4 c z). destruct (bn_loss_hess 4 0 Hm 1 0 y0011 (quadratic 4 c) Hs _ _ HL) as (Ghat & Hhat & HH).
  assert (HV := bn_backward_grad 4 0 Hm 1 0 y0011 (quadratic 4 c) Hs _ (quadratic_grad 4 c z)).
  assert (EG : veq 4 (vsub z c) g) by (intros i _; unfold c, vsub; ring).
  assert (V := backward_at 4 0 1 y0011 (vsub z c) _ _ S y0011_yhat).
  assert (A := hess_along 4 0 Hm y0011 Hs 1 0 (quadratic 4 c) (fun z => vsub z c) Ghat ident Hhat HL HH _ eq_refl (veq_refl _ _)).
  specialize (F _ 0 1 0 y0011 _ _ _ _ _ _ Hm eq_refl Rlt_0_1 Hs HL HH HV). cbv zeta in F. fold z in F, A.
  set (v := bn_backward 4 0 1 y0011 (vsub z c)) in *.
  assert (V' : veq 4 v (at_list [0; 0; -1; 1])).
  { apply (veq_trans 4 _ _ _ V). rewrite (dot_ext_r 4 one _ _ EG), (dot_ext_l 4 _ _ (at_list [-1; -1; 1; 1]) EG).
    intros i Li. rewrite (EG i Li). destruct i as [|[|[|[|i]]]]; try lia; unfold g, dot, one, at_list; simpl; lra. }
  rewrite A in F. rewrite !(dot_ext 4 _ _ _ _ (mv_ident 4 _) (mv_ident 4 _)), !(dot_ext_r 4 _ _ _ (mv_ident 4 _)) in F.
  rewrite !(dot_ext 4 _ _ _ _ V' V'), !(dot_ext 4 _ _ _ _ EG EG), !(dot_ext 4 _ _ _ _ EG y0011_yhat), S in F.
  assert (Q : dot 4 g g * dot 4 (at_list [0; 0; -1; 1]) (at_list [0; 0; -1; 1])
            = dot 4 (at_list [0; 0; -1; 1]) (at_list [0; 0; -1; 1]) * dot 4 g g) by ring.
  specialize (F Q). unfold g, dot, at_list in F. simpl in F. lra.
Qed.
