"""A training step beside its peers: the same VGG written plainly in PyTorch and in Flax NNX, in turn within one run.

    python benchmarks/peers.py [--widths 1 0.25 0.125] [--batches 128 128 64] [--rounds 9]

PyTorch (`pip install torch`, a CPU build) and Flax are left out where they are not installed. All take the same steps:
forward, backward, SGD with momentum on one batch of float32 images, convolutions with a bias, batch norm with running
statistics. Ours is the bare step of `Trainer`, without recording. PyTorch is timed in both of its memory layouts, and
the faster is the peer. A ratio is the peer's time over ours in the same round: above 1 ours is ahead. The
weights of PyTorch and Flax are set to ours, and the losses of the very first step are compared: all compute the same.
Between calls the run waits a moment, for the threads of one library spin for a while when they have nothing to do.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from bnverify.empirical.data.dataset import IMAGE_SHAPE as IMAGE
from bnverify.empirical.networks.vgg import CHANNELS, DENSE, vgg
from bnverify.empirical.runs.run import environment
from bnverify.empirical.training.training import Trainer

RATE, MOMENTUM, EPSILON, CLASSES = 0.035, 0.9, 1e-5, 10
STEPS = 4  # in a timed call
PAUSE = 0.25  # seconds between calls
Call = Callable[[], float]
"""STEPS steps; the loss of the first of them. Peers go on from where they are, ours from its start again."""
Data = tuple[np.ndarray, np.ndarray]


def ours(batch_norm: bool, width: float, data: Data) -> tuple[Call, dict[str, Any]]:
    """Our step, and the weights that the peers start from."""
    trainer = Trainer(vgg(batch_norm=batch_norm, width=width), RATE, MOMENTUM)
    images, labels = (jnp.asarray(each) for each in data)
    state = trainer.start(jax.random.key(0), images.shape[1:])

    def call() -> float:
        _, losses = jax.block_until_ready(trainer.bare_chunk(state, images, labels))
        return float(losses[0])

    return call, jax.tree.map(np.asarray, state.params)


def pytorch(batch_norm: bool, width: float, data: Data, weights: dict[str, Any], channels_last: bool) -> Call:
    """torch.nn, called as its tutorials do."""
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    before = IMAGE[-1]
    for number, full in enumerate(CHANNELS, start=1):
        channels = max(1, round(full * width))
        convolution = nn.Conv2d(before, channels, 3, padding=1)
        own = weights[f"conv{number}"]
        convolution.weight.data = torch.tensor(own["kernel"].transpose(3, 2, 0, 1).copy())
        convolution.bias.data = torch.tensor(own["bias"])
        layers += [convolution, *([nn.BatchNorm2d(channels, EPSILON)] if batch_norm else []), nn.ReLU()]
        layers += [] if number % 2 else [nn.MaxPool2d(2)]
        before = channels
    layers.append(nn.Flatten())
    for number, units in enumerate((*DENSE, CLASSES), start=1):
        dense = nn.Linear(before, units)
        own = weights[f"dense{number}"]
        dense.weight.data, dense.bias.data = torch.tensor(own["kernel"].T.copy()), torch.tensor(own["bias"])
        layers += [dense, *([nn.ReLU()] if number <= len(DENSE) else [])]
        before = units
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = nn.Sequential(*layers).to(memory_format=layout)
    optimizer = torch.optim.SGD(network.parameters(), RATE, MOMENTUM)
    objective = nn.CrossEntropyLoss()
    images = [torch.tensor(each.transpose(0, 3, 1, 2).copy()).to(memory_format=layout) for each in data[0]]
    labels = [torch.tensor(each, dtype=torch.long) for each in data[1]]

    def call() -> float:
        first = 0.0
        for number, (x, y) in enumerate(zip(images, labels, strict=True)):
            optimizer.zero_grad()
            loss = objective(network(x), y)
            loss.backward()
            optimizer.step()
            first = loss.item() if not number else first
        return first

    return call


def nnx(batch_norm: bool, width: float, data: Data, weights: dict[str, Any]) -> Call:
    """Flax NNX, a compiled step called from Python."""
    import optax
    from flax import nnx

    rngs = nnx.Rngs(0)

    class Model(nnx.Module):
        def __init__(self):
            sizes = [IMAGE[-1], *(max(1, round(full * width)) for full in CHANNELS)]
            self.convolutions = nnx.List([nnx.Conv(a, b, (3, 3), rngs=rngs) for a, b in pairwise(sizes)])
            norms = [nnx.BatchNorm(b, epsilon=EPSILON, momentum=0.9, rngs=rngs) for b in sizes[1:] if batch_norm]
            self.norms = nnx.List(norms)
            ends = [sizes[-1], *DENSE, CLASSES]
            self.dense = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(ends)])
            for kind, modules in (("conv", self.convolutions), ("dense", self.dense)):
                for number, module in enumerate(modules, start=1):
                    own = weights[f"{kind}{number}"]
                    module.kernel[...], module.bias[...] = jnp.asarray(own["kernel"]), jnp.asarray(own["bias"])

        def __call__(self, x):
            for number, convolution in enumerate(self.convolutions):
                x = convolution(x)
                x = nnx.relu(self.norms[number](x) if batch_norm else x)
                x = nnx.max_pool(x, (2, 2), (2, 2)) if number % 2 else x
            x = x.reshape(len(x), -1)
            for dense in self.dense[:-1]:
                x = nnx.relu(dense(x))
            return self.dense[-1](x)

    model = Model()
    optimizer = nnx.Optimizer(model, optax.sgd(RATE, MOMENTUM), wrt=nnx.Param)
    images, labels = (jnp.asarray(each) for each in data)

    @nnx.jit
    def step(model, optimizer, x, y):
        def objective(model):
            return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()

        loss, slope = nnx.value_and_grad(objective)(model)
        optimizer.update(model, slope)
        return loss

    def call() -> float:
        losses = [step(model, optimizer, x, y) for x, y in zip(images, labels, strict=True)]
        return float(jax.block_until_ready(losses)[0])

    return call


def seconds_in_turn(calls: dict[str, Call], rounds: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Seconds a step of every call round by round, one round uncounted, whose first losses come with them."""
    losses = {name: call() for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) / STEPS)
    return times, losses


def compare(batch_norm: bool, width: float, batch: int, rounds: int) -> list[list[str]]:
    """A row a peer: seconds, and the ratio to ours in the same round with its range."""
    random = np.random.default_rng(1)
    data = random.standard_normal((STEPS, batch, *IMAGE), np.float32), random.integers(0, 10, (STEPS, batch), np.int32)
    own, weights = ours(batch_norm, width, data)
    calls: dict[str, Call] = {"bnverify": own}
    if find_spec("torch"):
        for layout in ("channels first", "channels last"):
            calls[f"PyTorch, {layout}"] = pytorch(batch_norm, width, data, weights, layout == "channels last")
    if find_spec("flax"):
        calls["Flax NNX"] = nnx(batch_norm, width, data, weights)
    times, losses = seconds_in_turn(calls, rounds)
    off = max(abs(loss / losses["bnverify"] - 1) for loss in losses.values())
    if not off < 1e-3:
        raise AssertionError(f"got first losses {losses}; expected the same within a thousandth")
    rows = []
    for name, taken in times.items():
        ratios = sorted(peer / own for peer, own in zip(taken, times["bnverify"], strict=True))
        ratio = "" if name == "bnverify" else f"{median(ratios):.2f}  ({ratios[0]:.2f} - {ratios[-1]:.2f})"
        network = "bn" if batch_norm else "plain"
        rows.append([network, f"{width:g}", str(batch), name, f"{median(taken):.4f}", ratio])
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", type=float, nargs="*", default=[1, 0.25, 0.125])
    parser.add_argument("--batches", type=int, nargs="*", default=[128, 128, 64], help="one a width")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    title = "A step of training; ratio: seconds over ours in the same round"
    table = Table("network", "width", "batch", "written in", "seconds", "ratio", title=title)
    for width, batch in zip(options.widths, options.batches, strict=True):
        for batch_norm in (True, False):
            for row in compare(batch_norm, width, batch, options.rounds):
                table.add_row(*row)
    console = Console(width=110)
    peers = {name: version(name) for name in ("torch", "flax") if find_spec(name)}
    console.print(json.dumps(environment() | peers, default=str), highlight=False)
    console.print(table)


if __name__ == "__main__":
    main()
