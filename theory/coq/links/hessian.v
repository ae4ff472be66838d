From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Curvature.
From bnverify.claims Require Import hessian.
Open Scope R_scope.

Theorem hessian_from_definition m eps gamma beta y L G H Ghat Hhat J w x :
  (1 <= m)%nat -> 0 < var m y + eps ->
  is_hess m L (bn m eps gamma beta y) G H ->
  is_hess m (fun x => L (bn m eps gamma beta x)) y Ghat Hhat ->
  (forall i, (i < m)%nat -> is_grad m (fun y => bn m eps gamma beta y i) y (J i)) ->
  let g := G (bn m eps gamma beta y) in let yhat := yhat m eps y in let s := sd m eps y in
  dot m w (mv m Hhat x) =
    - gamma * ((dot m g w - dot m one g * dot m one w / INR m) * dot m x yhat
               + (dot m g x - dot m one g * dot m one x / INR m) * dot m w yhat
               + (dot m w x - dot m one w * dot m one x / INR m) * dot m g yhat
               - 3 * dot m g yhat * dot m w yhat * dot m x yhat / INR m) / (INR m * s ^ 2)
    + dot m (mv m J w) (mv m H (mv m J x)).
Proof.
  intros Hm Hs HL HH HJ g yh s. moments. pose proof (H_sym m eps y gamma beta L G H HL). pose proof (Hhat_sym m eps y gamma beta L Ghat Hhat HH).
  pose proof (given_velocity m eps Hm y Hs gamma beta J w HJ). pose proof (given_velocity m eps Hm y Hs gamma beta J x HJ).
  pose proof (hess_expanded m eps Hm y Hs gamma beta L G Ghat H Hhat HL HH w x) as E. unfold bn_bend in E. subst g yh s.
  by_claim hessian or (rewrite E; field; lra).
Qed.
