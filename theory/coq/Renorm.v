(* Batch renormalization z = gamma (r yhat + d) + beta, its corrections r and d not differentiated; running moments. *)
From Coq Require Import Reals Lra Lia FunctionalExtensionality.
From bnverify Require Export Given.
Open Scope R_scope.

Definition renorm (m : nat) (eps r d gamma beta : R) (y : vec) : vec := fun i => gamma * (r * yhat m eps y i + d) + beta.

Lemma renorm_bn m eps r d gamma beta : renorm m eps r d gamma beta = bn m eps (gamma * r) (gamma * d + beta).
Proof. apply functional_extensionality. intros y. apply functional_extensionality. intros i. unfold renorm, bn. ring. Qed.

Lemma given_renorm_v m eps r d gamma beta y L g v : (1 <= m)%nat -> 0 < var m y + eps ->
  is_grad m L (renorm m eps r d gamma beta y) g -> is_grad m (fun x => L (renorm m eps r d gamma beta x)) y v ->
  veq m v (vadd (vscal (- gamma * r * dot m one g / (INR m * sd m eps y)) one)
    (vadd (vscal (gamma * r / sd m eps y) g) (vscal (- gamma * r * dot m g (yhat m eps y) / (INR m * sd m eps y)) (yhat m eps y)))).
Proof.
  intros Hm Hs HL HV. rewrite renorm_bn in *. pose proof (given_v m eps Hm (gamma * r) (gamma * d + beta) y L Hs g v HL HV) as V.
  moments. intros i Li. rewrite (V i Li). unfold bn_backward, vadd, vscal. ones. field. lra.
Qed.
