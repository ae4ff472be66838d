From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given Scales.
From bnverify.claims Require Import l1_scale_gradient.
Open Scope R_scope.

Theorem l1_scale_gradient_from_definition m y n w :
  (1 <= m)%nat -> (forall i, (i < m)%nat -> y i - mean m y <> 0) ->
  is_grad m (l1_scale m) y n ->
  let signs := fun i => sgn (y i - mean m y) in
  dot m n w = (dot m signs w - dot m one signs * dot m one w / INR m) / INR m.
Proof.
  intros Hm N Hn signs. pose proof (INR_ge_1 m Hm). pose proof (is_grad_unique m _ y _ _ Hn (l1_grad m y Hm N)).
  by_claim l1_scale_gradient.
Qed.
