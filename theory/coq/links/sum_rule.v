From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given SumRule.
From bnverify.claims Require Import sum_rule.
Open Scope R_scope.

(* The same where the next batch norm has no epsilon. *)
Theorem sum_rule_from_definition C m eps gamma beta C' m' gamma' beta' Y T L g g' v' :
  (1 <= m')%nat ->
  let z := bn_layer m eps gamma beta Y in
  homogeneous_to m' T z -> (forall j, (j < C')%nat -> 0 < var m' (chan m' (T z) j)) ->
  is_grad (C * m) (fun z => L (bn_layer m' 0 gamma' beta' (T z))) z g ->
  is_grad (C' * m') L (bn_layer m' 0 gamma' beta' (T z)) g' ->
  is_grad (C' * m') (fun y => L (bn_layer m' 0 gamma' beta' y)) (T z) v' ->
  bsum C (fun j => beta j * dot m one (chan m g j) + gamma j * dot m (chan m g j) (yhat m eps (chan m Y j))) = 0.
Proof.
  intros Hm z H Hv HG HG' HV. pose proof (passed_on (C * m) C' m' 0 gamma' beta' L T z g v' Hm H HG HV) as E.
  unfold z in E at 1. rewrite output_product, (next_orthogonal C' m' gamma' beta' L (T z) g' v' Hm Hv HG' HV), bsum_add in E.
  eapply sum_rule with (next_y_v := 0) (g := chan m g) (yhat := fun j => yhat m eps (chan m Y j)) (epsilon := fun _ => 0);
    intros; lra.
Qed.
