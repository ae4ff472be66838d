"""The table of docs/trusted-base.md is what is counted, and the re-checker is as small as it says."""

import re
from pathlib import Path
from random import Random

import pytest
from mutants import mutants
from selection import first_and_slow

from bnverify.theory import CLAIMS, ProofError
from bnverify.theory.proof import needed, prove
from bnverify.theory.proof.insertion import Insertion
from bnverify.theory.proof.trusted_base import BEFORE, NOW, at_commit, counted, in_tree, lines_of_code

ROOT = Path(__file__).parents[2]
ROWS = dict(re.findall(r"^\| (.+?) \| (\d+ \| \d+) \|$", (ROOT / "docs" / "trusted-base.md").read_text(), re.MULTILINE))


def test_lines_of_code_are_counted():
    source = '"""Two\n\nlines."""\n\n# a comment\nx = (\n    1\n)\n\n\ndef f():\n    """A docstring."""\n    return x\n'
    assert lines_of_code(source) == 5 and lines_of_code(source, functions_only=True) == 2


@pytest.mark.parametrize("route", NOW)
def test_table_is_what_is_counted(route):
    assert int(ROWS[route].split(" | ")[1]) == counted(NOW[route], in_tree)


@pytest.mark.parametrize("route", BEFORE)
def test_table_of_the_past(route):
    try:
        found = counted(BEFORE[route], at_commit("7f824c4"))
    except (OSError, ValueError):
        pytest.skip("the history is not here")
    assert int(ROWS[route].split(" | ")[0]) == found


def test_the_recheck_imports_nothing_of_the_package():
    for file in NOW["recheck of a document"]:
        assert "bnverify" not in re.sub(r'"bnverify proof \d"', "", in_tree(file)), file
    folder = ROOT / "theory" / "proof" / "recheck"
    assert {f"theory/proof/recheck/{p.name}" for p in folder.glob("*.py")} - {*NOW["recheck of a document"]} == {
        "theory/proof/recheck/__main__.py"
    }


PROVED_ANEW = ("theorem-4.1", "theorem-4.2-exact", "fact-c1", "scale-gradient", "jacobian-norm")


@pytest.mark.parametrize("key", first_and_slow(PROVED_ANEW, {*PROVED_ANEW} - {"theorem-4.2-exact"}))
def test_neither_the_search_nor_the_examples_are_trusted(key, monkeypatch):
    random = Random(key)

    def some(parts, table, keep=()):
        """A random part of what is needed, and of what is not, in any order."""
        givens = list(needed.collect(parts, table, keep).givens)
        others = [make() for subject, make in table.items() if random.random() < 0.1]
        chosen = [given for given in givens if random.random() < 0.9]
        chosen += [g for g in others if all(g.subject != other.subject for other in givens)]
        random.shuffle(chosen)
        return Insertion(tuple(chosen))

    monkeypatch.setattr(prove, "tried", lambda *_: ())
    CLAIMS[key].prove()
    for search in (needed.collect, some, some):
        monkeypatch.setattr(prove, "collect", search)
        proved = [name for name, wrong in mutants(CLAIMS[key]) if _proved(wrong)]
        assert proved == []


def _proved(claim):
    try:
        prove.prove(claim)
    except (ProofError, ValueError):
        return False
    return True
