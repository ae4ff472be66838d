"""The Coq library: every claim has its link, printed statements that are false are refuted, and nothing is assumed."""

import pytest
from certifying import document, needs_coq

from bnverify.theory import CLAIMS
from bnverify.theory.certify import certify, coqc, library
from bnverify.theory.certify.certificate import LINKED
from bnverify.theory.certify.document import identifier

LINKS = coqc.LIBRARY / "links"
REFUTATIONS = sorted(file.stem for file in (coqc.LIBRARY / "refutations").glob("*.v"))
FILES = sorted(coqc.LIBRARY.rglob("*.v"))
ALLOWED = ("Notation",)  # abbreviations inside sections of the library; a link or a refutation has none


def test_every_claim_has_a_link_and_every_link_a_claim():
    written = {file.stem for file in LINKS.glob("*.v")} - {"Satisfiable"}
    assert written == {identifier(key) for key in CLAIMS}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_is_assumed(file):
    text = file.read_text(encoding="utf-8")
    if file.parent == coqc.LIBRARY:
        for word in ALLOWED:
            text = text.replace(word, "")
    coqc.refuse_escapes(text)
    with pytest.raises(coqc.CoqError):
        coqc.refuse_escapes(text.replace("Qed.", "Admitted.", 1) if "Qed." in text else text + "Axiom false : False.")


def test_a_link_states_its_theorem_in_definitions_of_the_library():
    for file in LINKS.glob("*.v"):
        if file.stem != "Satisfiable":
            assert f"Theorem {file.stem}_from_definition" in file.read_text(encoding="utf-8"), file.stem


@pytest.fixture(scope="module")
def built():
    """The compiled library."""
    with library.compiled() as folder:
        yield folder


def theorem(name, text, built, folder):
    """A refutation compiled, and what Coq says of its theorem."""
    (folder / "refutations").mkdir(exist_ok=True)
    (folder / "refutations" / f"{name}.v").write_text(text, encoding="utf-8")
    paths = {"bnverify": built, "bnverify.refutations": folder / "refutations"}
    coqc.compile_file(folder / "refutations" / f"{name}.v", paths)
    return coqc.ask(f"bnverify.refutations.{name}.{name}_false", folder, paths, [f"refutations.{name}"])


def source(name):
    return (coqc.LIBRARY / "refutations" / f"{name}.v").read_text(encoding="utf-8")


@needs_coq
@pytest.mark.slow
@pytest.mark.parametrize("name", REFUTATIONS)
def test_a_printed_statement_is_refuted(name, built, tmp_path):
    assert theorem(name, source(name), built, tmp_path).statement.startswith("~ (")


@needs_coq
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("printed_4_1_v3", "/ sqrt (INR m)) / sd", "/ INR m) / sd"),
        ("printed_4_4_gamma", "normalized <= gamma * (plain", "normalized <= gamma ^ 2 * (plain"),
        ("printed_sun_11", "A / sigma l + B", "0 * A / sigma l + B"),
        ("printed_sun_16_words", "forall M, exists L, M < before", "forall M, 0 <= M -> exists L, - M < before"),
        ("printed_sun_17_rate", "c * INR L <= before", "c <= before"),
        ("printed_sun_10_attained", "c * exp (INR L) <= sigma L", "c * INR L <= sigma L"),
        ("printed_backward_mean_blog", "grad_mu = - dot m one v / sd", "grad_mu = - gamma * dot m one g / sd"),
    ],
)
def test_a_true_statement_is_not_refuted(name, old, new, built, tmp_path):
    text = source(name)
    assert text.count(old) == 1
    with pytest.raises(coqc.CoqError):
        theorem(name, text.replace(old, new), built, tmp_path)


@needs_coq
@pytest.mark.slow
def test_the_premises_of_the_links_can_be_met(built, tmp_path):
    file = tmp_path / "Satisfiable.v"
    file.write_text((LINKS / "Satisfiable.v").read_text(encoding="utf-8"), encoding="utf-8")
    coqc.compile_file(file, {"bnverify": built})


@needs_coq
@pytest.mark.slow
@pytest.mark.parametrize("key", CLAIMS)
def test_a_claim_is_kernel_checked_from_the_definition(key):
    (found,) = certify([document(key)], jobs=1)
    assert found.verdict == LINKED, found.reason
    assert set(found.axioms) <= coqc.AXIOMS
