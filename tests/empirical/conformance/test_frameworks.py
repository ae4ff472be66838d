"""Of which framework a function is, where its file imports several: as its code says, or as it can be called."""

import pytest

from bnverify.empirical.conformance import conforms
from bnverify.empirical.conformance.imported import frameworks
from bnverify.empirical.conformance.load import load
from bnverify.errors import InputError

pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install 'bnverify[torch]'")

_IMPORTS = "import numpy as np\nimport torch\nimport jax\nimport jax.numpy as jnp\n"
_FORMULAS = {
    "methods": "gamma * (y - y.mean(0)) / (y.var(0) + eps) ** 0.5 + beta",
    "numpy": "gamma * (y - y.mean(0)) / np.sqrt(y.var(0) + eps) + beta",
    "torch": "gamma * (y - y.mean(0)) * torch.rsqrt(y.var(0, unbiased=False) + eps) + beta",
    "jax": "gamma * (y - y.mean(0)) * jax.lax.rsqrt(y.var(0) + eps) + beta",
    "tensors": "gamma * (y - y.mean(0)) * (y.var(0, unbiased=False) + eps).rsqrt() + beta * np.prod((1, 1))",
}


@pytest.fixture
def function(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def made(formula, imports=_IMPORTS, name=[0]):  # noqa: B006 (a name of its own for every file)
        name[0] += 1
        text = f"{imports}def part(y, gamma, beta, eps):\n    return {_FORMULAS[formula]}\n"
        text += "def layer(y, gamma, beta, eps=1e-5):\n    return part(y, gamma, beta, eps)\n"
        (tmp_path / f"functions_{name[0]}.py").write_text(text)
        return load(f"functions_{name[0]}.py:layer")

    return made


@pytest.mark.parametrize(
    ("formula", "framework"), [("numpy", "numpy"), ("torch", "torch"), ("jax", "jax"), ("tensors", "torch")]
)
def test_a_function_is_called_with_what_it_was_written_for(function, formula, framework):
    report = conforms(function(formula), shape=(6, 8))
    assert (report.framework, report.failed) == (framework, ())
    assert report["forward.variance"].meaning == "divided by m, as published"


def test_a_function_that_is_another_one_of_another_framework_is_refused(function):
    layer = function("methods")
    assert set(frameworks(layer)) == {"torch", "jax", "numpy"}
    with pytest.raises(InputError, match="values differ between torch, jax and numpy") as refused:
        conforms(layer, shape=(6, 8))
    assert "--framework torch or jax or numpy" in refused.value.advice
    assert conforms(layer, shape=(6, 8), framework="numpy").failed == ()
    told = conforms(layer, shape=(6, 8), framework="torch")["forward.variance"]
    assert told.verdict == "violated" and "unbiased" in told.meaning
    same = conforms(function("methods", "import numpy as np\nimport jax\n"), shape=(6, 8))
    assert (same.framework, same.failed) == ("jax", ())  # the same in both, and this one has gradients


def test_a_function_of_no_framework_is_refused_with_the_reason_of_each(function):
    layer = function("torch", _IMPORTS.replace("import torch", "import torch as other"))
    with pytest.raises(InputError, match=r"in torch: NameError.*in numpy: NameError") as refused:
        conforms(layer, shape=(6, 8))
    assert "--framework" in refused.value.advice
