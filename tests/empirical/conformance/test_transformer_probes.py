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


def _tiny(transformers, name):
    """A random model of one architecture: two layers of width 16, two heads."""
    size = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
            "intermediate_size": 32}  # fmt: skip
    tokens = {"input_ids": torch.randint(0, 50, (2, 6))}
    grouped = {
        "num_key_value_heads": 1,
        "head_dim": 8,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    match name:
        case "Llama":
            return transformers.LlamaModel(transformers.LlamaConfig(**size, **grouped)), tokens
        case "Qwen3":
            return transformers.Qwen3Model(transformers.Qwen3Config(**size, **grouped)), tokens
        case "Bert":
            return transformers.BertModel(transformers.BertConfig(**size, pad_token_id=0)), tokens
    size.pop("vocab_size")
    config = transformers.ViTConfig(**size, image_size=8, patch_size=4)
    return transformers.ViTModel(config, add_pooling_layer=False), {"pixel_values": torch.randn(2, 3, 8, 8)}


@pytest.mark.parametrize(
    ("name", "norms", "positions"), [("Llama", 5, 6), ("Qwen3", 9, 6), ("Bert", 5, 6), ("ViT", 5, 5)]
)
def test_tiny_models_of_other_architectures(name, norms, positions):
    """Pre-norm, normalized queries, post-norm, images; grouped queries in two of them."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    found = probe_transformer(*_tiny(transformers, name))
    assert len(found.kappa) == norms and [s.shape for s in found.share] == [(2, 2, positions, positions)] * 2
    assert all((kappa >= 1 - 1e-12).all() for kappa in found.kappa.values())
    assert all((share <= 1 + 1e-12).all() for share in found.share)
    assert len(found.gains) == (2 if name == "Qwen3" else 0)


def test_the_share_of_what_gains_allow():
    """Below 1 for every size of the weights; smaller where one entry alone has a larger gain; above 1 for queries that
    are not normalized."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model, tokens = _tiny(transformers, "Qwen3")
    with torch.no_grad():
        model.layers[0].self_attn.q_proj.weight.mul_(1000)  # which normalization undoes
    plain = probe_transformer(model, tokens)
    assert all(0.2 < share.max() <= 1 for share in plain.gains) and "what the gains allow" in str(plain)
    np.testing.assert_allclose(plain.gains[0], plain.share[0], rtol=1e-3)  # |q| = |k| = sqrt(d), but for epsilon
    with torch.no_grad():
        for norm in (model.layers[0].self_attn.q_norm, model.layers[0].self_attn.k_norm):
            norm.weight[0] = 2.0
    one = probe_transformer(model, tokens)
    assert one.gains[0].max() < 0.8 * one.share[0].max()
    model.layers[0].self_attn.q_norm.forward = lambda x: x
    assert probe_transformer(model, tokens).gains[0].max() > 1
