"""How the suite is divided among processes."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("number", range(6))
def test_a_module_stays_in_one_process(number, tmp_path_factory):
    """Else every process makes what the tests of a module share, and two train the tiny run."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        pytest.skip("there is one process")
    seen = tmp_path_factory.getbasetemp().parent / "processes of test_groups"  # the parent is common to all
    with seen.open("a") as file:
        file.write(f"{worker}\n")
    assert set(seen.read_text().split()) == {worker}


def test_modules_that_share_what_is_expensive_are_a_group(request):
    conftest = next(p for p in request.config.pluginmanager.get_plugins() if getattr(p, "SHARED", None))
    assert conftest.group(HERE / "reports" / "output" / "test_browser.py") == "tiny_run"
    assert conftest.group(HERE / "empirical" / "test_records.py") == "tiny_run"
    assert conftest.group(HERE / "empirical" / "test_config.py") == "tests/empirical/test_config.py"
