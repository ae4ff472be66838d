From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Curvature.
From bnverify.claims Require Import velocity.
Open Scope R_scope.

(* u = J v, J the Jacobian of batch norm: the direction in which z moves when y moves along v. *)
Theorem velocity_from_definition m eps gamma beta y L g v J w :
  (1 <= m)%nat -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  (forall i, (i < m)%nat -> is_grad m (fun y => bn m eps gamma beta y i) y (J i)) ->
  dot m (mv m J v) w =
    gamma * (- gamma * (1 - rho m eps y) * dot m g (yhat m eps y) * dot m w (yhat m eps y) / (INR m * sd m eps y) + dot m v w)
    / sd m eps y.
Proof.
  intros Hm Hs HL HV HJ. moments. pose proof (given_v m eps Hm gamma beta y L Hs g v HL HV) as V.
  pose proof (given_u m eps Hm y Hs gamma beta J v g HJ V).
  pose proof (given_velocity m eps Hm y Hs gamma beta J v HJ).
  by_claim velocity.
Qed.
