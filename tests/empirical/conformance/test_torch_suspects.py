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
    parts = torch.nn.Linear(6, 5), torch.nn.LayerNorm(5), _Inside({**_NORMS, **_NO_NORMS}[way])
    network = TorchNetwork(torch.nn.Sequential(*parts), lambda z: (z**2).mean().sqrt(), torch.randn(8, 6))
    found = network.suspects()
    assert list(network.sites) == ["1"] and network.skipped == {} and bool(found) == (way in _NORMS)
    assert way == "normalize" or all("test_torch_suspects.py" in place for place in found)
