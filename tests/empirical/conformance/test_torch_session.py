"""What measuring leaves as it was in a PyTorch session: random numbers, hooks, the mode; what cannot be measured."""

import random
import threading
from collections import Counter

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install 'bnverify[torch]'")

from bnverify.empirical.adapters.torch import measure_model  # noqa: E402
from bnverify.empirical.adapters.transformer_probes import probe_transformer  # noqa: E402
from bnverify.errors import Diverged, InputError  # noqa: E402

nn = torch.nn
X, TARGET = torch.linspace(-2, 3, 80).sin().reshape(16, 5), torch.linspace(0, 1, 48).reshape(16, 3)


def layers(*last):
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3), *last)


def measured(module, loss=nn.functional.mse_loss, x=X, target=TARGET):
    return measure_model(module, loss, x, target, sampled=0)


class Random(nn.Module):
    """Draws from every generator there is, and seeds what PyTorch seeds."""

    def forward(self, x):
        torch.manual_seed(5)
        return x * (1 + torch.rand(()) + np.random.rand() + random.random())


@pytest.fixture
def cuda(monkeypatch):
    """A CUDA device as far as random numbers go: its seed."""
    state = {"seed": torch.tensor([7])}
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: state["seed"])
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda seed, device: state.update(seed=seed))
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: state.update(seed=torch.tensor([seed])))
    return state


def test_random_numbers_go_on_as_if_nothing_was_measured(cuda):
    module = layers(Random())
    torch.manual_seed(7)
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    assert list(measured(module)) == ["1"]  # the same numbers in every evaluation: else the cut is refused
    assert torch.equal(states[0], torch.get_rng_state()) and states[2] == random.getstate()
    assert (states[1][1] == np.random.get_state()[1]).all() and states[1][2] == np.random.get_state()[2]
    assert cuda["seed"].item() == 7


def test_no_generator_of_another_device_is_seeded(monkeypatch):
    """Not even before there is one: PyTorch would remember the seed."""
    seeds = []
    for name in ("manual_seed", "manual_seed_all"):
        monkeypatch.setattr(torch.cuda, name, seeds.append)
    module = layers(nn.Dropout(0.1))
    seeds.clear()
    measured(module)
    assert seeds == []
    torch.manual_seed(0)
    assert seeds == [0]


class Recorder:
    def __init__(self):
        self.seen = []

    def __call__(self, module, args, output):
        self.seen.append(output)


_COUNTS, _CALLS = Counter(), 0


def _counting(module, args, output):
    global _CALLS
    _CALLS += 1
    _COUNTS[type(module).__name__] += 1


def test_hooks_that_look_are_not_called_for_a_measurement():
    module, seen, nested, recorder, printed = layers(), [], {"seen": []}, Recorder(), threading.Lock()
    module[0].register_forward_hook(lambda module, args, output: seen.append(output))
    module[0].register_forward_hook(recorder)
    module[1].register_forward_hook(lambda module, args, output: nested["seen"].append(output))
    module[2].register_forward_pre_hook(lambda module, args: seen.append(args))
    module[3].register_forward_hook(_counting)
    module[3].register_full_backward_hook(lambda module, inner, outer: seen.append(outer))
    outside = []
    printed = type("Logger", (), {"log": lambda self, value: outside.append(value)})()
    module[3].register_forward_hook(lambda module, args, output: printed.log(output))
    plain = measured(layers())["1"].quantities["v_v"]
    np.testing.assert_array_equal(measured(module)["1"].quantities["v_v"], plain)
    assert seen == recorder.seen == nested["seen"] == [] and not _COUNTS and _CALLS == 0
    assert len(outside) == 1  # where it writes to nobody can know: once, and not in every evaluation
    nn.functional.mse_loss(module(X), TARGET).backward()
    assert len(seen) == 3 and len(recorder.seen) == 1 and _COUNTS == {"Linear": 1} and _CALLS == 1


def _scaling(module, args):
    module.scale = 3.0


class Scaled(nn.Linear):
    scale = 1.0

    def forward(self, x):
        return self.scale * super().forward(x)


@pytest.mark.parametrize("way", ["returns", "pre", "in place", "attribute"])
def test_hooks_that_change_something_are_part_of_the_network(way):
    module, written = layers(), layers()
    module[3] = Scaled(6, 3)
    module[3].load_state_dict(written[3].state_dict())
    module[3].register_forward_hook(lambda module, args, output: None)
    if way == "returns":
        module[3].register_forward_hook(lambda module, args, output: 3 * output)
    elif way == "pre":
        module[3].register_forward_pre_hook(lambda module, args: (args[0] * 3,))
        written[3].bias.data /= 3
    elif way == "in place":
        module[3].register_forward_hook(lambda module, args, output: output.mul_(3).sum() and None)
    else:
        module[3].register_forward_pre_hook(_scaling)
    other = measured(written, lambda output, target: nn.functional.mse_loss(3 * output, target))["1"]
    np.testing.assert_allclose(measured(module)["1"].quantities["g_g"], other.quantities["g_g"], rtol=1e-6)
    assert not np.allclose(measured(layers())["1"].quantities["g_g"], other.quantities["g_g"], rtol=1e-2)


def test_a_hook_that_knows_the_network_knows_its_copy():
    module = layers()
    module[3].register_forward_hook(lambda _, args, output: output + module[3].bias)
    written = layers()
    written[3].bias.data *= 2
    found, other = (measured(each)["1"].quantities["g_g"] for each in (module, written))
    np.testing.assert_allclose(found, other, rtol=1e-12)


class Keeping(nn.Module):
    """An RMS norm that keeps what it computes."""

    def __init__(self):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(3)), 1e-6

    def forward(self, x):
        self.last = {"yhat": x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)}
        return self.weight * self.last["yhat"]


def test_a_module_that_keeps_activations_is_measured():
    module = layers(Keeping())
    module(X)
    kept = module[4].last["yhat"]
    assert list(measured(module)) == ["1", "4"] and module[4].last["yhat"] is kept
    assert kept.grad_fn is not None and "0" in probe_transformer(nn.Sequential(nn.LayerNorm(5), module), X).kappa


def test_what_cannot_be_copied_is_named():
    module = layers()
    module.lock = threading.Lock()
    with pytest.raises(InputError, match=r"Sequential, to be copied, which raises TypeError.*lock"):
        measured(module)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_mode_of_the_caller_does_not_matter(mode):
    labels = torch.arange(16) % 3
    expected = measured(layers(), nn.CrossEntropyLoss(), X, labels)["1"].quantities["v_v"]
    with mode():
        made, x = layers().double(), X + 0.0
        found = measured(made, nn.CrossEntropyLoss(torch.ones(3)), x, labels + 0)["1"].quantities["v_v"]
        assert not torch.is_grad_enabled()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


class Branches(nn.Module):
    """Of which one diverged, and is not in the loss."""

    def __init__(self):
        super().__init__()
        self.first, self.second = layers(), layers()

    def forward(self, x):
        self.second(x / 0)
        return self.first(x)


def test_a_network_that_diverged_is_said_to_have():
    module = layers(nn.BatchNorm1d(3))
    module[3].weight.data.fill_(float("nan"))
    with pytest.raises(Diverged, match="a loss of nan; activations that are NaN or infinite, first at 4"):
        measured(module)
    with pytest.raises(Diverged, match="a loss of inf\n"):
        measured(layers(), lambda output, target: output.mean() + float("inf"))
    with pytest.raises(Diverged, match="1: activations that are NaN or infinite"):
        measured(layers(), lambda output, target: output.nan_to_num().sum(), X / 0)
    with pytest.raises(Diverged, match="1: a gradient that is NaN or infinite"):
        measured(module, lambda output, target: output.nan_to_num().sum())
    kept = measured(Branches())
    assert list(kept) == ["first.1"] and "NaN or infinite" in kept.skipped["second.1"]
    with pytest.raises(InputError) as error:
        measured(nn.Sequential(nn.Linear(5, 3)))
    assert not isinstance(error.value, Diverged)
