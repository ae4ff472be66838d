"""How the suite is divided among processes."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
SEEN = set()


@pytest.mark.parametrize("number", range(6))
def test_a_module_stays_in_one_process(number):
    """Else every process makes what the tests of a module share, and two train the tiny run."""
    SEEN.add(number)
    assert set(range(number + 1)) == SEEN


def test_modules_that_share_what_is_expensive_are_a_group(request):
    conftest = next(p for p in request.config.pluginmanager.get_plugins() if getattr(p, "SHARED", None))
    assert conftest.group(HERE / "reports" / "output" / "test_browser.py") == "tiny_run"
    assert conftest.group(HERE / "empirical" / "test_records.py") == "tiny_run"
    assert conftest.group(HERE / "empirical" / "test_config.py") == "tests/empirical/test_config.py"
