From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import two_values.
Open Scope R_scope.

Theorem two_values_from_definition m eps gamma beta y L g v :
  m = 2%nat -> eps = 0 -> 0 < var m y + eps ->
  is_grad m L (bn m eps gamma beta y) g ->
  is_grad m (fun x => L (bn m eps gamma beta x)) y v ->
  dot m v v = 0.
Proof.
  intros M2 E0 Hs HL HV. assert (Hm : (1 <= m)%nat) by lia. moments.
  pose proof (given_v m eps Hm gamma beta y L Hs g v HL HV).
  assert (GG : dot m g g = dot m one g ^ 2 / 2 + dot m g (yhat m eps y) ^ 2 / 2).
  { assert (N : dot m (yhat m eps y) (yhat m eps y) = 2) by (rewrite (yhat_norm m eps Hm y Hs), (rho_one m eps y Hs E0), M2; simpl; ring).
    assert (S : dot m one (yhat m eps y) = 0) by (apply yhat_sum; auto).
    rewrite M2 in N, S |- *. replace (INR 2) with 2 by (simpl; ring).
    unfold dot, one in *. cbn [bsum] in *.
    set (p := yhat 2 eps y 0%nat) in *. set (q := yhat 2 eps y 1%nat) in *.
    assert (Q : q = - p) by lra. rewrite Q in *. assert (P : p * p = 1) by lra.
    replace ((0 + g 0%nat * p + g 1%nat * - p) ^ 2) with ((p * p) * (g 0%nat - g 1%nat) ^ 2) by ring. rewrite P. field. }
  by_claim two_values.
Qed.
