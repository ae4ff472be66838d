"""What Coq says is read strictly, and what could prove without proof is refused."""

import pytest

from bnverify.theory.certify import NoCoq
from bnverify.theory.certify.coqc import CoqError, Theorem, axioms_in, printable, refuse_escapes, split_arrows, version


@pytest.mark.parametrize(
    "text",
    ["Lemma a : False.\nProof. Admitted.", "Axiom a : False.", "Parameter a : False.", "Conjecture a : False.",
     "Unset Guard Checking.", "Lemma a : True. Proof. admit. Qed.",
     "#[bypass_check(guard)] Fixpoint f (n : nat) := f n.",
     "Declare ML Module \"x\".", "Load x.", "Redirect \"statement\" Check I.", "(* open", "Lemma\x1b[2J a : True.",
     "(* a (* b *) Axiom *) Axiom a : False.",
     'Comments "(*".\nRedirect "x" Check 0. Axiom a : False.\nComments "*)".'],
)  # fmt: skip
def test_escapes_are_refused(text):
    with pytest.raises(CoqError):
        refuse_escapes(text)


def test_proofs_and_comments_are_not_refused():
    refuse_escapes(
        "(* An Axiom (* nested *) in a comment *)\nLemma a : True.\nProof. exact I. Qed.\nPrint Assumptions a."
    )


def test_axioms_are_read_by_name():
    assert axioms_in("Closed under the global context\n") == ()
    said = "Axioms:\nA.b\n  : forall x : R,\n    x = x\nC.d : Prop\n"
    assert axioms_in(said) == ("A.b", "C.d")
    for other in ("", "Axioms", "Error", "Section Variables:\nx : False"):
        with pytest.raises(CoqError):
            axioms_in(other)


def test_statements_are_taken_apart():
    theorem = Theorem("forall (m : nat) (f : nat -> R), (forall j, 0 < f j -> j = j) -> (1 <= m)%nat -> m = m", ())
    assert theorem.parts == (
        "(m : nat) (f : nat -> R)", ("(forall j, 0 < f j -> j = j)", "(1 <= m)%nat"), "m = m",
    )  # fmt: skip
    assert split_arrows("a = b") == ["a = b"]


def test_nothing_a_terminal_obeys_is_printed():
    assert printable("a\x1b[2J\rb\n\u202e\x00") == "a?[2J?b\n??"
    assert "\x1b" not in str(CoqError("Error: \x1b]0;title\x07"))


def test_a_machine_without_coq_is_told_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoCoq, match="apt-get install --no-install-recommends coq"):
        version()
