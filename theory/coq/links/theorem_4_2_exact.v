From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Curvature.
From bnverify.claims Require Import theorem_4_2_exact.
Open Scope R_scope.

(* u = J v, J the Jacobian of batch norm. *)
Theorem theorem_4_2_exact_from_definition m eps gamma beta y L G H Ghat Hhat v J :
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  is_hess m L (bn m eps gamma beta y) G H ->
  is_hess m (fun x => L (bn m eps gamma beta x)) y Ghat Hhat ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  (forall i, (i < m)%nat -> is_grad m (fun y => bn m eps gamma beta y i) y (J i)) ->
  let g := G (bn m eps gamma beta y) in let yhat := yhat m eps y in let s := sd m eps y in let rho := rho m eps y in
  dot m v (mv m Hhat v) =
    3 * gamma ^ 3 * (1 - rho) ^ 2 * dot m g yhat ^ 3 / (INR m ^ 2 * s ^ 4)
    - 2 * gamma ^ 2 * (1 - rho) * dot m g v * dot m g yhat / (INR m * s ^ 3)
    - gamma * dot m g yhat * dot m v v / (INR m * s ^ 2)
    + dot m (mv m J v) (mv m H (mv m J v)).
Proof.
  intros Hm He Hs HL HH HV HJ g yh s r. moments.
  pose proof (H_sym m eps y gamma beta L G H HL) as S. pose proof (Hhat_sym m eps y gamma beta L Ghat Hhat HH).
  pose proof (given_v m eps Hm gamma beta y L Hs _ v (hess_g m eps y gamma beta L G H HL) HV).
  pose proof (hess_expanded m eps Hm y Hs gamma beta L G Ghat H Hhat HL HH v v) as E. unfold bn_bend in E.
  pose proof (velocity_is m eps Hm y Hs gamma beta J v HJ) as U.
  pose proof (dot_ext m _ _ _ _ U (mv_ext m H _ _ U)) as UHU. rewrite (velocity_form m eps Hm y Hs gamma H v v S) in UHU.
  pose proof (given_velocity m eps Hm y Hs gamma beta J v HJ).
  subst g yh s r.
  eapply theorem_4_2_exact with (H := H) (rho := rho m eps y); try determined;
    first [given | rewrite E; field; lra | rewrite UHU; field; lra].
Qed.
