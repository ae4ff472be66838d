(* What the proofs of generated files use: linearity below matrices, roots by name, and tactics that close identities. *)
From Coq Require Import Reals Lra Lia Psatz FunctionalExtensionality.
From bnverify Require Import Vectors.
Open Scope R_scope.

(* A matrix is linear, also below another one. *)
Lemma mv_vadd m A u v : mv m A (vadd u v) = vadd (mv m A u) (mv m A v).
Proof.
  apply functional_extensionality; intros i. unfold mv, vadd. rewrite <- bsum_add. apply bsum_ext; intros; ring.
Qed.

Lemma mv_vscal m A c u : mv m A (vscal c u) = vscal c (mv m A u).
Proof.
  apply functional_extensionality; intros i. unfold mv, vscal. rewrite <- bsum_scal. apply bsum_ext; intros; ring.
Qed.

Lemma mv_vzero m A : mv m A vzero = vzero.
Proof.
  apply functional_extensionality; intros i. unfold mv, vzero.
  rewrite (bsum_ext m _ (fun _ => 0)); [apply bsum_zero | intros; ring].
Qed.

#[global] Hint Rewrite mv_vadd mv_vscal mv_vzero : ip.

(* Gram determinants. *)
Definition gram2 m u v := dot m u u * dot m v v - dot m u v ^ 2.
Definition gram3 m u v w :=
  dot m u u * (dot m v v * dot m w w - dot m v w ^ 2)
  - (dot m u v ^ 2 * dot m w w - 2 * (dot m u v * dot m u w * dot m v w) + dot m u w ^ 2 * dot m v v).

Lemma gram2_nonneg m u v : 0 <= gram2 m u v.
Proof. pose proof (cauchy_schwarz m u v). unfold gram2. lra. Qed.

Lemma gram3_nonneg m u v w : 0 <= gram3 m u v w.
Proof.
  pose proof (gram2_nonneg m v w) as D. unfold gram2 in D. unfold gram3.
  set (vv := dot m v v) in *. set (ww := dot m w w) in *. set (vw := dot m v w) in *.
  set (uu := dot m u u). set (uv := dot m u v). set (uw := dot m u w).
  destruct (Req_dec (vv * ww - vw ^ 2) 0) as [Z|N].
  - enough (uv ^ 2 * ww - 2 * (uv * uw * vw) + uw ^ 2 * vv = 0) by (rewrite Z; lra).
    destruct (Req_dec vv 0) as [V|V].
    + assert (E : veq m v vzero) by (apply dot_self_zero; exact V).
      assert (A : uv = 0) by (unfold uv; rewrite (dot_ext_r m u v vzero E); apply dot_zero_r).
      rewrite A, V. ring.
    + assert (W : ww = vw ^ 2 / vv) by (apply Rmult_eq_reg_l with vv; auto; field_simplify; auto; lra).
      set (d := vadd w (vscal (- (vw / vv)) v)).
      assert (E : dot m d d = 0).
      { unfold d. rewrite !dot_add_l, !dot_add_r, !dot_scal_l, !dot_scal_r, (dot_comm m w v).
        fold vv vw ww. rewrite W. field; auto. }
      apply dot_self_zero in E.
      assert (A : uw - vw / vv * uv = 0).
      { replace (uw - vw / vv * uv) with (dot m u d) by (unfold d; rewrite dot_add_r, dot_scal_r; fold uv uw; ring).
        rewrite (dot_ext_r m u d vzero E). apply dot_zero_r. }
      replace uw with (vw / vv * uv) by lra. rewrite W. field; auto.
  - assert (P : 0 < vv * ww - vw ^ 2) by lra.
    apply (Rmult_le_reg_l (vv * ww - vw ^ 2)); auto. rewrite Rmult_0_r.
    set (x := vadd (vscal (vv * ww - vw ^ 2) u) (vadd (vscal (- (uv * ww - uw * vw)) v) (vscal (- (uw * vv - uv * vw)) w))).
    pose proof (dot_self m x) as S. unfold x in S.
    rewrite !dot_add_l, !dot_add_r, !dot_scal_l, !dot_scal_r, (dot_comm m v u), (dot_comm m w u), (dot_comm m w v) in S.
    fold vv vw ww uu uv uw in S. nra.
Qed.

(* Roots. *)
Lemma sqrt_eq e r : 0 <= r -> r * r = e -> sqrt e = r.
Proof. intros P E. rewrite <- E. apply sqrt_square; auto. Qed.

Lemma root_squared e : 0 < e -> sqrt e * sqrt e = e.
Proof. intros P. apply sqrt_sqrt. lra. Qed.

(* From sqrt e * sqrt e = e -> 0 < sqrt e -> ...: the root becomes a variable q, with E and P about it. *)
Ltac name_root q E P :=
  match goal with |- sqrt ?e * _ = _ -> _ => generalize (sqrt e); intros q E P end.

(* Side conditions of field: a product of factors known not to vanish. *)
Ltac nonzero :=
  match goal with
  | |- ?x <> 0 => assumption
  | |- INR _ <> 0 => lra
  | |- sqrt ?x <> 0 => apply Rgt_not_eq, sqrt_lt_R0; first [assumption | lra | nra]
  | |- ?x * ?y <> 0 => apply Rmult_integral_contrapositive_currified; nonzero
  | |- ?x ^ _ <> 0 => apply pow_nonzero; nonzero
  | |- _ => lra
  | |- _ => nra
  | |- ?x <> 0 => let Z := fresh in intro Z;
      match goal with
      | N : ?y <> 0 |- _ => apply N; first [lra | nra | (field_simplify_eq; [nra | repeat split; nonzero])]
      end
  end.
Ltac side := repeat split; nonzero.

(* What is left after a normal form: an identity of rational functions in inner products. *)
Ltac finish := first [reflexivity | ring | lra | (field; side)].

(* Products and inverses of what is not negative. *)
Ltac nonneg_power := repeat first
  [ lra | (apply Rlt_le, Rinv_0_lt_compat; lra) | (unfold Rdiv; apply Rmult_le_pos)
  | (apply Rlt_le, Rinv_0_lt_compat, pow_lt; lra) | (apply pow_le; lra) ].

(* Two writings of one inner product: all matrices to the right, one side turned if need be. *)
Ltac operators_right := repeat (rewrite mv_sym_l; [| solve [assumption | auto]]).
Ltac ip_swap := first
  [ operators_right; reflexivity | operators_right; rewrite dot_comm; operators_right; reflexivity ].

(* c1 * sum f1 + c2 * sum f2 + ... as one sum. *)
Ltac spread_sum :=
  symmetry; rewrite <- !bsum_scal; cbv beta; rewrite <- ?bsum_add; cbv beta; symmetry; apply bsum_ext.

(* Statements about given numbers, one channel, vectors of at most four entries; `root` evaluates roots. *)
Ltac each_entry := match goal with
  | L : (?i < _)%nat |- _ => is_var i; destruct i as [|[|[|[|i]]]]; try (exfalso; lia); clear L
  end.
Ltac evaluated := cbv [dot mv vadd vscal one vzero]; cbn [bsum INR pow].
Ltac numbers := evaluated; first [reflexivity | lra | (field; lra) | (field_simplify; lra) | nra].
Ltac by_numbers root :=
  repeat match goal with
  | |- (_ <= _)%nat => lia
  | |- @eq nat _ _ => reflexivity
  | |- forall j, (j < _)%nat -> _ => intros ? ?
  | |- veq _ _ _ => intros ? ?
  | |- sym _ _ => intros ? ? ? ?
  | |- psd _ _ => split
  | |- nonneg _ _ => intros ? ?
  | |- forall v : vec, _ => intros ?
  end;
  repeat each_entry; evaluated; repeat root; numbers.
