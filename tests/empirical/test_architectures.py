"""An architecture is one file: it is found where it lies, and nobody asks which one a run has."""

import re
import sys
from pathlib import Path

import pytest

from bnverify.empirical import architectures
from bnverify.empirical.architectures import ARCHITECTURES, architecture
from bnverify.empirical.runs.config import PRESETS, RunConfig
from bnverify.errors import InputError
from bnverify.reports.document import naming

ROOT = Path(__file__).parents[2]
_FILE = """
from bnverify.empirical.architectures.architecture import Architecture, Images, Words

ARCHITECTURE = Architecture("one-layer", Words("one-layer network", "one layer"), Images(), None, {"one": {"steps": 7}})
"""


def test_a_file_in_the_package_is_an_architecture(monkeypatch, tmp_path):
    (tmp_path / "one_layer.py").write_text(_FILE)
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(tmp_path)])
    found = architectures._found()
    monkeypatch.delitem(sys.modules, f"{architectures.__name__}.one_layer")
    assert set(found) - set(ARCHITECTURES) == {"one-layer"}
    assert found["one-layer"].presets["one"]["steps"] == 7


def test_nobody_asks_which_architecture_it_is():
    """Comparisons with the name of one, and choices by it."""
    names = "|".join(ARCHITECTURES)
    asked = re.compile(rf"""(==|!=|in \(|in \{{)\s*["']({names})["']|architecture\s*(==|!=|in )""")
    sources = [file for room in ("empirical", "reports", "src") for file in (ROOT / room).rglob("*.py")]
    assert len(sources) > 100
    found = [f"{file}:{n}" for file in sources for n, line in enumerate(file.read_text().splitlines(), 1)
             if asked.search(line) and "of == config.architecture" not in line]  # fmt: skip
    assert found == []
    assert asked.search('if config.architecture == "vgg":') and asked.search('kind in ("vgg", "resnet")')


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_has_what_is_asked_of_it(name):
    one = architecture(name)
    assert one.words.name and one.words.layers and one.task.datasets and one.task.loss and one.task.unit
    config = next(config for config in PRESETS.values() if config.architecture == name)
    assert naming.network(config) and naming.loss_name(config) and naming.unit(config)
    assert (one.task.chance(10) is None) == (not one.task.classified)
    assert one.words.pair(1.0).startswith("both ")
    assert "JAX" not in one.words.layers


def test_what_an_architecture_has_not_is_refused():
    with pytest.raises(InputError, match="one of vgg"):
        architecture("lstm")
    with pytest.raises(InputError, match="data set 'gaussian'"):
        RunConfig("x", architecture="resnet", dataset="gaussian")
    with pytest.raises(InputError, match="width 0"):
        RunConfig("x", architecture="resnet", width=0)
