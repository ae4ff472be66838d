From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import values.
Open Scope R_scope.

(* Gamma is the diagonal of an entry-wise gamma. *)
Theorem values_from_definition m eps gamma beta y w :
  let Gamma := (fun i k => gamma i * ident i k) : mat in
  dot m w (fun i => gamma i * yhat m eps y i + beta i) = dot m beta w + dot m w (mv m Gamma (yhat m eps y)).
Proof.
  intros Gamma. pose proof (one_times m (yhat m eps y)).
  assert (sym m Gamma).
  { intros i k _ _. unfold Gamma, ident. destruct (PeanoNat.Nat.eqb_spec i k) as [->|N].
    - rewrite PeanoNat.Nat.eqb_refl. reflexivity.
    - destruct (PeanoNat.Nat.eqb_spec k i) as [E|_]; [congruence | ring]. }
  assert (veq m (fun i => gamma i * yhat m eps y i + beta i) (vadd (vscal 1 beta) (vscal 1 (mv m Gamma (yhat m eps y))))).
  { intros i Li. unfold vadd, vscal, mv, Gamma. rewrite (bsum_ext m _ (fun j => gamma i * (ident i j * yhat m eps y j))) by (intros; ring).
    rewrite bsum_scal, bsum_ident by auto. ring. }
  by_claim values.
Qed.
