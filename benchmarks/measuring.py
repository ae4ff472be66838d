"""What measuring costs: recording Theorem 4.1 in the step, and whole-layer Theorem 4.2 at all sites.

    python benchmarks/measuring.py [--width 1] [--batch 128] [--rounds 5]

Recording is timed against the bare step, in turn within one run, and given as a ratio. Theorem 4.2 is timed against its
floor: one Hessian-vector product of every suffix, four forward passes each (values, tangents, gradients, their
tangents), at the speed a matmul of the same dtype reaches in the same run. The float64 check does more than that:
one pass gives y, z, g and the gradient of all parameters for every claim (timed apart), and the rest still contains the
first-order quantities of all claims. Convolutions by Winograd's method do fewer multiplications than the floor counts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from bnverify.empirical.data.dataset import IMAGE_SHAPE as IMAGE
from bnverify.empirical.measurement.sites import SiteMeasurement
from bnverify.empirical.networks.vgg import vgg
from bnverify.empirical.runs.run import environment
from bnverify.empirical.training.objectives import cross_entropy
from bnverify.empirical.training.training import Trainer


def seconds(function, *arguments) -> float:
    start = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    return time.perf_counter() - start


def in_turn(rounds: int, **calls) -> dict[str, list[float]]:
    """Times of several calls, one after the other in every round; a first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            taken = seconds(call)
            if number:
                times[name].append(taken)
    return times


def forward_flops(network, params, batch: int) -> list[float]:
    """Multiplications and additions of the nominal convolutions and dense layers of every stage, forward."""
    value = jax.ShapeDtypeStruct((batch, *IMAGE), jnp.float32)
    flops = []
    for stage in network.stages:
        own = params.get(stage.name, {})
        out = jax.eval_shape(stage.apply, own, value)
        kernel = own.get("kernel")
        flops.append(0.0 if kernel is None else 2.0 * np.prod(out.shape[:-1]) * kernel.size)
        value = out
    return flops


def matmul_speed(dtype, size: int = 3072) -> float:
    """GFLOP/s of a large matmul, the best of five."""
    a = jnp.ones((size, size), dtype)
    product = jax.jit(jnp.matmul)
    seconds(product, a, a)
    return 2e-9 * size**3 / min(seconds(product, a, a) for _ in range(5))


def recording(name: str, width: float, batch: int, rounds: int) -> tuple[float, list[float]]:
    """Median seconds of a bare step, and the ratios recorded / bare round by round."""
    trainer = Trainer(vgg(batch_norm=name == "bn", width=width), 0.035, 0.9)
    state = trainer.start(jax.random.key(0), (batch, *IMAGE))
    images = jax.random.normal(jax.random.key(1), (2, batch, *IMAGE), jnp.float32)
    labels = jnp.zeros((2, batch), jnp.int32)
    times = in_turn(
        rounds,
        bare=lambda: trainer.bare_chunk(state, images, labels),
        recorded=lambda: trainer.chunk(state, images, labels),
    )
    ratios = [r / b for r, b in zip(times["recorded"], times["bare"], strict=True)]
    return statistics.median(times["bare"]) / 2, ratios


def curvature(name: str, width: float, batch: int, rounds: int) -> tuple[float, float, float, float]:
    """Seconds of the whole float64 check without samples, of its gradient pass alone, the floor of Theorem 4.2 in
    GFLOP, and the GFLOP/s of a float64 matmul."""
    network = vgg(batch_norm=name == "bn", width=width)
    params = network.init(jax.random.key(0), (batch, *IMAGE))
    x = np.asarray(jax.random.normal(jax.random.key(1), (batch, *IMAGE), jnp.float32))
    labels = np.zeros(batch, np.int32)
    measurement = SiteMeasurement(network, cross_entropy, groups=len(network.sites))
    flops = forward_flops(network, params, batch)
    floor = sum(4 * sum(flops[site.index :]) for site in network.sites)
    times = in_turn(
        rounds,
        everything=lambda: measurement(params, params, x, labels, seed=(0,), samples=0),
        gradients=lambda: measurement.values_and_gradients(params, x, labels),
    )
    with jax.enable_x64(True):
        speed = matmul_speed(jnp.float64)
    return statistics.median(times["everything"]), statistics.median(times["gradients"]), floor * 1e-9, speed


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    console = Console(width=110)
    about = environment()
    console.print(
        f"{about['processor']}, {about['cores']} cores, {about['device']}; {about['versions']}", highlight=False
    )
    table = Table("network", "bare step", "recorded / bare (median, range)", title="Theorem 4.1 in the float32 step")
    for name in ("bn", "plain"):
        bare, ratios = recording(name, options.width, options.batch, options.rounds)
        row = f"{statistics.median(ratios):.3f}  ({min(ratios):.3f} - {max(ratios):.3f})"
        table.add_row(name, f"{bare:.2f} s", row)
    console.print(table)
    columns = (
        "network",
        "float64 check",
        "its gradient pass",
        "the rest",
        "floor",
        "floor at matmul speed",
        "rest / that",
    )
    table = Table(*columns, title="Theorem 4.2, whole layers, ten sites")
    for name in ("bn", "plain"):
        total, gradients, floor, speed = curvature(name, options.width, options.batch, max(1, options.rounds // 2))
        rest, least = total - gradients, floor / speed
        seconds_ = (f"{t:.1f} s" for t in (total, gradients, rest))
        table.add_row(name, *seconds_, f"{floor:.0f} GFLOP", f"{least:.1f} s", f"{rest / least:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
