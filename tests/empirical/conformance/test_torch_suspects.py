"""Norms inside of PyTorch modules, beside those that are measured, are listed; other functions are not."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.nn import functional  # noqa: E402

from bnverify.empirical.adapters.torch import TorchNetwork, measure_model  # noqa: E402


class _Inside(torch.nn.Module):
    """A function of activations inside a module with parts, which is no candidate for a norm."""

    def __init__(self, function):
        super().__init__()
        self.first, self.function = torch.nn.Linear(5, 5), function

    def forward(self, y):
        return self.function(self.first(y))


def _mean(h):
    return h.mean(-1, keepdim=True)


_NORMS = {
    "layer_norm": lambda h: functional.layer_norm(h, (5,)),
    "batch_norm": lambda h: functional.batch_norm(h, None, None, training=True),
    "group_norm": lambda h: functional.group_norm(h, 1),
    "rms_norm": lambda h: functional.rms_norm(h, (5,)),
    "normalize": functional.normalize,
    "rsqrt": lambda h: h * torch.rsqrt(h.square().mean(-1, keepdim=True) + 1e-6),
    "var": lambda h: (h - _mean(h)) / torch.sqrt(h.var(-1, keepdim=True) + 1e-5),
    "std": lambda h: (h - _mean(h)) / (h.std(-1, keepdim=True) + 1e-5),
    "power": lambda h: h * (_mean(h**2) + 1e-6) ** -0.5,
    "a sum written out": lambda h: h / sum(h[:, i] ** 2 for i in range(5)).sqrt()[:, None],
    "pairs": lambda h: torch.cat([h[:, :2] / (h[:, :2] ** 2 + h[:, 2:4] ** 2).sqrt(), h[:, 2:]], dim=-1),
    "l3": lambda h: h / _mean(h.abs() ** 3) ** (1 / 3),
    "l1": lambda h: h / (_mean(h.abs()) + 1e-6),
    "linf": lambda h: h / h.abs().amax(-1, keepdim=True),
    "norm": lambda h: h / h.norm(dim=-1, keepdim=True),
    "inverse": lambda h: h * (1 / h.std()),
    "einsum": lambda h: h / torch.sqrt(torch.einsum("bi,bi->b", h, h))[:, None],
    "inverse power": lambda h: h * (h**2).mean(-1, keepdim=True).sqrt().pow(-1),
    "norm to the power -1": lambda h: h * h.norm(dim=-1, keepdim=True) ** -1,
    "repeated": lambda h: h / h.norm(dim=-1, keepdim=True).repeat(1, 5),
    "joined": lambda h: h / torch.cat([h[:4].norm(dim=-1), h[4:].norm(dim=-1)])[:, None],
    "gathered": lambda h: h / h.norm(dim=-1)[torch.arange(8)][:, None],
    "addcdiv": lambda h: torch.addcdiv(torch.zeros_like(h), h, h.norm(dim=-1, keepdim=True)),
    "product with ones": lambda h: h / torch.sqrt(h**2 @ torch.ones(5, 1, dtype=h.dtype)),
    "convolution": lambda h: h / torch.sqrt(functional.conv1d((h * h)[:, None], h.new_ones(1, 1, 5))[:, 0]),
    "mse_loss": lambda h: h / functional.mse_loss(h, torch.zeros_like(h)).sqrt(),
    "nansum": lambda h: h / torch.sqrt(torch.nansum(h**2, -1, keepdim=True)),
    "cumulative": lambda h: h / torch.sqrt((h**2).cumsum(-1)),
    "twice the same": lambda h: h / torch.sqrt(_mean((h - _mean(h)) * (h - _mean(h)))),
    "of squares less the square": lambda h: (h - _mean(h)) / torch.sqrt(_mean(h * h) - _mean(h) ** 2),
    "scattered": lambda h: h / torch.sqrt(h.new_zeros(8, 1).index_add(0, torch.arange(8), (h**2).sum(-1, True))),
    "response": lambda h: h / (1 + functional.avg_pool1d(h**2, 3, 1, 1)) ** 0.75,
}
_NO_NORMS = {
    "softmax": lambda h: h.softmax(-1), "gelu": functional.gelu, "squared relu": lambda h: functional.relu(h) ** 2,
    "deviation": lambda h: h * h.std(), "attention": lambda h: functional.scaled_dot_product_attention(*[h[None]] * 3),
    "degrees": lambda h: h * (torch.ones(8, 8, dtype=h.dtype) + h[:, :1] * 0).sum(1, keepdim=True).rsqrt(),
    "isru": lambda h: h / torch.sqrt(1 + h * h),
    "isru of a product": lambda h: (h @ h.T) / torch.sqrt(1 + (h @ h.T) ** 2) @ h,
    "weights": lambda h: h @ (_WEIGHTS / _WEIGHTS.norm(dim=0)),
    "a ratio of norms": lambda h: h * (h[:3].norm() / h.norm()),
    "an error": lambda h: h + ((h - 1).norm(dim=1) / h.norm(dim=1))[:, None],
}  # fmt: skip
_WEIGHTS = torch.nn.Parameter(torch.ones(5, 5, dtype=torch.float64))


@pytest.mark.parametrize("way", [*_NORMS, *_NO_NORMS])
def test_a_norm_inside_of_a_module_is_listed(way):
    """Wherever it is: after what is measured, or before it."""
    own = {**_NORMS, **_NO_NORMS}[way]
    for parts in ((torch.nn.LayerNorm(5), _Inside(own)), (_Inside(own), torch.nn.LayerNorm(5))):
        given = torch.nn.Sequential(torch.nn.Linear(6, 5), *parts)
        network = TorchNetwork(given, lambda z: (z**2).mean().sqrt(), torch.randn(8, 6))
        found = network.suspects()
        assert len(network.sites) == 1 and network.skipped == {} and bool(found) == (way in _NORMS)
        assert all("test_torch_suspects.py" in place for place in found)


class _Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h):
        return _NORMS["rsqrt"](h)

    @staticmethod
    def backward(ctx, g):
        return g


def _constant(h):
    with torch.no_grad():
        return _NORMS["l1"](h)


def _statistics(h):
    return functional.batch_norm(h, h.new_zeros(5), h.new_ones(5))


@pytest.mark.parametrize("kind", [torch.nn.Identity, torch.nn.BatchNorm1d])
def test_a_norm_that_no_gradient_passes_is_listed(kind):
    """Of the inputs, or where the network is differentiated otherwise, or not."""

    def places(first):
        module = torch.nn.Sequential(first, torch.nn.Linear(5, 5), kind(5))
        return TorchNetwork(module, torch.sum, torch.randn(8, 5, 5)).suspects()

    ways = [_NORMS["var"], _Own.apply, _constant, lambda h: _NORMS["norm"](h.detach())]
    assert all(places(_On(way)) for way in ways) and places(torch.nn.LocalResponseNorm(2)) == {"0": _REASON}
    parametrized = torch.nn.utils.parametrizations
    weights = parametrized.weight_norm(torch.nn.Linear(5, 5)), parametrized.spectral_norm(torch.nn.Linear(5, 5))
    assert not any(map(places, (*weights, _On(torch.detach), _On(_statistics))))


_REASON = "divides by a norm of values; make it a module of its own"


class _On(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.inside = torch.nn.Identity()
        self.function = function

    def forward(self, x):
        return self.function(self.inside(x))


class _Branches(torch.nn.Module):
    def forward(self, h):
        return torch.cond(h.sum() > 0, lambda h: (h / h.norm(),), lambda h: (h + 1,), (h,))[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # PyTorch's own
def test_what_a_branch_computes_is_said_not_to_be_looked_at():
    given = torch.nn.Sequential(torch.nn.Linear(6, 5), _Branches(), torch.nn.LayerNorm(5))
    found = measure_model(given, lambda z: (z**2).sum(), torch.randn(8, 6), sampled=0)
    assert [*found] == ["2"] and [*found.skipped.values()] == ["its branches are not looked at"]
