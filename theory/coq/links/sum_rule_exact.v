From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given SumRule.
From bnverify.claims Require Import sum_rule_exact.
Open Scope R_scope.

(* z = bn_layer Y goes through T into the next batch norm, and L is the loss after that; g and v' are the gradients at z
   and at T z. *)
Theorem sum_rule_exact_from_definition C m eps gamma beta C' m' eps' gamma' beta' Y T L g v' :
  (1 <= m')%nat ->
  let z := bn_layer m eps gamma beta Y in
  homogeneous_to m' T z ->
  is_grad (C * m) (fun z => L (bn_layer m' eps' gamma' beta' (T z))) z g ->
  is_grad (C' * m') (fun y => L (bn_layer m' eps' gamma' beta' y)) (T z) v' ->
  bsum C (fun j => beta j * dot m one (chan m g j) + gamma j * dot m (chan m g j) (yhat m eps (chan m Y j)))
  = dot (C' * m') (T z) v'.
Proof.
  intros Hm z H HG HV. pose proof (passed_on (C * m) C' m' eps' gamma' beta' L T z g v' Hm H HG HV) as E.
  unfold z in E at 1. rewrite output_product in E. symmetry in E.
  rewrite bsum_add in E.
  eapply sum_rule_exact with (g := chan m g) (yhat := fun j => yhat m eps (chan m Y j)); lra.
Qed.
