"""The chapter on normalisers: what it says of all of them is so for each, and no answer is without its reason."""

import pytest
import sympy as sp

from bnverify.reports import normalisers
from bnverify.reports.pages import parses, shown
from bnverify.reports.theory_chapters import NARROW
from bnverify.theory import AUDIT, NORMALIZERS, G, gamma, is_zero, s
from bnverify.theory.normalizers.smoothing import Answer


@pytest.fixture(scope="module")
def described():
    return {row.name: row for row in normalisers.described(NARROW)}


@pytest.mark.parametrize("name", NORMALIZERS)
def test_the_backward_pass_is_the_one_the_chapter_states(name):
    n = NORMALIZERS[name]
    stated = n.gain / s * (n.numerator(G) - (G @ n.normalised) * n.n)
    assert is_zero(n.backward - stated)
    if name == "batch":
        assert not is_zero(n.backward - gamma / s * n.numerator(G))


def test_every_answer_has_its_reason(described):
    assert list(described) == list(NORMALIZERS)
    for row in described.values():
        for settled in (row.enlargement, row.gain):
            assert settled.verdict in ("proved", "false", "open")
            assert settled.why or settled.record or settled.verdict == "open"
            assert not settled.record or settled.record in AUDIT
        assert parses(shown(f"{row.over} {row.note} {row.n} {row.worst} {row.enlargement.why} {row.gain.why}"))
        assert all(parses(shown(f"${line.body}$")) for line in row.backward)


def test_batch_norm_has_the_gain_and_l1_enlarges(described):
    assert described["batch"].gain == normalisers.Settled("proved", r"$\frac{1 - \rho}{m}$")
    assert described["batch"].worst == "$1$"
    assert described["l1"].enlargement == normalisers.Settled("false", record="lp-l1")
    assert described["l1"].worst == r"$\sqrt{\frac{m}{2}}$"


def test_a_record_counts_for_its_own_normaliser_and_only_if_it_enlarges():
    assert normalisers._enlarges(AUDIT["lp-l1"], NORMALIZERS["l1"])
    assert not normalisers._enlarges(AUDIT["lp-l1"], NORMALIZERS["linf"])
    assert not normalisers._enlarges(AUDIT["4.1-v3"], NORMALIZERS["batch"])
    assert not normalisers._enlarges(AUDIT["4.1"], NORMALIZERS["batch"])


def test_what_is_undecided_is_open():
    answer = normalisers._settled(Answer("statement", None, reason="no counterexample found"))
    assert answer == normalisers.Settled("open", "no counterexample found")


def test_bounds_and_roots():
    m = sp.Symbol("m", positive=True)
    assert normalisers._worst((sp.sqrt(m), 1 + sp.sqrt(m))) == r"$\sqrt{m}$ to $1 + \sqrt{m}$"
    assert normalisers._worst(None) == "open"
