From Coq Require Import Reals Lra Lia.
From bnverify Require Import Depth.
Open Scope R_scope.

(* Theorem 3.3, equation (10), assumes that the variance grows like e^L, its upper end in (7). Under the recurrence (6), its
   Theta read as equality, no start does: sigma grows by at most 1/2 a layer. *)
Theorem printed_sun_10_attained_false : ~ (exists (sigma : nat -> R) c, 0 < c /\
  (forall l, (1 <= l)%nat -> 0 < sigma l /\ sigma (S l) ^ 2 = sigma l ^ 2 * (1 + 1 / sigma l)) /\
  forall L, (1 <= L)%nat -> c * exp (INR L) <= sigma L ^ 2).
Proof.
  intros (sigma & c & Pc & Rec & H).
  assert (Linear : forall L, (1 <= L)%nat -> sigma L <= sigma 1%nat + INR L / 2).
  { induction L as [|[|k] IH]; intros Ll; [lia | simpl; lra |].
    assert (Lk : (1 <= S k)%nat) by lia. specialize (IH Lk). destruct (Rec _ Lk) as (P & E). destruct (Rec (S (S k)) Ll) as (P' & _).
    rewrite (S_INR (S k)). replace (sigma (S k) ^ 2 * (1 + 1 / sigma (S k))) with (sigma (S k) ^ 2 + sigma (S k)) in E by (field; lra).
    assert (sigma (S (S k)) <= sigma (S k) + 1 / 2) by nra. lra. }
  destruct (Rec 1%nat (le_n 1)) as (P1 & _). set (K := sigma 1%nat + 3 / 2).
  assert (Q : 0 < 3 * K ^ 2 / c) by (apply Rmult_lt_0_compat; [unfold K; nra | apply Rinv_0_lt_compat; auto]).
  destruct (archimed (3 * K ^ 2 / c)) as (U & _). set (L := Z.to_nat (up (3 * K ^ 2 / c))).
  assert (Large : 3 * K ^ 2 / c < INR L) by (unfold L; rewrite INR_IZR_INZ, Z2Nat.id; auto; apply le_IZR; lra).
  assert (LL : (1 <= L)%nat) by (destruct L; [simpl in Large; lra | lia]).
  specialize (H L LL). specialize (Linear L LL). destruct (Rec L LL) as (PL & _). pose proof (layer_ge_1 L LL).
  apply (Rmult_lt_compat_l c) in Large; auto. replace (c * (3 * K ^ 2 / c)) with (3 * K ^ 2) in Large by (field; lra).
  set (x := INR L) in *. set (t := 1 + x / 3).
  assert (E1 : t <= exp (x / 3)) by (unfold t; apply exp_ineq1_le).
  assert (E3 : t ^ 3 <= exp x).
  { replace x with (x / 3 + (x / 3 + x / 3)) by field. rewrite !exp_plus. replace (t ^ 3) with (t * (t * t)) by ring.
    assert (0 < t) by (unfold t; lra). repeat apply Rmult_le_compat; nra. }
  assert (S1 : sigma L <= K * t) by (unfold K, t; nra).
  assert (S2 : sigma L ^ 2 <= K ^ 2 * t ^ 2) by (replace (K ^ 2 * t ^ 2) with ((K * t) ^ 2) by ring; apply pow_incr; lra).
  assert (c * t ^ 3 <= K ^ 2 * t ^ 2) by (apply Rle_trans with (c * exp x); [apply Rmult_le_compat_l|]; lra).
  assert (0 < t ^ 2) by (apply pow_lt; unfold t; lra).
  assert (c * t <= K ^ 2) by (apply Rmult_le_reg_r with (t ^ 2); [auto | lra]). unfold t in *. lra.
Qed.
