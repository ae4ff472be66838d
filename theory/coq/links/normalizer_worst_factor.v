From Coq Require Import Reals Lra Lia.
From bnverify Require Import Given.
From bnverify.claims Require Import normalizer_worst_factor.
Open Scope R_scope.

(* P is an orthogonal projector; the scale is homogeneous and does not see what P removes. *)
Theorem normalizer_worst_factor_from_definition m P s n gamma beta y L g v :
  sym m P -> (forall u, veq m (mv m P (mv m P u)) (mv m P u)) -> 0 < s y -> is_grad m s y n ->
  (forall k x, 0 < k -> s (vscal k x) = k * s x) ->
  (forall x u, s (fun i => x i + (u i - mv m P u i)) = s x) ->
  is_grad m L (affine gamma beta (normalized m P s y)) g ->
  is_grad m (fun x => L (affine gamma beta (normalized m P s x))) y v ->
  dot m v v <= gamma ^ 2 * dot m (mv m P g) (mv m P g) * dot m n n * dot m (normalized m P s y) (normalized m P s y) / s y ^ 2.
Proof.
  intros HP HPP Ps Hn Hh Hi HL HV. pose proof (given_norm_v m P s HP gamma beta L n y g v Ps Hn HL HV) as V.
  set (yh := normalized m P s y) in *. set (p := mv m P g) in *.
  assert (Y1 := slope_of_values m P s n y Ps Hn Hh Hi). fold yh in Y1.
  assert (A : dot m g yh = dot m p yh) by (apply projected_values; auto).
  pose proof (one_times m yh).
  assert (V' : veq m v (vadd (vscal (gamma / s y) p) (vscal (- gamma * dot m p yh / s y) n))).
  { intros i Li. rewrite (V i Li). unfold norm_backward. fold yh. fold p. rewrite A. unfold vadd, vscal. ring. }
  assert (NN : dot m n n <> 0).
  { intros Z. rewrite (dot_ext_l m n vzero yh (dot_self_zero m n Z)), dot_zero_l in Y1. lra. }
  destruct (Req_dec (dot m p p - dot m p n ^ 2 / dot m n n) 0) as [Z|Z].
  - (* P g is a multiple of n, and v = 0 *)
    assert (W := parallel m p n NN Z). set (k := dot m p n / dot m n n) in W.
    assert (K : dot m p yh = k) by (rewrite (dot_ext_l m p _ yh W); autorewrite with ip; rewrite Y1; ring).
    assert (V0 : veq m v vzero).
    { intros i Li. rewrite (V' i Li), K. unfold vadd, vscal, vzero. rewrite (W i Li). unfold vscal. field. lra. }
    rewrite (dot_ext m v vzero v vzero V0 V0), dot_zero_l.
    apply Rmult_le_pos; [|apply Rlt_le, Rinv_0_lt_compat, pow_lt; auto].
    apply Rmult_le_pos; [apply Rmult_le_pos; [apply Rmult_le_pos; [apply pow2_ge_0|]|]|]; apply dot_self.
  - by_claim normalizer_worst_factor.
Qed.
