"""The wheel in a foreign project with packages named as our folders are, and an option `--run` of its own."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of what git knows or would know."""
    pytest.importorskip("setuptools", reason="the build backend needs setuptools >= 77")
    source, target = tmp_path_factory.mktemp("source") / "bnverify", tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__", ".git", ".venv", "build", "*.egg-info", "gallery")
    shutil.copytree(ROOT, source, ignore=ignored, symlinks=True)
    build = f"import build_backend; print(build_backend.build_wheel({str(target)!r}))"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(target.glob("*.whl"))


def test_the_wheel_holds_one_package_with_types_templates_and_the_coq_library(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"bnverify"}
    for name in ("py.typed", "theory/algebra/vectors.py", "empirical/runs/run.py", "reports/output/build.py"):
        assert f"bnverify/{name}" in names
    assert any(name.startswith("bnverify/reports/output/assets/") for name in names)
    assert any(name.startswith("bnverify/theory/coq/") and name.endswith(".v") for name in names)


@pytest.fixture(scope="module")
def foreign(wheel, tmp_path_factory):
    """A project of somebody else's, in an environment with the wheel; what it needs is taken from ours."""
    project = tmp_path_factory.mktemp("foreign")
    for package in ("theory", "empirical", "reports"):
        (project / package).mkdir()
        (project / package / "__init__.py").write_text(f"NAME = 'my own {package}'\n")
    (project / "tests").mkdir()
    (project / "tests" / "theory.py").write_text("HELPER = 42\n")
    (project / "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--run', default='mine')\n"
    )
    (project / "tests" / "test_mine.py").write_text(
        "import empirical, reports, theory\n"
        "import jax.numpy as jnp, numpy as np\n"
        "def test_names(pytestconfig):\n"
        "    assert theory.HELPER == 42 and empirical.NAME == 'my own empirical' and reports.NAME == 'my own reports'\n"
        "    assert pytestconfig.getoption('--run') == 'mine'\n"
        "def test_layer(assert_claims):\n"
        "    y = np.random.default_rng(3).standard_normal((16, 3))\n"
        "    assert_claims(lambda z: jnp.sum(jnp.tanh(z) ** 2), y, np.ones(3), np.zeros(3), 1e-5)\n"
    )
    environment = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(environment, with_pip=False, symlinks=True)
    ours = sysconfig.get_path("purelib")
    site = next((environment / "lib").glob("python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    # Everything but bnverify itself is ours: a path file puts it behind the environment's own.
    (site / "ours.pth").write_text(ours + "\n")
    return project, environment / "bin" / "python"


@pytest.mark.skipif(sys.platform == "win32", reason="the environment is laid out as on Unix")
def test_a_foreign_suite_passes_with_its_own_names(foreign):
    project, python = foreign
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--run", "mine"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("room", ["theory", "empirical", "reports"])
def test_a_folder_of_the_checkout_cannot_be_imported_by_a_second_name(room):
    done = subprocess.run([sys.executable, "-c", f"import {room}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0 and f"expected: import bnverify.{room}, its only name" in done.stderr


@pytest.mark.slow
def test_a_type_checker_sees_the_types_of_the_installed_package(foreign):
    mypy = pytest.importorskip("mypy").__name__
    project, python = foreign
    (project / "typed.py").write_text(
        "from bnverify.theory import CLAIMS\nreveal_type(CLAIMS['theorem-4.1'].prove)\nx: int = CLAIMS['theorem-4.1']\n"
    )
    command = [sys.executable, "-m", mypy, "--python-executable", str(python), "typed.py"]
    told = subprocess.run(command, cwd=project, capture_output=True, text=True).stdout
    assert "Proof" in told and "Incompatible types in assignment" in told
