(* A filter before batch norm and its gradient, steps of gradient descent, and what is the same at k W with k^2 epsilon. *)
From Coq Require Import Reals Lra Lia.
From bnverify Require Export Given Invariance.
Open Scope R_scope.

Lemma filter_is m d X W b : veq m (mv d X W) (vadd (vscal (- b) one) (vscal 1 (lin d X W b))).
Proof. intros i _. unfold lin, vadd, vscal, one, mv, dot. ring. Qed.

Lemma output_is m d X W b : veq m (lin d X W b) (vadd (vscal b one) (vscal 1 (mv d X W))).
Proof. intros i _. unfold lin, vadd, vscal, one, mv, dot. ring. Qed.

Lemma along_gradient m d X v g t : veq d g (mv m (trans X) v) -> dot d t g = dot m (mv d X t) v.
Proof. intros S. rewrite (dot_ext_r d t _ _ S), (dot_comm d t), (dot_comm m _ v). symmetry. apply mv_trans. Qed.

(* W+, W-, the buffer after the step, and its direction without weight decay. *)
Section Step.
Variables (d : nat) (eta alpha lam : R) (W B g : vec).

Lemma stepped_is : veq d (fun k => W k - eta * (alpha * B k + g k + lam * W k))
  (vadd (vscal (- eta * alpha) B) (vadd (vscal (- eta * lam + 1) W) (vscal (- eta) g))).
Proof. intros i _. unfold vadd, vscal. ring. Qed.

Lemma before_is : veq d (fun k => W k + eta * B k) (vadd (vscal eta B) (vscal 1 W)).
Proof. intros i _. unfold vadd, vscal. ring. Qed.

Lemma buffer_is : veq d (fun k => alpha * B k + g k + lam * W k) (vadd (vscal alpha B) (vadd (vscal lam W) (vscal 1 g))).
Proof. intros i _. unfold vadd, vscal. ring. Qed.

Lemma direction_is : veq d (fun k => alpha * B k + g k) (vadd (vscal alpha B) (vscal 1 g)).
Proof. intros i _. unfold vadd, vscal. ring. Qed.
End Step.

(* y = X W + b 1, v its gradient, and all that the definition says of a filter W with a gradient. *)
Ltac filter :=
  match goal with
  | Hm : (1 <= ?m)%nat, Hs : 0 < var ?m (lin ?d ?X ?W ?b) + ?eps,
    HL : is_grad ?m ?L (bn ?m ?eps ?gamma ?beta (lin ?d ?X ?W ?b)) ?g, HW : is_grad ?d _ ?W ?gW |- _ =>
      pose proof (weight_slope m eps Hm d X W b gamma beta L g gW Hs HL HW) as Slope;
      pose proof (along_gradient m d X _ gW W Slope); pose proof (filter_is m d X W b); pose proof (output_is m d X W b);
      set (y := lin d X W b) in *; set (v := bn_backward m eps gamma y g) in *; moments;
      pose proof (veq_refl m v : veq m v (bn_backward m eps gamma y g))
  end.

(* Batch norm of k y + c with k^2 epsilon is that of y with epsilon. *)
Section Regrown.
Variables (m : nat) (eps : R) (y : vec) (k c : R).
Hypothesis Hm : (1 <= m)%nat.
Hypothesis Hk : 0 < k.
Hypothesis Hs : 0 < var m y + eps.

Lemma var_regrown : var m (moved k c y) + k ^ 2 * eps = k ^ 2 * (var m y + eps).
Proof. rewrite var_moved by auto. ring. Qed.

Lemma regrown_pos : 0 < var m (moved k c y) + k ^ 2 * eps.
Proof. rewrite var_regrown. apply Rmult_lt_0_compat; auto. apply pow_lt; auto. Qed.

Lemma sd_regrown : sd m (k ^ 2 * eps) (moved k c y) = k * sd m eps y.
Proof. unfold sd. rewrite var_regrown, sqrt_mult_alt, sqrt_pow2; try lra. apply pow2_ge_0. Qed.

Lemma yhat_regrown : veq m (yhat m (k ^ 2 * eps) (moved k c y)) (yhat m eps y).
Proof.
  intros i _. pose proof (sd_pos m eps y Hs). unfold yhat. rewrite sd_regrown, mean_moved by auto.
  unfold moved, vadd, vscal. ones. field. lra.
Qed.

Lemma bn_regrown gamma beta : veq m (bn m eps gamma beta y) (bn m (k ^ 2 * eps) gamma beta (moved k c y)).
Proof. intros i Li. unfold bn. rewrite (yhat_regrown i Li). reflexivity. Qed.

Lemma backward_regrown gamma g : veq m (bn_backward m (k ^ 2 * eps) gamma (moved k c y) g)
  (vadd (vscal (- gamma * dot m one g / (INR m * sd m eps y * k)) one)
    (vadd (vscal (gamma / (sd m eps y * k)) g) (vscal (- gamma * dot m g (yhat m eps y) / (INR m * sd m eps y * k)) (yhat m eps y)))).
Proof.
  intros i Li. pose proof (sd_pos m eps y Hs). pose proof (INR_pos m Hm). unfold bn_backward.
  rewrite sd_regrown, (dot_ext_r m g _ _ yhat_regrown). unfold vadd, vscal. rewrite (yhat_regrown i Li). ones. field. lra.
Qed.
End Regrown.
