"""Every example script on a tiny case: it prints a table, and no claim is violated."""

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples"
CASES = {
    "flax_resnet": ("flax", {"channels": 2, "blocks": 1, "batch": 3, "size": 3}, ["norm", "blocks.0.norm1"]),
    "flax_transformer": (
        "flax",
        {"tokens": 5, "features": 4, "blocks": 1, "batch": 2, "length": 4},
        ["blocks.0.norm1", "blocks.0.norm2", "norm"],
    ),
    "own_normalizer": ("flax", {"features": 4, "batch": 5}, ["norm1", "norm2"]),
    "equinox_network": ("equinox", {"features": 4, "batch": 6}, ["norm"]),
    "torch_network": ("torch", {"channels": 2, "batch": 3, "size": 7}, ["1", "4"]),
    "watched_loop": ("torch", {"features": 3, "batch": 6, "steps": 3, "every": 2, "directory": "watched"}, ["1"]),
}
LAYERS = {"conforming_layer"}  # their scripts print reports on layers


def test_every_script_is_run():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(CASES) | LAYERS


@pytest.mark.parametrize("name", CASES)
def test_example(name, capsys, tmp_path, monkeypatch):
    package, small, sites = CASES[name]
    pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    judged = module.main(**small)
    assert [site for site in sites if site not in judged] == []
    found = [verdict for verdicts in judged.values() for verdict in verdicts]
    assert not any(verdict.violations for verdict in found) and any(verdict.points for verdict in found)
    printed = capsys.readouterr().out
    assert "worst residual" in printed and all(site in printed for site in judged)


def test_a_layer_of_ones_own(capsys):
    spec = importlib.util.spec_from_file_location("conforming_layer", FOLDER / "conforming_layer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    reports = module.main(batch=8, features=4)
    assert reports["right"].status == 0 and reports["wrong"].status == 1
    printed = capsys.readouterr().out
    assert "This is layer norm" in printed and "s v is 1 G -2 mean G -1 n a" in printed
