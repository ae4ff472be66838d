From Coq Require Import Reals Lra Lia.
From bnverify Require Import Examples.
Open Scope R_scope.

(* Fact C.2 with an equals sign for the minus, at w = x = (1, 0). *)
Theorem printed_notes_c_2_false : ~ (forall m eps y J w x,
  (1 <= m)%nat -> 0 <= eps -> 0 < var m y + eps ->
  (forall i, (i < m)%nat -> is_grad m (fun y => yhat m eps y i) y (J i)) -> dot m w w = 1 -> dot m x x = 1 ->
  dot m (mv m J x) w = ((if Req_EM_T (dot m w x) (1 / INR m) then 1 else 0)
    - dot m w (yhat m eps y) * dot m x (yhat m eps y) / INR m) / sd m eps y).
Proof.
  intros F. destruct y01_sd as [Hs S]. assert (Hm : (1 <= 2)%nat) by lia. set (w := at_list [1; 0]).
  assert (HJ := fun i Li => yhat_grad 2 0 Hm y01 i Li Hs).
  assert (W1 : dot 2 w w = 1) by (unfold w, dot, at_list; simpl; ring).
  specialize (F _ 0 y01 _ w w Hm (Rle_refl 0) Hs HJ W1 W1).
  rewrite (dot_ext_l 2 _ _ w (given_jac 2 0 Hm y01 _ w Hs HJ)) in F. autorewrite with ip in F.
  rewrite S, (dot_comm 2 (yhat 2 0 y01) w), !(dot_ext_r 2 w _ _ y01_yhat) in F.
  unfold w, dot, one, at_list in F. simpl in F. destruct (Req_EM_T _ _) as [E|N]; lra.
Qed.
