(* Products over depth: one that grows at least like L^2, and one that stays below a constant. *)
From Coq Require Import Reals Lra Lia.
Open Scope R_scope.

(* The product of f over the layers 1, ..., L - 1. *)
Fixpoint before (f : nat -> R) (L : nat) : R :=
  match L with S (S k as j) => before f j * f j | _ => 1 end.

Lemma before_next f k : before f (S (S k)) = before f (S k) * f (S k).
Proof. reflexivity. Qed.

Lemma layer_ge_1 l : (1 <= l)%nat -> 1 <= INR l.
Proof. exact (le_INR 1 l). Qed.

Lemma before_pos f L : (forall l, (1 <= l)%nat -> 0 < f l) -> 0 < before f L.
Proof.
  intros P. induction L as [|[|k] IH]; try (simpl; lra). rewrite before_next. apply Rmult_lt_0_compat; auto. apply P. lia.
Qed.

(* 1 + 2/l multiplies up to L (L + 1)/2. *)
Lemma before_quadratic f L : (forall l, (1 <= l)%nat -> 1 + 2 / INR l <= f l) -> (1 <= L)%nat ->
  INR L * (INR L + 1) / 2 <= before f L.
Proof.
  intros G. induction L as [|[|k] IH]; intros Ll; [lia | simpl; lra |]. rewrite before_next, (S_INR (S k)).
  assert (Lk : (1 <= S k)%nat) by lia. specialize (IH Lk). specialize (G _ Lk). pose proof (layer_ge_1 _ Lk) as P.
  set (x := INR (S k)) in *. apply Rle_trans with (x * (x + 1) / 2 * (1 + 2 / x)); [right; field; lra|].
  assert (0 < / x) by (apply Rinv_0_lt_compat; lra). apply Rmult_le_compat; try (unfold Rdiv; lra); nra.
Qed.

(* sum of l^(-3/2) <= 3 and sum of l^(-3) <= 2, a step of each: a, b the roots of l and l + 1. *)
Lemma three_halves_step a b : 0 < a -> 0 < b -> b ^ 2 = a ^ 2 + 1 -> / b ^ 3 <= 2 / a - 2 / b.
Proof.
  intros Pa Pb E. assert (N : 0 <= (b - a) ^ 2 * (2 * b + a) / (a * b ^ 3)).
  { apply Rmult_le_pos; [apply Rmult_le_pos; [apply pow2_ge_0 | lra]|]. apply Rlt_le, Rinv_0_lt_compat, Rmult_lt_0_compat; auto. apply pow_lt; auto. }
  replace ((b - a) ^ 2 * (2 * b + a) / (a * b ^ 3)) with (2 / a - 2 / b - (b ^ 2 - a ^ 2) * / b ^ 3) in N by (field; lra).
  replace (b ^ 2 - a ^ 2) with 1 in N by lra. lra.
Qed.

Lemma cube_step a b : 0 < a -> 0 < b -> b ^ 2 = a ^ 2 + 1 -> / b ^ 6 <= / a ^ 2 - / b ^ 2.
Proof.
  intros Pa Pb E. replace (/ a ^ 2 - / b ^ 2) with (/ (a ^ 2 * b ^ 2)).
  - assert (0 < a ^ 2) by (apply pow_lt; auto). apply Rinv_le_contravar; [apply Rmult_lt_0_compat; apply pow_lt; auto|].
    replace (b ^ 6) with ((a ^ 2 + 1) ^ 2 * b ^ 2) by (rewrite <- E; ring). apply Rmult_le_compat_r; [apply pow2_ge_0 | nra].
  - replace (/ (a ^ 2 * b ^ 2)) with ((b ^ 2 - a ^ 2) * / (a ^ 2 * b ^ 2)) by (replace (b ^ 2 - a ^ 2) with 1 by lra; ring). field. lra.
Qed.

(* 1 + A/(l sigma_l) + B/(l^2 sigma_l^2) multiplies up to less than exp (3 A + 2 B) wherever sigma_l^2 is at least l. *)
Section Scaled.
Variables (A B : R) (sigma : nat -> R).
Hypothesis PA : 0 <= A.
Hypothesis PB : 0 <= B.
Hypothesis grows : forall l, (1 <= l)%nat -> 0 < sigma l /\ INR l <= sigma l ^ 2.
Notation f := (fun l => 1 + A / (INR l * sigma l) + B / (INR l ^ 2 * sigma l ^ 2)).

Lemma scaled_layer l : (1 <= l)%nat -> 0 < f l <= exp (A * / sqrt (INR l) ^ 3 + B * / sqrt (INR l) ^ 6).
Proof.
  intros Ll. destruct (grows l Ll) as (Ps & G). pose proof (layer_ge_1 l Ll) as P. cbv beta. set (x := INR l) in *. set (s := sigma l) in *.
  assert (Pr : 0 < sqrt x) by (apply sqrt_lt_R0; lra). assert (E : sqrt x ^ 2 = x) by (apply pow2_sqrt; lra).
  assert (0 < / (x * s)) by (apply Rinv_0_lt_compat, Rmult_lt_0_compat; lra).
  assert (0 < / (x ^ 2 * s ^ 2)) by (apply Rinv_0_lt_compat, Rmult_lt_0_compat; apply pow_lt; lra).
  unfold Rdiv. split; [pose proof (Rmult_le_pos A (/ (x * s))); pose proof (Rmult_le_pos B (/ (x ^ 2 * s ^ 2))); lra|].
  apply Rle_trans with (2 := exp_ineq1_le _).
  assert (L1 : / (x * s) <= / sqrt x ^ 3).
  { apply Rinv_le_contravar; [apply pow_lt; auto|]. replace (sqrt x ^ 3) with (sqrt x ^ 2 * sqrt x) by ring. rewrite E.
    apply Rmult_le_compat_l; [lra|]. apply Rsqr_incr_0; unfold Rsqr; lra. }
  assert (L2 : / (x ^ 2 * s ^ 2) <= / sqrt x ^ 6).
  { apply Rinv_le_contravar; [apply pow_lt; auto|]. replace (sqrt x ^ 6) with ((sqrt x ^ 2) ^ 3) by ring. rewrite E.
    replace (x ^ 3) with (x ^ 2 * x) by ring. apply Rmult_le_compat_l; [apply pow2_ge_0 | lra]. }
  pose proof (Rmult_le_compat_l A _ _ PA L1). pose proof (Rmult_le_compat_l B _ _ PB L2). lra.
Qed.

Lemma scaled_step k : before f (S (S k)) <= exp (A * (3 - 2 / sqrt (INR (S k))) + B * (2 - / INR (S k))).
Proof.
  induction k as [|k IH].
  - replace (before f 2) with (f 1%nat) by (simpl; ring). destruct (scaled_layer 1 (le_n 1)) as (_ & G).
    apply Rle_trans with (1 := G). right. simpl INR. rewrite sqrt_1. f_equal. field.
  - rewrite before_next. destruct (scaled_layer (S (S k)) ltac:(lia)) as (P & G).
    apply Rle_trans with (exp (A * (3 - 2 / sqrt (INR (S k))) + B * (2 - / INR (S k))) * exp (A * / sqrt (INR (S (S k))) ^ 3 + B * / sqrt (INR (S (S k))) ^ 6)).
    { apply Rmult_le_compat; auto; [|lra]. apply Rlt_le, before_pos. intros l Ll. apply (scaled_layer l Ll). }
    rewrite <- exp_plus. pose proof (layer_ge_1 (S k) ltac:(lia)) as Q. rewrite (S_INR (S k)). set (x := INR (S k)) in *.
    assert (Pa : 0 < sqrt x) by (apply sqrt_lt_R0; lra). assert (Pb : 0 < sqrt (x + 1)) by (apply sqrt_lt_R0; lra).
    assert (Ea : sqrt x ^ 2 = x) by (apply pow2_sqrt; lra). assert (Eb : sqrt (x + 1) ^ 2 = x + 1) by (apply pow2_sqrt; lra).
    pose proof (three_halves_step _ _ Pa Pb ltac:(lra)) as S1. pose proof (cube_step _ _ Pa Pb ltac:(lra)) as S2. rewrite Ea, Eb in S2.
    pose proof (Rmult_le_compat_l A _ _ PA S1) as T1. pose proof (Rmult_le_compat_l B _ _ PB S2) as T2.
    match goal with |- exp ?u <= exp ?v => destruct (Rle_lt_or_eq_dec u v) as [H|H] end; [lra | apply Rlt_le, exp_increasing; exact H | rewrite H; lra].
Qed.

Theorem scaled_bounded L : before f L <= exp (3 * A + 2 * B).
Proof.
  destruct L as [|[|k]].
  1, 2: simpl; pose proof (exp_ineq1_le (3 * A + 2 * B)); lra.
  apply Rle_trans with (1 := scaled_step k). pose proof (layer_ge_1 (S k) ltac:(lia)) as Q.
  assert (0 < sqrt (INR (S k))) by (apply sqrt_lt_R0; lra). assert (0 < / sqrt (INR (S k))) by (apply Rinv_0_lt_compat; auto).
  assert (0 < / INR (S k)) by (apply Rinv_0_lt_compat; lra).
  pose proof (Rmult_le_pos A (/ sqrt (INR (S k)))). pose proof (Rmult_le_pos B (/ INR (S k))).
  match goal with |- exp ?u <= exp ?v => destruct (Rle_lt_or_eq_dec u v) as [H'|H'] end; [unfold Rdiv; lra | apply Rlt_le, exp_increasing; exact H' | rewrite H'; lra].
Qed.
End Scaled.
