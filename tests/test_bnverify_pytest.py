"""The pytest plugin in projects of their own, where it is found because the package is installed: the fixture, what a
failure prints, stored runs, and its cost."""

import shutil

import numpy as np
import pytest
import xarray as xr

pytest_plugins = ["pytester"]

USE = """
import jax, jax.numpy as jnp

Y = jax.random.normal(jax.random.key(0), (16, 3))
ONES, ZEROS = jnp.ones(3), jnp.zeros(3)

def suffix(z):
    return (jnp.sin(z) ** 2).sum()

def layer(y, gamma, beta, epsilon):
    return gamma * (y - y.mean(0)) / jnp.sqrt(y.var(0{ddof}) + epsilon) + beta

def test_layer(assert_claims):
    assert_claims(suffix, Y, ONES, ZEROS, 1e-5, layer=layer, claims=["fact-c1", "theorem-4.1"])
"""


@pytest.fixture
def project(pytester):
    """A project with a test of its own layer, run in a process of its own or, ``here``, in this one; with ``unbiased``
    beside it one of a layer that is wrong."""

    def run(*arguments, unbiased=False, here=False):
        files = {"test_own": USE.replace("{ddof}", "")}
        if unbiased:
            files["test_unbiased"] = USE.replace("{ddof}", ", ddof=1")
        pytester.makepyfile(**files)
        start = pytester.runpytest_inprocess if here else pytester.runpytest_subprocess
        return start("-p", "no:cacheprovider", *arguments)

    return run


def test_a_true_layer_passes_and_a_wrong_one_fails_with_the_claim_both_sides_and_the_place(project):
    found = project(unbiased=True)
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(["*FAILED test_unbiased.py::test_layer*"])
    found.stdout.fnmatch_lines([
        "*fact-c1: Backward pass of batch normalisation: <v, w> == gamma*(*",
        "*violated at 3 of 3 points (own, float64, tolerance 9e-13)*",
        "*own, channel *: left *, right *, residual *",
    ])  # fmt: skip
    assert "theorem-4.1:" not in found.stdout.str()  # a smaller gradient is within the bound


def test_a_stored_run_adds_a_test_for_each_claim(project, tiny_run):
    found = project("--bnverify-run", str(tiny_run.path), "-v", "-ra", "-m", "bnverify")
    outcomes = found.parseoutcomes()
    assert outcomes["passed"] > 40 and outcomes["deselected"] == 1 and "failed" not in outcomes
    found.stdout.fnmatch_lines(["*theorem-4.1 PASSED*", "*two-values: no point inside its hypotheses*"])


def test_a_tampered_run_fails_where_it_was_tampered_with(project, tiny_run, tmp_path):
    from bnverify.empirical.runs.records import write_dataset

    path = tmp_path / "tampered"
    shutil.copytree(tiny_run.path, path, ignore=shutil.ignore_patterns("checkpoints", "report"))
    (record, *_) = sorted((path / "records" / "bn").glob("exact-*.nc"))
    with xr.open_dataset(record, engine="scipy") as stored:
        changed = stored.load().copy(deep=True)
    changed["v_v"][{"site": 3, "channel": 0}] *= np.float64(1.001)
    write_dataset(record, changed)
    found = project("--bnverify-run", str(path), "-m", "bnverify", here=True)
    assert found.parseoutcomes()["failed"] >= 1
    found.stdout.fnmatch_lines(["*theorem-4.1-exact: *", "*step 0, conv4, channel 0: left *"])


@pytest.mark.parametrize("pattern", ["bn/exact-*.nc", "*/*.nc"])
def test_a_run_that_is_not_whole_has_not_passed(project, tiny_run, tmp_path, pattern):
    path = tmp_path / "holey"
    shutil.copytree(tiny_run.path, path, ignore=shutil.ignore_patterns("checkpoints", "report"))
    gone = list((path / "records").glob(pattern))
    for record in gone:
        record.unlink()
    found = project("--bnverify-run", str(path), "-m", "bnverify", here=True)
    assert found.parseoutcomes()["failed"] == 1 and found.ret == pytest.ExitCode.TESTS_FAILED
    found.stdout.fnmatch_lines([f"{len(gone)} records are missing (*exact of bn at step 0*"])


def test_what_is_no_run_is_said(project, tmp_path):
    found = project("--bnverify-run", str(tmp_path), here=True)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert "expected:" in found.stderr.str()


def test_suites_that_do_not_use_it_import_nothing(pytester):
    pytester.makepyfile(
        "import sys\ndef test_nothing():\n"
        "    assert not {'bnverify.theory', 'bnverify.empirical', 'jax', 'sympy'} & set(sys.modules)"
    )
    found = pytester.runpytest_subprocess("-p", "no:jaxtyping", "-p", "no:hypothesispytest")
    found.assert_outcomes(passed=1)
