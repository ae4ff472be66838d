"""docs/three-ways-in.md, followed in an empty folder by somebody who has PyTorch."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install 'bnverify[torch]'")

from bnverify.empirical.conformance import conforms
from bnverify.empirical.conformance.load import load

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "three-ways-in.md").read_text()
BLOCKS = re.findall(r"```py\n(.*?)```", PAGE, flags=re.S)
FILES = {found[1]: block for block in BLOCKS if (found := re.match(r"# (\S+)\n", block))}
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.S) for line in block.strip().splitlines()]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with the files of the page."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_snippets_are_files_and_all_files_are_used():
    assert len(BLOCKS) == len(FILES) == 5
    assert [line.split()[:2] for line in COMMANDS] == [["bnverify", "layer"]] * 3 + [
        ["python", "my_training.py"], ["bnverify", "verify"], ["bnverify", "report"]
    ]  # fmt: skip


def test_the_layers_of_the_page_conform(folder):
    module = conforms(load("my_layers.py:MyNorm"), 64, shape=(8, 10, 64), keywords={"eps": 1e-3}, normalizer="layer")
    kernel = conforms(load("my_kernel.py:forward"), shape=(32, 8), backward=load("my_kernel.py:backward"))
    assert module.status == kernel.status == 0, f"{module}\n{kernel}"
    assert kernel.normalizer == "rms"


def test_the_network_of_the_page_is_measured(folder, capsys):
    spec = importlib.util.spec_from_file_location("my_network", folder / "my_network.py")
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    assert list(module.measured) == ["1"] and "worst residual" in capsys.readouterr().out


@pytest.mark.slow
def test_every_command_of_the_page_succeeds(folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    for line in [*COMMANDS, "python -m pytest -q -p no:cacheprovider test_my_layers.py"]:
        words = line.replace("bnverify", f"{sys.executable} -m bnverify", 1) if line.startswith("bnverify") else line
        command = re.sub("^python ", f"{sys.executable} ", words)
        done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert (folder / "runs" / "mine" / "watch.jsonl").read_text().count("\n") == 3
