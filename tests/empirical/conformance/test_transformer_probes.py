"""kappa and the share of |q| |k| against their definitions."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install 'bnverify[torch]'")

from bnverify.empirical.adapters.transformer_probes import probe_transformer  # noqa: E402
from bnverify.errors import InputError  # noqa: E402


class Small(torch.nn.Module):
    """Norm, one attention without weights, norm."""

    def __init__(self, size=6):
        super().__init__()
        self.first, self.last = torch.nn.LayerNorm(size), torch.nn.LayerNorm(size)

    def forward(self, x):
        h = self.first(x)[:, None]
        return self.last(x + torch.nn.functional.scaled_dot_product_attention(h, 2 * h, h)[:, 0])


def test_both_numbers():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 6) + 10
    found = probe_transformer(Small(), x)
    vectors = x.double().numpy().reshape(-1, 6)
    deviation = np.linalg.norm(vectors - vectors.mean(1, keepdims=True), axis=1)
    np.testing.assert_allclose(found.kappa["first"], np.linalg.norm(vectors, axis=1) / deviation, rtol=1e-12)
    assert list(found.kappa) == ["first", "last"] and (found.kappa["first"] > 5).all()
    (share,) = found.share
    assert share.shape == (2, 1, 4, 4) and (share <= 1 + 1e-12).all() and share.min() < 0.9
    np.testing.assert_allclose(np.diagonal(share, axis1=2, axis2=3), 1, rtol=1e-12)  # a query along its own key
    assert "kappa" in str(found)


def test_what_was_replaced_is_put_back():
    before = torch.nn.functional.scaled_dot_product_attention
    with pytest.raises(InputError, match="without a normalization"):
        probe_transformer(torch.nn.Sequential(torch.nn.Linear(3, 3)), torch.randn(2, 3))
    assert torch.nn.functional.scaled_dot_product_attention is before


def test_a_tiny_gpt2():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=50, n_positions=8, n_embd=16, n_layer=2, n_head=2)
    config.bos_token_id = config.eos_token_id = None
    found = probe_transformer(transformers.GPT2Model(config), {"input_ids": torch.randint(0, 50, (2, 6))})
    assert len(found.kappa) == 5 and len(found.share) == 2 and found.share[0].shape == (2, 2, 6, 6)
    assert all((kappa >= 1).all() for kappa in found.kappa.values())
