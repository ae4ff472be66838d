"""The documentation: pages run, the reference has a page for every module, worked diffs apply and do what they say."""

import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bnverify.theory import UnknownClaim

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
# A module of each room; pages of all of them take half a minute.
PAGES_OF = (
    "bnverify.theory.algebra.vectors", "bnverify.empirical.measurement.measurement", "bnverify.reports.output.build",
)  # fmt: skip


def _api():
    spec = importlib.util.spec_from_file_location("api", DOCS / "api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_runs_and_is_true(page):
    """A last line that is an expression states something, and it is so."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.S)
    for block in blocks:
        names: dict = {}
        *lines, last = block.strip().splitlines()
        exec(compile("\n".join(lines), page.name, "exec"), names)
        assert eval(last, names), last


def test_the_numerical_page_has_something_to_run():
    assert "```python" in (DOCS / "numerical-trust.md").read_text()


def test_links_of_all_pages_lead_somewhere():
    for page in (*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), (page.name, target)


def test_every_public_object_of_every_module_has_a_docstring():
    for name in _api().modules():
        module = importlib.import_module(name)
        assert module.__doc__, name
        for public, value in vars(module).items():
            if public.startswith("_") or getattr(value, "__module__", None) != name:
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                assert inspect.getdoc(value), f"{name}.{public}"


@pytest.mark.parametrize(
    "names", [pytest.param(PAGES_OF, id="of three"), pytest.param((), id="of all", marks=pytest.mark.slow)]
)
def test_the_reference_has_a_page_for_every_module(tmp_path, names):
    pytest.importorskip("pdoc")
    api = _api()
    api.build(tmp_path, names)
    for name in names or api.modules():
        assert (tmp_path / (name.replace(".", "/") + ".html")).stat().st_size > 1000, name
    page = (tmp_path / "bnverify" / "empirical" / "measurement" / "measurement.html").read_text()
    assert "Measure all claims" in page


DIFFS = re.findall(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.S)
DONE = """
from types import SimpleNamespace

import jax, jax.numpy as jnp
from bnverify.empirical import assert_claims
from bnverify.empirical.architectures import architecture
from bnverify.empirical.experiments.experiments import experiment
from bnverify.empirical.runs.config import RunConfig, preset
from bnverify.empirical.runs.experiment import network
from bnverify.empirical.trajectory.observation import due
from bnverify.reports.output.formats import outputs
from bnverify.theory import CLAIMS, NORMALIZERS, smoothing

CLAIMS["gradient-no-larger"].prove()
y = jax.random.normal(jax.random.key(0), (16, 3))
common = lambda z: jnp.sum(jnp.sin(z) ** 2), y, jnp.ones(3), jnp.zeros(3), 1e-3
assert_claims(*common, claims=["gradient-no-larger"])
assert smoothing(NORMALIZERS["deviation"]).gain.holds
found = assert_claims(*common, normalizer="deviation")
assert {"normalizer-jacobian", "normalizer-gradient"} <= {each.key for each in found if each.points}
assert {run.epsilon for run in experiment("epsilon").runs("quick").values()} == {1e-5, 1e-1}
assert network("bn", RunConfig("quick", normalizer="deviation")).sites
(norms,) = due(RunConfig("quick", every={"kernel-norms": 20}), 40)
at = SimpleNamespace(step=40, state=SimpleNamespace(params={"dense": {"kernel": 2 * jnp.eye(4)}, "norm": {}}))
assert norms.measure(at).kernel_norm.sel(step=40, layer="dense") == 4
assert len(network("bn", preset("resnet-32-tiny")).sites) == 31
assert ":math:`x^{2}`" in outputs()["rst"].text("A square: $x^{2}$.")
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the project with the worked diffs applied."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    copy = tmp_path_factory.mktemp("extended")
    for package in ("theory", "empirical", "reports", "tests", "src"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
    for number, diff in enumerate(DIFFS):
        (copy / f"{number}.diff").write_text(diff)
        subprocess.run(["git", "apply", f"{number}.diff"], cwd=copy, check=True)
    return copy


def _run(code, folder):
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)


def test_worked_diffs_apply_and_do_what_they_say(extended):
    assert len(DIFFS) == 6
    done = _run(DONE, extended)
    assert done.returncode == 0, done.stderr


def test_without_them_it_is_not_there():
    with pytest.raises(UnknownClaim, match="gradient-no-larger"):
        exec(compile(DONE, "CONTRIBUTING.md", "exec"), {})
