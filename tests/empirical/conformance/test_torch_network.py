"""PyTorch networks: quantities equal to plain autograd and to the JAX path on the same weights; faults are seen."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sizes import apart

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install 'bnverify[torch]'")


from bnverify.empirical.adapters.torch import TorchNetwork, measure_model  # noqa: E402
from bnverify.empirical.judgement.judged import judge, table  # noqa: E402
from bnverify.empirical.measurement.measurement import measure  # noqa: E402
from bnverify.errors import InputError  # noqa: E402

nn = torch.nn


def network(seed=0):
    torch.manual_seed(seed)
    layers = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Conv2d(4, 4, 2), nn.GroupNorm(2, 4), nn.Tanh(),
        nn.Flatten(), nn.Linear(36, 5), nn.LayerNorm(5), nn.Tanh(), nn.Linear(5, 3),
    )  # fmt: skip
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return layers, torch.randn(5, 2, 6, 6), torch.randint(0, 3, (5,))


@pytest.fixture(scope="module")
def measured():
    module, x, labels = network()
    return measure_model(module, nn.functional.cross_entropy, x, labels)


def test_every_norm_is_found_and_every_claim_holds(measured):
    assert list(measured) == ["1", "4", "8"] and measured.skipped == {}
    assert [each.normalization.name for each in measured.values()] == ["batch", "group-2", "layer"]
    judged = judge(measured)
    assert not any(verdict.violations for found in judged.values() for verdict in found)
    assert sum(bool(verdict.points) for verdict in judged["1"]) > 25
    assert {"theorem-4.1-exact", "theorem-4.2-exact"} <= {v.key for v in judged["1"] if v.points}
    assert "group-2" in table(measured, judged)


def test_quantities_are_those_of_plain_autograd(measured):
    module, x, labels = network()
    module = module.double()
    kept = {}
    for name in ("1", "4", "8"):
        module[int(name)].register_forward_hook(
            lambda _, args, out, name=name: (
                args[0].retain_grad(),
                out.retain_grad(),
                kept.update({name: (args[0], out)}),
            )[2]
        )
    nn.functional.cross_entropy(module(x.double()), labels).backward()
    for name, axes in (("1", (0, 2, 3)),):
        y, z = kept[name]
        np.testing.assert_allclose(measured[name].quantities["v_v"], (y.grad**2).sum(axes), rtol=1e-12)
        np.testing.assert_allclose(measured[name].quantities["g_g"], (z.grad**2).sum(axes), rtol=1e-12)
        np.testing.assert_allclose(measured[name].quantities["grad_gamma"], module[1].weight.grad, rtol=1e-11)
    y, _ = kept["8"]
    np.testing.assert_allclose(measured["8"].quantities["v_v"], (y.grad**2).sum(1), rtol=1e-11)


class Block(nn.Module):
    """A residual block as image models have it: two batch norms, activations that change their input."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.Conv2d(3, 3, 3, padding=1, bias=False) for _ in range(2))
        self.norm1, self.norm2 = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(3, 2)

    def forward(self, x):
        y = self.relu(self.norm1(self.first(x)))
        y = self.norm2(self.second(y))
        y += x
        return self.head(self.relu(y).mean((2, 3)))


def test_two_batch_norms_in_a_block_that_changes_values_in_place():
    torch.manual_seed(4)
    module, x, labels = Block(), torch.randn(4, 3, 5, 5), torch.tensor([0, 1, 1, 0])
    found = measure_model(module, nn.functional.cross_entropy, x, labels, sampled=0)
    assert list(found) == ["norm1", "norm2"] and found.skipped == {}
    assert not any(v.violations for verdicts in judge(found).values() for v in verdicts)
    module, kept = module.double(), {}
    for name in found:
        getattr(module, name).register_forward_hook(
            lambda _, args, out, name=name: (args[0].retain_grad(), kept.update({name: args[0]}))[1]
        )
    nn.functional.cross_entropy(module(x.double()), labels).backward()
    for name, y in kept.items():
        np.testing.assert_allclose(found[name].quantities["v_v"], (y.grad**2).sum((0, 2, 3)), rtol=1e-11)
        np.testing.assert_allclose(found[name].quantities["grad_gamma"], getattr(module, name).weight.grad, rtol=1e-11)


def test_the_same_network_in_jax_gives_the_same_numbers():
    torch.manual_seed(1)
    first, norm, last = nn.Linear(4, 6).double(), nn.BatchNorm1d(6).double(), nn.Linear(6, 2).double()
    with torch.no_grad():
        norm.weight.copy_(torch.rand(6) + 0.5)
        norm.bias.copy_(torch.randn(6))
    x, target = torch.randn(9, 4).double(), torch.randn(9, 2).double()

    def loss(output, target):
        return ((output - target) ** 2).mean()

    found = measure_model(nn.Sequential(first, norm, nn.Tanh(), last), loss, x, target, seed=5, sampled=6)["1"]
    weight, bias, wanted = (jnp.asarray(each.detach().numpy()) for each in (last.weight, last.bias, target))

    def suffix(z):
        return jnp.square(jnp.tanh(z) @ weight.T + bias - wanted).mean()

    y, gamma, beta = (jnp.asarray(each.detach().numpy()) for each in (first(x), norm.weight, norm.bias))
    with jax.enable_x64(True):
        other = measure(suffix, y, gamma, beta, norm.eps, seed=(5, 0), sampled=range(6))
    other = getattr(other, "quantities", other)
    differences = apart(found.quantities, other)
    assert {"v_v", "w_v", "layer_v_Hhat_v", "v_Hhat_v", "u_H_u", "grad_gamma", "g_g", "a"} <= set(differences)
    assert {name: each for name, each in differences.items() if not each <= 1e-12} == {}
    moved = {**found.quantities, "v_v": found.quantities["v_v"] * (1 + 1e-11)}
    assert apart(moved, other)["v_v"] > 1e-12


def test_the_module_is_left_as_it_was():
    module, x, labels = network()
    module.eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    kept = copy.deepcopy(module)
    measure_model(module, nn.functional.cross_entropy, x, labels, sampled=0)
    assert not module.training and module[1].weight.dtype == torch.float32
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    assert all(not each._forward_hooks and each.weight.grad is None for each in (module[1], kept[1]))


class _Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        mean, variance = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
        ctx.save_for_backward((x - mean) * torch.rsqrt(variance + 1e-5), torch.rsqrt(variance + 1e-5), weight)
        return ctx.saved_tensors[0] * weight if False else (x - mean) * torch.rsqrt(variance + 1e-5) * weight

    @staticmethod
    def backward(ctx, g):
        yhat, inverse, weight = ctx.saved_tensors
        scaled = g * weight
        v = inverse * (scaled - 2 * scaled.mean(-1, keepdim=True) - yhat * (scaled * yhat).mean(-1, keepdim=True))
        return v, (g * yhat).sum(0)


class WrittenByHand(nn.Module):
    """A layer norm whose backward pass subtracts the mean twice."""

    def __init__(self, size):
        super().__init__()
        self.scales = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return _Wrong.apply(x, self.scales)


def test_a_wrong_backward_pass_of_an_unknown_class_is_found():
    torch.manual_seed(2)
    module = nn.Sequential(nn.Linear(4, 6), WrittenByHand(6), nn.Tanh(), nn.Linear(6, 1))
    measured = measure_model(module, lambda out: out.pow(2).mean(), torch.randn(7, 4))
    assert measured.recognised == {"1": "WrittenByHand, by its values layer norm"}
    assert any(verdict.violations for verdict in judge(measured)["1"])


class Single(nn.Module):
    """An RMS norm as transformer libraries have it, computed in float32."""

    def __init__(self, size, dtype=torch.float32):
        super().__init__()
        self.dtype = dtype
        self.weight = nn.Parameter(torch.ones(size))
        self.variance_epsilon = 1e-6

    def forward(self, x):
        kept, x = x.dtype, x.to(self.dtype)
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)).to(kept)


def test_a_class_of_another_library_is_recognised_by_its_values():
    torch.manual_seed(3)
    module = nn.Sequential(nn.Linear(4, 6), Single(6), nn.Tanh(), nn.Linear(6, 1))
    measured = measure_model(module, lambda out: out.pow(2).mean(), torch.randn(3, 5, 4))
    assert measured["1"].normalization.name == "rms" and measured["1"].dtype == "float32"
    judged = judge(measured)["1"]
    assert not any(v.violations for v in judged) and any(v.points for v in judged)


def test_a_norm_in_a_type_that_no_claim_is_judged_in_is_listed():
    torch.manual_seed(3)
    module = nn.Sequential(nn.Linear(4, 6), Single(6, torch.float16), nn.Linear(6, 6), Single(6))
    measured = measure_model(module, lambda out: out.pow(3).mean(), torch.randn(8, 4), sampled=0)
    assert list(measured) == ["3"] and measured.skipped == {"1": "rms norm computed in float16"}


class _Once(torch.autograd.Function):
    """The square, whose backward pass cannot be differentiated."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return 2 * ctx.saved_tensors[0] * g


class Squared(nn.Module):
    """A network that ends in it."""

    def forward(self, x):
        return _Once.apply(x)


def test_the_second_derivative_of_a_linear_rest_is_zero():
    torch.manual_seed(6)
    module = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 1))
    found = measure_model(module, torch.mean, torch.randn(7, 4))["1"]
    assert found.missing == {} and not np.nan_to_num(np.asarray(found.quantities["u_H_u"])).any()
    assert not any(v.violations for v in judge({"1": found})["1"])


def test_a_network_that_can_be_differentiated_once_keeps_its_first_order_claims():
    torch.manual_seed(5)
    plain = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2))
    x, loss = torch.randn(7, 4), torch.mean
    once = measure_model(nn.Sequential(*plain, Squared()), loss, x)["1"]
    twice = measure_model(nn.Sequential(*plain, Squarer()), loss, x)["1"]
    assert "not differentiable" in once.missing["the rest of the network"] and twice.missing == {}
    np.testing.assert_allclose(once.quantities["v_v"], twice.quantities["v_v"], rtol=1e-12)
    judged = [{v.key for v in judge({"1": each})["1"] if v.points} for each in (once, twice)]
    assert "theorem-4.1-exact" in judged[0] and "theorem-4.2-exact" in judged[1] - judged[0]


class Squarer(nn.Module):
    """The same in PyTorch's own operations."""

    def forward(self, x):
        return x * x


class _Raising(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h):
        return h * 1

    @staticmethod
    def backward(ctx, g):
        raise ValueError("of one's own")


class _TwoHeads(nn.Module):
    """A norm before the loss, and one before a head that ``second`` makes something of."""

    def __init__(self, second):
        super().__init__()
        self.first, self.norm, self.other, self.last = (
            nn.Linear(6, 4),
            nn.LayerNorm(4),
            nn.LayerNorm(4),
            nn.Linear(4, 2),
        )
        self.second = second

    def forward(self, x):
        h = self.first(x)
        return self.last(self.norm(h)), self.second(self.other, h)


def _without_gradient(norm, h):
    with torch.no_grad():
        return norm(h)


@pytest.mark.parametrize(
    ("second", "loss", "seen"),
    [
        (lambda norm, h: norm(h), lambda z: (z[0] ** 2).sum(), True),  # a head that is not used
        (_without_gradient, lambda z: (z[0] ** 2).sum() + z[1].sum(), True),  # a teacher
        (lambda norm, h: norm(h).detach(), lambda z: (z[0] * z[1].sum()).sum(), True),
        (lambda norm, h: _Raising.apply(norm(h)), lambda z: (z[0] ** 2).sum() + z[1].sum(), False),
    ],
)
def test_a_norm_that_no_gradient_reaches_hides_no_other(second, loss, seen):
    found = measure_model(_TwoHeads(second), loss, torch.randn(5, 6), sampled=1)
    assert [*found] == ["norm", "other"][: 1 + seen]
    assert not any(verdict.violations for each in judge(found).values() for verdict in each)
    if seen:
        assert not np.any(found["other"].quantities["g_g"]) and np.any(found["norm"].quantities["g_g"])
    else:
        assert "ValueError: of one's own" in found.skipped["other"]


def test_a_loss_without_a_gradient_has_that_of_a_constant():
    found = measure_model(
        nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4)), lambda z: z.detach().sum(), torch.randn(5, 6)
    )
    assert not np.any(found["1"].quantities["g_g"])


def test_a_site_is_measured_in_few_evaluations(monkeypatch):
    """Of the network: one that finds the norms and what is beside them; then the loss, the gradient at the module's z
    and at that of its twin, and one for all Hessian-vector products. Eight of the last, by the directions of two
    sampled channels."""
    module, x, labels = network()
    calls, evaluate = [], TorchNetwork._evaluate
    monkeypatch.setattr(TorchNetwork, "_evaluate", lambda self, at: (calls.append(list(at)), evaluate(self, at))[1])
    measured = measure_model(module, nn.functional.cross_entropy, x, labels, sampled=2)
    assert calls == [[], *([name] for name in measured for _ in range(4))]


def test_what_is_not_measured_is_said():
    shared = nn.LayerNorm(4)
    module = nn.Sequential(nn.Linear(4, 4), shared, nn.Tanh(), shared, nn.BatchNorm1d(4), nn.Linear(4, 1))
    measured = measure_model(module, lambda out: out.pow(2).mean(), torch.randn(6, 4), sampled=0)
    assert list(measured) == ["4"] and "2 times" in measured.skipped["1"]
    with pytest.raises(InputError, match="without a normalization"):
        measure_model(nn.Sequential(nn.Linear(4, 1)), lambda out: out.mean(), torch.randn(6, 4))
    with pytest.raises(InputError, match="one number"):
        measure_model(module, lambda out: out, torch.randn(6, 4))


@pytest.mark.parametrize(
    "name", [pytest.param("gpt2", marks=pytest.mark.slow), "llama", "bert", pytest.param("vit", marks=pytest.mark.slow)]
)
def test_transformers_at_tiny_configurations(name):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    ids = {"input_ids": torch.randint(0, 50, (2, 6))}
    if name == "gpt2":
        config = transformers.GPT2Config(vocab_size=50, n_positions=8, n_embd=16, n_layer=2, n_head=2)
        config.bos_token_id = config.eos_token_id = None
        module, count = transformers.GPT2Model(config), 5
    elif name == "llama":
        module, count = (
            transformers.LlamaModel(transformers.LlamaConfig(vocab_size=50, num_key_value_heads=2, **small)),
            5,
        )
    elif name == "bert":
        module, count = transformers.BertModel(transformers.BertConfig(vocab_size=50, **small)), 5
    else:
        module, count = transformers.ViTModel(transformers.ViTConfig(image_size=8, patch_size=4, **small)), 5
        ids = {"pixel_values": torch.randn(2, 3, 8, 8)}
    measured = measure_model(module, lambda out: out.last_hidden_state.tanh().pow(3).mean(), ids)
    judged = judge(measured)
    assert len(measured) == count and len(measured.recognised) == (count if name == "llama" else 0)
    assert not any(v.violations for found in judged.values() for v in found)
    assert all(any(v.points for v in found) for found in judged.values())


def by_autograd(module, loss, inputs, targets, names):
    """|v|^2 of every vector, and the gradients of gamma and beta of a batch norm, by hooks and one backward pass of a
    copy in float64."""
    module, kept = copy.deepcopy(module).double().train(), {}

    def separate(name, args):
        kept[name] = args[0].clone()  # as a skip connection takes y, too
        kept[name].retain_grad()
        return (kept[name],)

    for name in names:
        module.get_submodule(name).register_forward_pre_hook(lambda _, args, name=name: separate(name, args))
    torch.manual_seed(0)  # of dropout and of stochastic depth
    loss(module(inputs.double()), targets).backward()
    found = {}
    for name, y in kept.items():
        norm = module.get_submodule(name)
        batch, images = isinstance(norm, nn.BatchNorm2d), type(norm).__name__ == "LayerNorm2d"
        axes = (0, 2, 3) if batch else (1,) if images else (-1,)
        found[name] = {"v_v": (y.grad**2).sum(axes).ravel()}
        if batch:
            found[name] |= {"grad_gamma": norm.weight.grad, "grad_beta": norm.bias.grad}
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "count"),
    [
        ("resnet18", 64, 20), ("vgg16_bn", 32, 13), ("mobilenet_v3_small", 64, 34), ("mobilenet_v3_large", 64, 46),
        ("densenet121", 64, 121), ("convnext_tiny", 64, 23), ("vit_b_16", 64, 25),
    ],
)  # fmt: skip
def test_torchvision(name, size, count):
    """Architectures as they are, with random weights and two small images: all norms found, no claim violated, numbers
    those of plain autograd. One Hessian-vector product a batch norm."""
    models = pytest.importorskip("torchvision.models", reason="torchvision is not installed")
    torch.manual_seed(0)
    module = getattr(models, name)(weights=None, **({"image_size": size} if name == "vit_b_16" else {}))
    if name == "vit_b_16":
        nn.init.normal_(module.heads.head.weight, std=0.1)  # which is 0, and with it every gradient
    given = nn.functional.cross_entropy, torch.randn(2, 3, size, size), torch.tensor([1, 2])
    measured = measure_model(module, *given, sampled=0)
    assert len(measured) == count and measured.skipped == measured.recognised == {}
    for site, own in by_autograd(module, *given, list(measured)).items():
        for quantity, expected in own.items():
            found = np.asarray(measured[site].quantities[quantity])
            error = np.abs(found - expected.numpy()).max() / np.abs(expected.numpy()).max()
            assert error < 1e-9, f"{quantity} at {site} is off by {error:.1e}"
    judged = judge(measured)
    assert all(
        sum(bool(v.points) for v in found) >= 8 for found in judged.values()
    )  # 9 of layer norm, 30 of batch norm
    violated = {site: [v.key for v in found if v.violations] for site, found in judged.items()}
    assert not any(violated.values()), violated


class BN(torch.nn.Module):
    def forward(self, y):
        return (y - y.mean(0)) / torch.sqrt(y.var(0) + 1e-5)


class Centred(torch.nn.Module):
    def forward(self, y):
        return y - y.mean(0)


@pytest.mark.parametrize("twice", [False, True])
def test_a_norm_that_is_not_measured_is_listed_whatever_its_name(twice):
    own, linear = BN(), torch.nn.Linear(5, 5)
    parts = [torch.nn.Linear(6, 5), own, Centred(), linear, *[own] * twice, torch.nn.LayerNorm(5)]
    measured = measure_model(torch.nn.Sequential(*parts), lambda z: (z**3).sum(), torch.randn(16, 6))
    assert list(measured.skipped) == ["1"]
    assert ("another divisor" in measured.skipped["1"]) or twice


@pytest.mark.parametrize(
    ("inputs", "got"),
    [(torch.full((8, 6), float("nan")), "NaN or infinite"), (torch.randn(1, 6), "raises ValueError: Expected more")],
)
def test_inputs_that_leave_nothing_to_measure_are_named(inputs, got):
    network = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.BatchNorm1d(5))
    with pytest.raises(InputError, match=got):
        measure_model(network, lambda z: (z**3).sum(), inputs)
