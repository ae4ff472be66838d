"""The page about certificates says true numbers."""

import re
from pathlib import Path

from bnverify.theory import AUDIT, CLAIMS
from bnverify.theory.audit.ruling import Ruling
from bnverify.theory.certify import coqc, laws, refutations
from bnverify.theory.certify.document import identifier
from bnverify.theory.results.dynamics.laws import LAWS

PAGE = (Path(__file__).parents[1] / "docs" / "formal.md").read_text(encoding="utf-8")


def counted(pattern):
    """The one number that the page gives in these words."""
    (number,) = re.findall(pattern, " ".join(PAGE.split()))
    return int(number)


def test_counts():
    links = {file.stem for file in (coqc.LIBRARY / "links").glob("*.v")}
    assert counted(r"The catalogue has (\d+) claims: all are translated") == len(CLAIMS)
    assert counted(r"for (\d+) a link in") == sum(identifier(key) in links for key in CLAIMS)
    found = refutations(record.to_json() for record in AUDIT.values())
    assert counted(r"Of the false formulas (\d+) are refuted") == len(found)
    wrong = [key for key in AUDIT if AUDIT[key].ruling in (Ruling.FALSE, Ruling.MISPRINT, Ruling.CONDITIONAL)]
    ours = [key for key in wrong if key in found]
    assert counted(r"every constant \((\d+) of \d+\)") == len(ours)
    assert counted(r"every constant \(\d+ of (\d+)\)") == len(wrong)
    assert counted(r"printed digits: (\d+) records") == len(wrong) - len(ours) - 1  # and one irrational
    rest = [key for key in found if key not in ours]
    assert sum(key in AUDIT for key in rest) == 2 and "two that are true to leading order" in " ".join(PAGE.split())
    assert len(rest) == 2 + 10 and "ten formulas that are in no record" in " ".join(PAGE.split())


def test_laws_are_counted():
    assert counted(r"The (\d+) laws about averages") == len(laws(law.to_json() for law in LAWS.values())) == len(LAWS)


def test_axioms_and_files_are_named():
    for axiom in coqc.AXIOMS:
        assert axiom.rpartition(".")[2] in PAGE, axiom
    for file in re.findall(r"`(theory/[\w/.]+)`", PAGE):
        assert (Path(__file__).parents[1] / file).exists(), file
