"""How cost grows with batch, width, depth and devices: the step, the record in the step, the float64 check.

    python benchmarks/growth.py [--rounds 3] [--batches 32 64 128] [--widths 0.0625 0.125 0.25] [--depths 5 10 20]

One of batch, width and depth changes at a time; the exponent is the slope of a line through the logarithms, by least
squares, of the median time. Batch and width are of the VGG, depth (the number of sites) is of the deep linear network.
Devices are host devices of this machine in processes of their own, for the step alone: on a CPU they share its cores,
so that the ratio says what sharding itself costs, not what more machines would give.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence

import jax
import numpy as np
from measuring import in_turn
from rich.console import Console
from rich.table import Table

from bnverify.empirical.data.dataset import IMAGE_SHAPE
from bnverify.empirical.measurement.sites import SiteMeasurement
from bnverify.empirical.networks.deep_linear import SIZE, deep_linear
from bnverify.empirical.networks.network import Network
from bnverify.empirical.networks.vgg import vgg
from bnverify.empirical.runs.run import environment
from bnverify.empirical.training.mesh import Mesh, host_devices
from bnverify.empirical.training.objectives import cross_entropy, squared_error
from bnverify.empirical.training.training import Trainer

STEPS = 2
Times = dict[str, float]


def vgg_times(width: float, batch: int, rounds: int) -> Times:
    """Median seconds of a bare step, of the record in it, and of a float64 check, of the VGG with batch norm."""
    images = np.random.default_rng(1).standard_normal((STEPS, batch, *IMAGE_SHAPE), np.float32)
    labels = np.zeros((STEPS, batch), np.int32)
    return _times(vgg(batch_norm=True, width=width), images, labels, rounds)


def linear_times(depth: int, batch: int, rounds: int) -> Times:
    """The same of a deep linear network with so many layers, each of them a site."""
    inputs = np.random.default_rng(1).standard_normal((STEPS, batch, SIZE), np.float32)
    return _times(deep_linear(batch_norm=True, depth=depth), inputs, inputs, rounds, squared_error)


def _times(network: Network, inputs, targets, rounds: int, objective: Callable = cross_entropy) -> Times:
    rate = 1e-6
    trainer = Trainer(network, rate, 0.9, objective=objective, accuracy=None)
    state = trainer.start(jax.random.key(0), inputs.shape[1:])
    measurement = SiteMeasurement(network, objective, groups=1)
    found = in_turn(
        rounds,
        bare=lambda: trainer.bare_chunk(state, inputs, targets),
        recorded=lambda: trainer.chunk(state, inputs, targets),
        check=lambda: measurement(state.params, state.params, inputs[0], targets[0], seed=(0,), samples=0),
    )
    median = {name: statistics.median(times) for name, times in found.items()}
    record = max(median["recorded"] - median["bare"], 0.0)
    return {"step": median["bare"] / STEPS, "record": record / STEPS, "check": median["check"]}


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The slope of log seconds over log size; NaN where a time is too short to be told from nothing."""
    if min(seconds) <= 0:
        return float("nan")
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def on_devices(count: int, batch: int, rounds: int) -> float:
    """Median seconds of a step on so many host devices, in a process of its own."""
    call = [sys.executable, __file__, "--one-mesh", str(count), "--batches", str(batch), "--rounds", str(rounds)]
    return float(json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout))


def _one_mesh(count: int, batch: int, rounds: int) -> float:
    host_devices(count)
    mesh, trainer = Mesh(count), Trainer(vgg(batch_norm=True, width=0.125), 0.01, 0.9)
    state = mesh.replicated(trainer.start(jax.random.key(0), (batch, *IMAGE_SHAPE)))
    images = np.random.default_rng(1).standard_normal((STEPS, batch, *IMAGE_SHAPE), np.float32)
    inputs, labels = (mesh.sharded(a, axis=1) for a in (images, np.zeros((STEPS, batch), np.int32)))
    found = in_turn(rounds, bare=lambda: trainer.bare_chunk(state, inputs, labels))
    return statistics.median(found["bare"]) / STEPS


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--widths", type=float, nargs="+", default=[0.0625, 0.125, 0.25])
    parser.add_argument("--depths", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--devices", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--one-mesh", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one_mesh:
        print(json.dumps(_one_mesh(options.one_mesh, options.batches[0], options.rounds)))
        return
    console = Console(width=110)
    about = environment()
    console.print(f"{about['processor']}, {about['cores']} cores, {about['device']}; {about['versions']}")
    middle = options.widths[len(options.widths) // 2]
    axes = {
        f"batch, VGG at width {middle:g}": {b: vgg_times(middle, b, options.rounds) for b in options.batches},
        f"width, VGG at batch {options.batches[0]}": {
            w: vgg_times(w, options.batches[0], options.rounds) for w in options.widths
        },
        "depth, deep linear, batch 256": {d: linear_times(d, 256, options.rounds) for d in options.depths},
    }
    table = Table("axis", "what", "seconds", "exponent", title="How cost grows")
    for axis, found in axes.items():
        for what in ("step", "record", "check"):
            seconds = [times[what] for times in found.values()]
            listed = ", ".join(f"{size:g}: {taken:.4f}" for size, taken in zip(found, seconds, strict=True))
            slope = exponent(list(found), seconds)
            table.add_row(axis, what, listed, "below the step's spread" if math.isnan(slope) else f"{slope:.2f}")
    if options.devices:
        meshes = {count: on_devices(count, options.batches[-1], options.rounds) for count in options.devices}
        table.add_row("devices", "step", ", ".join(f"{n}: {s:.4f}" for n, s in meshes.items()), "")
    console.print(table)


if __name__ == "__main__":
    main()
