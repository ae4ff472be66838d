From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Curvature.
From bnverify.claims Require Import theorem_4_2_ii.
Open Scope R_scope.

Theorem theorem_4_2_ii_from_definition m eps gamma beta y L G H Ghat Hhat v :
  (1 <= m)%nat -> eps = 0 -> 0 < var m y + eps ->
  is_hess m L (bn m eps gamma beta y) G H ->
  is_hess m (fun x => L (bn m eps gamma beta x)) y Ghat Hhat ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  let g := G (bn m eps gamma beta y) in
  dot m v (mv m H v) <= dot m g (mv m H g) ->
  dot m v (mv m Hhat v) <= gamma ^ 2 * dot m g (mv m H g) / sd m eps y ^ 2
    - gamma * dot m g (yhat m eps y) * dot m v v / (INR m * sd m eps y ^ 2).
Proof.
  intros Hm E0 Hs HL HH HV g HG. moments. pose proof (H_sym m eps y gamma beta L G H HL). pose proof (Hhat_sym m eps y gamma beta L Ghat Hhat HH).
  pose proof (given_v m eps Hm gamma beta y L Hs _ v (hess_g m eps y gamma beta L G H HL) HV) as V.
  pose proof (hess_expanded m eps Hm y Hs gamma beta L G Ghat H Hhat HL HH v v) as E. unfold bn_bend in E. fold g in E, V.
  eapply theorem_4_2_ii with (H := H) (rho := rho m eps y); try determined; first [given | rewrite E; field; lra].
Qed.
