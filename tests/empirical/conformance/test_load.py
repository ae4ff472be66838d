"""What is typed: module:attribute, arguments, shapes, and the command with its exit statuses."""

import json

import pytest
from typer.testing import CliRunner

from bnverify.cli import app
from bnverify.empirical.conformance.load import arguments, load, shape_of
from bnverify.errors import InputError

SOURCE = """
import numpy as np

def norm(y, gamma, beta, eps=1e-5):
    mean = y.mean(-1, keepdims=True)
    return (y - mean) / np.sqrt(((y - mean) ** 2).mean(-1, keepdims=True) + eps) * gamma + beta

def back(g, y, gamma, beta, eps=1e-5):
    mean = y.mean(-1, keepdims=True)
    s = np.sqrt(((y - mean) ** 2).mean(-1, keepdims=True) + eps)
    yhat, scaled = (y - mean) / s, g * gamma
    v = (scaled - scaled.mean(-1, keepdims=True) - yhat * (scaled * yhat).mean(-1, keepdims=True)) / s
    return v, (g * yhat).sum(0), g.sum(0)

def transposed(g, y, gamma, beta, eps=1e-5):
    v, a, b = back(g, y, gamma, beta, eps)
    return v.T, a, b

def listed(g, y, gamma, beta, eps=1e-5):
    return list(back(g, y, gamma, beta, eps))

def nothing(g, y, gamma, beta, eps=1e-5):
    return None

def of_another_size(g, y, gamma, beta, eps=1e-5):
    v, a, b = back(g, y, gamma, beta, eps)
    return v, a[:-1], b

def wrong(g, y, gamma, beta, eps=1e-5):
    v, a, b = back(g, y, gamma, beta, eps)
    return v, 2 * a, b
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "own_layers.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, ["layer", *words])


def test_arguments():
    assert arguments("") == ((), {})
    assert arguments("8, (2, 3), eps=1e-3, affine=False, name='a'") == (
        (8, (2, 3)), {"eps": 1e-3, "affine": False, "name": "a"}
    )  # fmt: skip
    for bad in ("8,,", "print(1)", "__import__('os')", ")", "x", "8) or f(9"):
        with pytest.raises(InputError, match="--args"):
            arguments(bad)


def test_shapes():
    assert shape_of("32,8,6,6") == shape_of("32x8x6x6") == (32, 8, 6, 6)
    for bad in ("8", "", "a,b", "0,3", "-1,3", "3,1000000000", "4096,4096"):
        with pytest.raises(InputError, match="--shape"):
            shape_of(bad)


def test_loading(here):
    assert load("own_layers:norm").__name__ == "norm" and load("own_layers.py:norm").__name__ == "norm"
    for bad, said in (
        ("own_layers", "module:attribute"), ("own_layers:nrm", "norm"), ("no_such_module:a", "no_such_module"),
        ("nothing.py:a", "no file"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            load(bad)


def test_exit_statuses(here):
    good = run("own_layers:norm", "--backward", "own_layers:back", "--shape", "16,6")
    assert good.exit_code == 0 and "This is layer norm" in good.output
    bad = run("own_layers:norm", "--backward", "own_layers:wrong", "--shape", "16,6")
    assert bad.exit_code == 1 and "gradient of gamma" in bad.output.splitlines()[3]  # what fails comes first
    assert "violated: gradient of gamma" in " ".join(bad.output.split()[-60:])  # said last
    claimed = run("own_layers:norm", "--backward", "own_layers:back", "--shape", "16,6", "--normalizer", "rms")
    assert claimed.exit_code == 1
    with pytest.raises(InputError):  # the command line's entry point turns it into status 2
        CliRunner().invoke(app, ["layer", "own_layers:norm", "--shape", "x"], catch_exceptions=False)


def test_backward_passes_that_give_something_else(here):
    given = ("own_layers:norm", "--shape", "16,6", "--backward")
    assert run(*given, "own_layers:listed").exit_code == 0
    for name, said in (
        ("transposed", r"v of shape \(6, 16\) for y"), ("nothing", "gives None"), ("of_another_size", "gamma of shape"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):  # the command line's entry point turns it into status 2
            CliRunner().invoke(app, ["layer", *given, f"own_layers:{name}"], catch_exceptions=False)


def test_json(here):
    out = run("own_layers.py:norm", "--backward", "own_layers:back", "--shape", "16,6", "--json")
    found = json.loads(out.output)
    assert found["status"] == 0 and found["normalizer"] == "layer" and found["details"]["m"] == 6
    assert {f["key"]: f["verdict"] for f in found["findings"]}["backward.ones"] == "holds"


@pytest.mark.parametrize(
    ("target", "part"),
    [
        ("json:decoder:x", "module:attribute"), ("json.nothing:x", "check the spelling: json is there"),
        ("no_such_module:x", "install no_such_module"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_name_is_told(target, part):
    with pytest.raises(InputError, match=part):
        load(target)


def test_the_missing_module_is_the_one_that_is_missing(tmp_path, monkeypatch):
    (tmp_path / "mine_that_needs.py").write_text("import no_such_module.part\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="install no_such_module"):
        load("mine_that_needs:x")


@pytest.mark.parametrize("text", ["**{'eps': 1e-3}", "8, **{'eps': 1e-3}", "*[1, 2]"])
def test_arguments_that_would_be_left_out_are_refused(text):
    with pytest.raises(InputError, match="as in a call"):
        arguments(text)
