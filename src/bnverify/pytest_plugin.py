"""The pytest plugin: the fixture `assert_claims`, and `--bnverify-run DIR`, a test for each claim on a stored run.

Nothing but pytest is imported until one of the two is used.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option `--bnverify-run`."""
    parser.getgroup("bnverify").addoption(
        "--bnverify-run", action="append", default=[], metavar="DIR", dest="bnverify_runs",
        help="also assert every claim on this stored run of bnverify (repeatable)",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """The marker of the added tests; and a sentence where what was named is no run, before workers are started that
    could only fail on it."""
    config.addinivalue_line("markers", "bnverify: a claim on a stored run, added by --bnverify-run DIR")
    for path in config.getoption("bnverify_runs"):
        if not (Path(path) / "config.json").is_file():
            raise pytest.UsageError(
                f"--bnverify-run {path}\ngot:      no config.json in {path}\nexpected: the directory of a stored run\n"
                "do:       pass a directory that `bnverify train` wrote"
            )


@pytest.fixture(scope="session")
def assert_claims():
    """`assertion.assert_claims`: measures, and fails with the claim, both sides, residual and place."""
    from bnverify.empirical.judgement.assertion import assert_claims

    return assert_claims


@pytest.fixture(scope="session")
def conforms():
    """`conformance.conforms`: a report on a layer, true where it conforms, so ``assert conforms(layer, shape=...)``."""
    from bnverify.empirical.conformance import conforms

    return conforms


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the tests of every stored run that was named."""
    for path in session.config.getoption("bnverify_runs"):
        items.extend(_StoredRun.from_parent(session, name=str(path), path=Path(path)).collect())


class _StoredRun(pytest.Collector):
    """The tests of a stored run: that it is complete, and one for each claim that speaks of its normalisers."""

    def __init__(self, *, path: Path, **rest: Any) -> None:
        super().__init__(nodeid=f"run {path}", **rest)
        self.directory = path
        self.add_marker("bnverify")

    def collect(self) -> list[pytest.Item]:
        from bnverify.empirical.runs.records import load_run
        from bnverify.errors import InputError
        from bnverify.theory import CLAIMS, claims_for
        from bnverify.theory.results.catalogue import claims_of_steps

        try:
            self.run = load_run(self.directory)
        except InputError as error:
            raise pytest.UsageError(f"--bnverify-run {self.directory}\n{error}") from None
        spoken_of = {*claims_for(self.run.config.normalizer), *claims_for("batch")}
        spoken_of |= {*claims_of_steps()} if self.run.config.every_steps("dynamics") else set()
        claims = [
            _ClaimOnRun.from_parent(self, name=key) for key, claim in CLAIMS.items() if claim in spoken_of
        ]  # fmt: skip
        return [_Complete.from_parent(self, name="complete"), *claims]

    @cached_property
    def verdicts(self) -> list:
        from bnverify.empirical.judgement.verdict import verify

        return verify(self.run)


class _OfRun(pytest.Item):
    """A test of a stored run, which fails with what is printed."""

    parent: _StoredRun

    def repr_failure(self, excinfo, style=None):
        return str(excinfo.value) if isinstance(excinfo.value, _Violated) else super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.parent.directory, None, f"{self.parent.name}: {self.name}"


class _Complete(_OfRun):
    """Every record is there, and a claim has a point."""

    def runtest(self) -> None:
        if gaps := self.parent.run.missing():
            shown = ", ".join(map(str, gaps[:5])) + ", ..." * (len(gaps) > 5)
            raise _Violated(
                f"{len(gaps)} records are missing ({shown}).\nThe command that made the run measures them; the "
                "verdicts are on what is there."
            )
        if not any(verdict.points for verdict in self.parent.verdicts):
            raise _Violated("No claim has a point in this run: nothing is tested.")


class _ClaimOnRun(_OfRun):
    """One claim on a stored run, on all networks and in both precisions."""

    def runtest(self) -> None:
        from bnverify.empirical.judgement.assertion import violation

        found = [verdict for verdict in self.parent.verdicts if verdict.key == self.name]
        if not found:
            pytest.skip(f"{self.name}: not measured on this run")
        lines = [line for verdict in found if verdict.violations for line in violation(verdict)]
        if lines:
            raise _Violated("\n".join(lines))
        if not any(verdict.points for verdict in found):
            reasons = {reason for verdict in found for reason in verdict.excluded}
            pytest.skip(f"{self.name}: no point inside its hypotheses ({', '.join(sorted(reasons))})")


class _Violated(AssertionError):
    """A claim was violated, or the run is not whole; the message is what is printed."""
