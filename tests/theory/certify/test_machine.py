"""What the machine does to Coq is no verdict on a claim, and what is kept of its work is used where it is whole."""

import shutil

import pytest
from certifying import document, use_library
from typer.testing import CliRunner

from bnverify.caching import sealed
from bnverify.cli import app
from bnverify.commands import certify as command
from bnverify.errors import MachineError
from bnverify.reports.chapters import certificates as chapter
from bnverify.theory import certify as certifying_package
from bnverify.theory.certify import certificate, certificate_of, certify, coqc, library
from bnverify.theory.certify.certificate import LINKED, PREMISES, UNDECIDED, UNSHOWN, Certificate
from bnverify.theory.certify.sentences import REFUTED, Sentence, kept

FULL = 'Error: System error: "./x.vo: No space left on device"'
# Compiles by writing FILE.vo; at files whose name ends in $AT it does $HOW. Every file is noted in $LOG.
FAKE = """#!/bin/sh
[ "$1" = --print-version ] && { [ "$AT" = version ] && kill -9 $$; echo 8.16.1 4.14; exit 0; }
for last; do :; done
echo "$last" >> "$LOG"
case "$last" in
  *$AT) case "$HOW" in
    killed) kill -9 $$;;
    endless) exec sleep 60;;
    wrong) echo "Error: no such lemma" >&2; exit 1;;
    full) echo 'Error: System error: "./x.vo: No space left on device"' >&2; exit 1;;
    memory) echo "Fatal error: out of memory." >&2; exit 2;;
    *) echo "Anomaly" >&2; exit "$HOW";;
  esac;;
esac
echo compiled > "${last%.v}.vo"
"""


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A coqc that compiles anything until it is told not to: what it compiled, and a way to tell it."""
    program = tmp_path / "bin" / "coqc"
    program.parent.mkdir()
    program.write_text(FAKE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("BNVERIFY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    use_library(monkeypatch, tmp_path / "library")

    class Machine:
        @staticmethod
        def compiled():
            """The files compiled since it was asked last."""
            log = tmp_path / "log"
            found = log.read_text().split() if log.exists() else []
            log.unlink(missing_ok=True)
            return found

        @staticmethod
        def does(how, at="none"):
            monkeypatch.setenv("HOW", how)
            monkeypatch.setenv("AT", at)

    Machine.does("")
    return Machine


@pytest.mark.parametrize("at", ["Vectors.v", "Batch.v", "fact_c1.v", "question.v"])
@pytest.mark.parametrize("how", ["killed", "137", "143", "full", "memory"])
def test_a_machine_that_stops_coq_refuses_nothing(machine, at, how):
    """While the library, a batch, a claim alone or a question is compiled."""
    machine.does(how, at)
    documents = [document("fact-c1")] + [document("fact-c2")] * (at == "Batch.v")
    with pytest.raises(MachineError, match="nothing was refused") as told:
        list(certify(documents, jobs=1))
    assert len(str(told.value).splitlines()) == 3


@pytest.mark.parametrize("how", ["wrong", "1", "2", "129"])
def test_what_coq_says_of_a_file_is_a_verdict(machine, how):
    machine.does(how, "fact_c1.v")
    (found,) = certify([document("fact-c1")], jobs=1)
    assert found.verdict == "refused" and found.reason
    machine.does(how, "Vectors.v")
    shutil.rmtree(library.cache())
    with pytest.raises(coqc.CoqError):
        list(certify([document("fact-c1")], jobs=1))


@pytest.mark.parametrize(("at", "keys"), [("c1.v", ["c1"]), ("question.v", ["c1"]), (".v", ["c1", "c2"])])
def test_what_never_ends_is_neither_accepted_nor_refused(machine, monkeypatch, at, keys):
    """Nothing is known, and nothing is kept; a batch is taken apart before."""
    machine.does("", "none")
    with library.compiled():
        machine.compiled()
    machine.does("endless", at)
    monkeypatch.setattr(coqc, "_SECONDS", 0.3)
    found = list(certify([document(f"fact-{key}") for key in keys], jobs=1))
    assert [each.verdict for each in found] == len(keys) * [UNDECIDED] and not any(found)
    assert all("within 0.3 s" in each.reason for each in found) and certificate_of("fact-c1") is None
    assert [f"fact_{key}.v" for key in keys] == [name for name in machine.compiled() if name.startswith("fact")]


def test_a_coqc_that_is_killed_when_asked_for_its_version_is_told(machine):
    machine.does("", "version")
    with pytest.raises(MachineError, match="print-version ended with -9"):
        list(certify([document("fact-c1")], jobs=1))


@pytest.mark.parametrize("error", [coqc.CoqStopped("coqc on a.v, ended by signal 9"), coqc.CoqError("an old coqc")])
def test_the_command_ends_with_the_status_of_the_machine(monkeypatch, error):
    def raising(*_, **__):
        raise error

    monkeypatch.setattr(command, "_chosen", lambda keys, everything: ([], []))
    monkeypatch.setattr(certifying_package, "certify", raising)
    done = CliRunner().invoke(app, ["certify", "fact-c1"])
    assert isinstance(done.exception, MachineError) and error.args[0].split(", ")[-1][:12] in str(done.exception)


# The library is used where it is whole.


def emptied(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def replaced(folder):
    shutil.rmtree(folder)
    folder.write_text("a file")


def without(name):
    return lambda folder: (folder / name).unlink()


def spoiled(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-1])


FAULTS = {
    "emptied": emptied, "a file": replaced, "no seal": without("whole"), "no object": without("Generated.vo"),
    "no source": without("Vectors.v"), "cut object": spoiled("Vectors.vo"), "cut source": spoiled("Generated.v"),
    "cut seal": spoiled("whole"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_library_that_is_not_whole_is_compiled_anew(machine, fault):
    with library.compiled() as folder:
        assert machine.compiled() == ["Vectors.v", "Generated.v"]
    with library.compiled() as again:
        assert again == folder and machine.compiled() == []
    FAULTS[fault](folder)
    with library.compiled() as again:
        assert machine.compiled() == ["Vectors.v", "Generated.v"] and (again / "Generated.vo").is_file()
        assert again == folder
    with library.compiled():
        assert machine.compiled() == []


def test_a_library_of_another_coqc_of_the_same_version_is_compiled_anew(machine, tmp_path):
    with library.compiled():
        machine.compiled()
    program = tmp_path / "bin" / "coqc"
    program.write_text(FAKE + "# another build\n")
    with library.compiled():
        assert machine.compiled() == ["Vectors.v", "Generated.v"]


def test_a_library_that_cannot_be_kept_is_used_all_the_same(machine, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.rename", full)
    with library.compiled() as folder:
        assert (folder / "Generated.vo").is_file() and machine.compiled()
    assert not folder.exists()


# A certificate is read where it is exactly what was written.

AXIOM = sorted(coqc.AXIOMS)[0]
GOOD = Certificate(
    "fact-c1-beta", PREMISES, "forall x : R, x = 0 -> 0 = x", ("x = 0",), axioms=(AXIOM,), coq="8.16.1", seconds=1.5
)


@pytest.fixture
def stowed(monkeypatch, tmp_path):
    """A way to stow a certificate of `fact-c1-beta` with other fields, and its file."""
    monkeypatch.setenv("BNVERIFY_CACHE", str(tmp_path))
    use_library(monkeypatch, tmp_path / "library")
    hashed = certificate._work(document("fact-c1-beta")).hash

    def stow(**changes):
        found = Certificate(**GOOD.to_json() | {"hash": hashed} | changes)
        text = sealed(found.to_json())
        file = library.cache() / f"{hashed}.json"
        file.write_text(text)
        return file, found

    return stow


def test_a_certificate_that_was_stowed_is_read(stowed):
    file, _ = stowed()
    written = certificate_of(document("fact-c1-beta"))
    assert written is not None and written.axioms == (AXIOM,) and written.premises == ("x = 0",)
    certificate.stow(written)
    assert certificate_of(document("fact-c1-beta")) == written and file.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": "x"}, {"seconds": float("nan")}, {"seconds": -1.0}, {"seconds": 1}, {"verdict": 7}, {"premises": 3},
        {"key": "theorem-4.1"}, {"verdict": "true, says the cache"}, {"verdict": UNSHOWN}, {"verdict": "refused"},
        {"verdict": LINKED}, {"verdict": LINKED, "linked": "x = x"}, {"axioms": ["Bad.false"]}, {"coq": None},
        {"coq": ""}, {"verdict": "\x1b[2J"}, {"statement": ""}, {"statement": "\x1b[31mx"}, {"linked": "x = x"},
        {"reason": "why"}, {"premises": ["y = 0"]}, {"premises": []}, {"axioms": AXIOM}, {"hash": "0" * 64},
        {"premises": [["x = 0"]]}, {"statement": 3},
    ],
    ids=str,
)  # fmt: skip
def test_a_certificate_that_none_of_ours_could_be_is_ignored(stowed, changes):
    """Sealed as ours are: what it says is looked at, too."""
    stowed(**changes)
    assert certificate_of(document("fact-c1-beta")) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "", lambda text: "[" * 100_000, lambda text: text.partition("\n")[2], lambda text: text[:-1],
        lambda text: text.replace("1.5", "2.5"), lambda text: text + " ", lambda text: text.replace("x = 0", "x = 1"),
        lambda text: text.partition("\n")[0] + "\n" + "[" * 100_000, lambda text: text.partition("\n")[0] + "\n[]",
        lambda text: text.replace('"key"', '"key": 3, "key"'), lambda text: "\n3",
    ],
)  # fmt: skip
def test_a_damaged_certificate_is_ignored(stowed, damage):
    file, found = stowed()
    file.write_text(damage(sealed(found.to_json())))
    assert certificate_of(document("fact-c1-beta")) is None


def test_a_sentence_has_its_own_verdict(monkeypatch, tmp_path):
    monkeypatch.setenv("BNVERIFY_CACHE", str(tmp_path))
    chosen = Sentence("printed", "text", "name")
    said = Certificate("printed", REFUTED, "~ (x = y)", hash=chosen.hash, coq="8.16.1", seconds=0.5)
    certificate.stow(said)
    assert kept(chosen) == said
    for changes in ({"verdict": PREMISES}, {"key": "other"}, {"premises": ["x = y"]}):
        fields = said.to_json() | changes
        certificate.stow(Certificate(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}))
        assert kept(chosen) is None, changes


@pytest.mark.parametrize("damage", ["", "{}", "[" * 100_000, "0\n{}"])
def test_documents_kept_for_a_report_are_read_as_they_were_written(monkeypatch, tmp_path, damage):
    class Derived:
        fingerprint = "f"
        claims = (type("Claim", (), {"key": "fact-c1"}),)

    monkeypatch.setattr(chapter, "kept", lambda name: tmp_path / name)
    written = chapter._documents(Derived)
    assert written == {"fact-c1": document("fact-c1")}
    monkeypatch.setattr(chapter, "to_json", lambda claim: "made again")
    assert chapter._documents(Derived) == written
    (file,) = tmp_path.glob("documents-*.json")
    file.write_text(damage)
    assert chapter._documents(Derived) == {"fact-c1": "made again"}
