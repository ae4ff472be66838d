"""What the default tests cost: CPU seconds, tests and assertions that were evaluated, file by file.

    python benchmarks/suite.py --numprocesses 2
    python benchmarks/suite.py tests/empirical/test_mesh.py

Arguments are pytest's. CPU seconds are those of the process that ran a test and of the processes it started, so another
program on the machine hardly changes them; time on the clock it does. What fixtures shared by several files cost is
counted where they are made. Collecting and importing are not counted. Assertions are counted as they are evaluated,
one in a loop as often as the loop turns; what pytest.raises and NumPy's own assertions check is not among them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
Row = tuple[int, int, float]
_counted = {"assertions": 0}
_last = {"assertions": 0, "cpu": 0.0}
_rows: dict[str, Row] = {}


def cpu() -> float:
    """CPU seconds of this process and of those it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def pytest_assertion_pass():
    _counted["assertions"] += 1


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart():
    if "PYTEST_XDIST_WORKER" in os.environ or not _distributed:
        _last.update(assertions=_counted["assertions"], cpu=cpu())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Every phase of a test says what it took; a worker's reports carry it to the controller."""
    report = yield
    spent = cpu()
    report.user_properties = [("cost", (_counted["assertions"] - _last["assertions"], spent - _last["cpu"]))]
    _last.update(assertions=_counted["assertions"], cpu=spent)
    return report


def pytest_runtest_logreport(report):
    cost = dict(report.user_properties).get("cost")
    if cost is not None and "PYTEST_XDIST_WORKER" not in os.environ:
        file = report.nodeid.split("::")[0]
        tests, assertions, seconds = _rows.get(file, (0, 0, 0.0))
        _rows[file] = (tests + (report.when == "setup"), assertions + cost[0], seconds + cost[1])


_distributed = False


def pytest_configure(config):
    global _distributed
    _distributed = bool(getattr(config.option, "tx", None))


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(table(_rows))


def table(rows: Mapping[str, Row]) -> str:
    """The files in the order of their cost, and all together."""
    lines = [f"{'tests':>7}{'assertions':>12}{'CPU s':>9}  file"]
    whole = tuple(map(sum, zip(*rows.values(), strict=True))) if rows else (0, 0, 0.0)
    for file, row in (("all", whole), *sorted(rows.items(), key=lambda item: -item[1][2])):
        lines.append(f"{row[0]:>7,}{row[1]:>12,}{row[2]:>9.1f}  {file}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    print(f"Python {sys.version.split()[0]}, jax {version('jax')}, {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory() as fresh:  # compiled tests know whether their assertions are counted
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": fresh}
        paths = [str(ROOT / "src"), str(ROOT / "benchmarks"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        options = ["-p", "suite", "-o", "enable_assertion_pass_hook=true", "-q", "--dist", "loadscope"]
        command = [sys.executable, "-m", "pytest", *options, *arguments]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
        return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
