(* Small batches, written as lists: what the refutations and the satisfiability of the links compute with. *)
From Coq Require Import Reals Lra Lia List.
From bnverify Require Export Curvature Linear.
Export ListNotations.
Open Scope R_scope.

Definition at_list (l : list R) : vec := fun i => nth i l 0.

(* A linear loss, and a quadratic one. *)
Definition linear (m : nat) (g : vec) : vec -> R := dot m g.
Definition quadratic (m : nat) (c : vec) : vec -> R := fun z => / 2 * dot m (vsub z c) (vsub z c).

Lemma linear_grad m g z : is_grad m (linear m g) z g.
Proof. apply is_grad_linear. Qed.

Lemma linear_hess m g z : is_hess m (linear m g) z (fun _ => g) zero_mat.
Proof.
  split; [|split].
  - exists 1. split; [lra|]. intros x _. apply is_grad_linear.
  - intros i _. exact (is_grad_const m (g i) z).
  - intros i j _ _. reflexivity.
Qed.

Lemma quadratic_grad m c z : is_grad m (quadratic m c) z (vsub z c).
Proof.
  assert (D : forall i, (i < m)%nat -> is_grad m (fun x => vsub x c i) z (ident i)).
  { intros i L. apply (is_grad_veq m _ z (vadd (ident i) vzero)); [intros k _; unfold vadd, vzero; ring|].
    apply (is_grad_fun m (fun x => x i + - c i)); [reflexivity|].
    apply is_grad_add; [apply is_grad_coordinate; auto | apply is_grad_const]. }
  apply (is_grad_veq m _ z (vscal (/ 2) (fun k => bsum m (fun i => vadd (vscal (vsub z c i) (ident i)) (vscal (vsub z c i) (ident i)) k)))).
  - intros k L. unfold vscal at 1. rewrite (bsum_ext m _ (fun i => ident i k * (2 * vsub z c i))) by (intros; unfold vadd, vscal; ring).
    rewrite bsum_ident_r by auto. field.
  - apply is_grad_scal. apply (is_grad_bsum m m (fun i x => vsub x c i * vsub x c i)). intros i L.
    apply is_grad_mult; apply D; auto.
Qed.

Lemma quadratic_hess m c z : is_hess m (quadratic m c) z (fun z => vsub z c) ident.
Proof.
  split; [|split].
  - exists 1. split; [lra|]. intros x _. apply quadratic_grad.
  - intros i L. apply (is_grad_veq m _ z (vadd (ident i) vzero)); [intros k _; unfold vadd, vzero; ring|].
    apply (is_grad_fun m (fun x => x i + - c i)); [reflexivity|].
    apply is_grad_add; [apply is_grad_coordinate; auto | apply is_grad_const].
  - apply sym_ident.
Qed.

(* The scale, where its square is a square. *)
Lemma sd_is m eps y r : 0 < r -> var m y + eps = r * r -> 0 < var m y + eps /\ sd m eps y = r.
Proof. intros P E. split; [rewrite E; nra|]. unfold sd. rewrite E. apply sqrt_square. lra. Qed.

(* Sums over few terms, written out. *)
Ltac compute_sums := unfold var, mean, dot, at_list, one; simpl; try field.

(* m = 2, y = (0, 1): mean 1/2, s = 1/2, yhat = (-1, 1). *)
Definition y01 : vec := at_list [0; 1].
Lemma y01_sd : 0 < var 2 y01 + 0 /\ sd 2 0 y01 = 1 / 2.
Proof. apply sd_is; [lra|]. unfold y01. compute_sums. Qed.
Lemma y01_mean : mean 2 y01 = 1 / 2.
Proof. unfold y01. compute_sums. Qed.
Lemma y01_yhat : veq 2 (yhat 2 0 y01) (at_list [-1; 1]).
Proof. intros [|[|i]] L; try lia; unfold yhat; rewrite y01_mean, (proj2 y01_sd); unfold y01, at_list; simpl; field. Qed.

(* m = 4, y = (0, 0, 1, 1): mean 1/2, s = 1/2, yhat = (-1, -1, 1, 1). *)
Definition y0011 : vec := at_list [0; 0; 1; 1].
Lemma y0011_sd : 0 < var 4 y0011 + 0 /\ sd 4 0 y0011 = 1 / 2.
Proof. apply sd_is; [lra|]. unfold y0011. compute_sums. Qed.
Lemma y0011_mean : mean 4 y0011 = 1 / 2.
Proof. unfold y0011. compute_sums. Qed.
Lemma y0011_yhat : veq 4 (yhat 4 0 y0011) (at_list [-1; -1; 1; 1]).
Proof. intros [|[|[|[|i]]]] L; try lia; unfold yhat; rewrite y0011_mean, (proj2 y0011_sd); unfold y0011, at_list; simpl; field. Qed.

(* The backward pass written out, once s, yhat are known. *)
Lemma backward_at m eps gamma y g s yh : sd m eps y = s -> veq m (yhat m eps y) yh ->
  veq m (bn_backward m eps gamma y g)
    (fun i => - gamma * dot m one g / (INR m * s) + (gamma / s * g i + - gamma * dot m g yh / (INR m * s) * yh i)).
Proof.
  intros S Y i L. unfold bn_backward, vadd, vscal. rewrite S, (dot_ext_r m g _ _ Y), (Y i L). ones. ring.
Qed.

Lemma loss_grad m eps gamma beta y g : (1 <= m)%nat -> 0 < var m y + eps ->
  is_grad m (fun x => linear m g (bn m eps gamma beta x)) y (bn_backward m eps gamma y g).
Proof. intros Hm Hs. apply bn_backward_grad; auto. apply linear_grad. Qed.
