"""Norms inside of PyTorch modules, beside those that are measured, are listed; other functions are not."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.nn import functional  # noqa: E402

from bnverify.empirical.adapters.torch import TorchNetwork  # noqa: E402


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
    "l1": lambda h: h / (_mean(h.abs()) + 1e-6),
    "linf": lambda h: h / h.abs().amax(-1, keepdim=True),
    "norm": lambda h: h / h.norm(dim=-1, keepdim=True),
    "inverse": lambda h: h * (1 / h.std()),
    "einsum": lambda h: h / torch.sqrt(torch.einsum("bi,bi->b", h, h))[:, None],
}
_NO_NORMS = {
    "softmax": lambda h: h.softmax(-1), "gelu": functional.gelu, "squared relu": lambda h: functional.relu(h) ** 2,
    "deviation": lambda h: h * h.std(), "attention": lambda h: functional.scaled_dot_product_attention(*[h[None]] * 3),
}  # fmt: skip


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
