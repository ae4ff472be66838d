"""Writes docs/layer-gallery.md: the conformance suite over the layers of seven libraries and over reported faults.

    python docs/layer_gallery.py [--check]

Needs torch, flax, equinox, dm-haiku and keras. With --check nothing is written, and the status is 1 where the page differs.
"""

# ruff: noqa: E501, lines of Markdown

from __future__ import annotations

import importlib.metadata
import sys
import warnings
from pathlib import Path
from typing import Any

from bnverify.empirical.conformance import Report, conforms
from bnverify.empirical.conformance.load import arguments, load
from bnverify.empirical.conformance.reported import REPORTED

PAGE = Path(__file__).parent / "layer-gallery.md"
LIBRARIES = ("torch", "flax", "equinox", "dm-haiku", "keras", "jax", "numpy")
# (target, arguments, shape)
LAYERS = (
    ("torch.nn:BatchNorm1d", "8", "32,8"), ("torch.nn:BatchNorm2d", "8", "32,8,6,6"),
    ("torch.nn:BatchNorm3d", "4", "6,4,3,3,3"), ("torch.nn:SyncBatchNorm", "8", "32,8"),
    ("torch.nn:LayerNorm", "8", "32,8"), ("torch.nn:LayerNorm", "(4, 5, 6)", "6,4,5,6"),
    ("torch.nn:RMSNorm", "8", "32,8"), ("torch.nn:GroupNorm", "2, 8", "6,8,4,4"),
    ("torch.nn:InstanceNorm2d", "8, affine=True", "6,8,4,4"),
    ("flax.nnx:BatchNorm", "8", "32,6,6,8"), ("flax.nnx:BatchNorm", "8, use_fast_variance=False", "32,6,6,8"),
    ("flax.nnx:LayerNorm", "8", "32,8"), ("flax.nnx:RMSNorm", "8", "32,8"),
    ("flax.nnx:GroupNorm", "8, num_groups=2", "6,4,4,8"), ("flax.nnx:InstanceNorm", "8", "6,4,4,8"),
    ("flax.linen:BatchNorm", "", "32,6,6,8"), ("flax.linen:LayerNorm", "", "32,8"), ("flax.linen:RMSNorm", "", "32,8"),
    ("flax.linen:GroupNorm", "2", "6,4,4,8"), ("flax.linen:InstanceNorm", "", "6,4,4,8"),
    ("equinox.nn:BatchNorm", "8, 'batch', mode='batch'", "32,8,4,4"),
    ("equinox.nn:BatchNorm", "8, 'batch', mode='ema'", "32,8,4,4"),
    ("equinox.nn:LayerNorm", "8", "32,8"), ("equinox.nn:RMSNorm", "8", "32,8"), ("equinox.nn:GroupNorm", "2, 8", "6,8,4,4"),
    ("haiku:BatchNorm", "True, True, 0.9", "32,6,6,8"), ("haiku:LayerNorm", "-1, True, True", "32,8"),
    ("haiku:RMSNorm", "-1", "32,8"), ("haiku:GroupNorm", "2", "6,4,4,8"), ("haiku:InstanceNorm", "True, True", "6,4,4,8"),
    ("keras.layers:BatchNormalization", "", "32,6,6,8"), ("keras.layers:LayerNormalization", "", "32,8"),
    ("keras.layers:RMSNormalization", "", "32,8"), ("keras.layers:GroupNormalization", "2", "6,4,4,8"),
    ("jax.nn:standardize", "", "32,8"),
)  # fmt: skip


def tested(target: str, args: str, shape: str) -> Report:
    """The suite on a layer as the command line names it."""
    given, keywords = arguments(args)
    sizes = tuple(int(size) for size in shape.split(","))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return conforms(load(target), *given, shape=sizes, keywords=keywords)


def row(target: str, args: str, shape: str, report: Report) -> str:
    """A row of the table: the command's words, what it is, what is violated and what is inaccurate."""
    command = f"`{target}`" + (f" `{args}`" if args else "")
    violated = ", ".join(finding.title for finding in report.failed) or "-"
    inexact = "; ".join(f"{finding.title}: {finding.meaning}" for finding in report.of("inaccurate")) or "-"
    return f"| {command} | {shape} | {_kind(report)} | {violated} | {inexact} |"


def _kind(report: Report) -> str:
    return report.words.removeprefix("This is ").rstrip(".")


def page(layers: dict[tuple[str, str, str], Report], reported: dict[str, Report]) -> str:
    """The page."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    clean = sum(not report.failed for report in layers.values())
    lines = [
        "# The layers of seven libraries, and reported faults, under the conformance suite",
        "",
        "This page is written by `python docs/layer_gallery.py`; each row is",
        "`bnverify layer TARGET --args 'ARGUMENTS' --shape SHAPE`. What the verdicts mean: [three-ways-in.md](three-ways-in.md).",
        "",
        f"Versions: {versions}, on CPU.",
        "",
        f"## Layers as they are released: {clean} of {len(layers)} violate nothing",
        "",
        "| layer | shape | in words | violated | inaccurate, though the same layer |",
        "| --- | --- | --- | --- | --- |",
        *(row(*key, report) for key, report in layers.items()),
        "",
        "### What was found",
        "",
        *FOUND,
        "",
        f"## {len(reported)} wrong layers, rebuilt from public reports",
        "",
        "All are in `bnverify.empirical.conformance.reported`, written anew in JAX from what the reports say; a kernel's own",
        "memory errors are not rebuilt, only what it computed. Each is refused.",
        "",
        "| layer | report | what it says | first violated | what the suite says |",
        "| --- | --- | --- | --- | --- |",
    ]
    for key, report in reported.items():
        source = REPORTED[key]
        says = source.says + (f" (rebuilt: {source.rebuilt})" if source.rebuilt else "")
        first = next((f for f in report.failed if f.key == source.fails), report.failed[0])
        where = source.url.removeprefix("https://github.com/").replace("/issues/", "#").replace("/pull/", "#")
        lines.append(f"| `{key}` | [{where}]({source.url}) | {says} | {first.title} | {first.meaning} |")
    return "\n".join(lines) + "\n"


FOUND = (
    "- **dm-haiku `BatchNorm`** takes the variance as E[y^2] - E[y]^2 without a floor: finite float32 input gives NaN.",
    "  `hk.BatchNorm(True, True, 0.9)(300 + 0.01 * randn(64, 4), is_training=True)` is NaN in training mode.",
    "- **Flax**, NNX and Linen: `use_fast_variance=True`, the default, takes the same difference with a floor at 0: no NaN, but",
    "  at 300 +- 0.01 in float32 the output is wrong by its own size. `use_fast_variance=False` is exact.",
    "- **PyTorch `LayerNorm(1)`** on CPU: at one value a vector yhat is 0 and the gradient of the weight must be; for y near",
    "  1e6 in float32 it is of order 10 (reported as [pytorch#188372](https://github.com/pytorch/pytorch/issues/188372)).",
    "- **Equinox `BatchNorm(mode='ema')`** normalises by running statistics in training, from the second batch on: what is",
    "  proved of batch norm does not hold of it. Its documentation says so; `mode='batch'` is batch norm.",
    "- **Keras** on JAX: `keras.ops.mean` takes float64 in float32, and so do all four normalizations:",
    "  `keras.layers.LayerNormalization(dtype='float64')` is off by 1e-7 under `jax_enable_x64`. They are tested in float32.",
    "  `keras.layers.UnitNormalization` gives a NaN gradient where a vector is 0.",
    "- Running variance: PyTorch keeps the unbiased one, the others the biased one; `momentum` is the share of the new batch in",
    "  PyTorch and of the old value elsewhere.",
)


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    text = page(
        {key: tested(*key) for key in LAYERS},
        {key: conforms(each.layer, shape=each.shape, name=key) for key, each in REPORTED.items()},
    )
    if "--check" in arguments:
        return int(PAGE.read_text() != text)
    PAGE.write_text(text)
    return 0


def small(**options: Any) -> str:
    """The page of one layer and one report, for a test."""
    key = next(iter(options.get("layers", LAYERS[-1:])))
    name = "no_weight_gradient"
    return page({key: tested(*key)}, {name: conforms(REPORTED[name].layer, shape=(16, 6), name=name)})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
