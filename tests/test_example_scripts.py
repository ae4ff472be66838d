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
}


def test_every_script_is_run():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_example(name, capsys):
    package, small, sites = CASES[name]
    pytest.importorskip(package)
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    judged = module.main(**small)
    assert [site for site in sites if site not in judged] == []
    found = [verdict for verdicts in judged.values() for verdict in verdicts]
    assert not any(verdict.violations for verdict in found) and any(verdict.points for verdict in found)
    printed = capsys.readouterr().out
    assert "worst residual" in printed and all(site in printed for site in judged)
