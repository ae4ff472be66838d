"""What the measurements along the trajectory cost: covariate shift, landscape, predictiveness, activations.

    python benchmarks/trajectory.py [--networks bn plain] [--width 1] [--batch 128] [--rounds 3]

Everything is float32 and timed in turn within one run, the bare training step with it; times are given in steps, round
by round. The floor counts the multiplications and additions of the nominal convolutions and dense layers, in steps too
(a step is forward and backward, without the gradient of the images): a layer's covariate shift is the forward pass from
that layer on and the backward pass to its weights, and the first layer's is nothing; a point of the landscape is a
forward pass, a point of the predictiveness (which has the losses of the landscape) a step, and one more for the
gradient at the parameters, which the covariate shift uses too: "together" is these two, added up round by round. A time
below the floor is possible where the later layers run faster than the average of the step. Activations have no floor
worth naming: counting takes longer than the pass.

Peak memory is that of a child process that does nothing but "together" twice, or two steps, compilation included; and
of the same with one arena for all threads (MALLOC_ARENA_MAX=1, glibc), where less of what compiling freed is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from measuring import forward_flops, in_turn
from rich.console import Console
from rich.table import Table

from bnverify.empirical.data.dataset import IMAGE_SHAPE as IMAGE
from bnverify.empirical.measurement.gradients import value_and_gradient
from bnverify.empirical.networks.vgg import vgg
from bnverify.empirical.runs.run import environment
from bnverify.empirical.training.objectives import cross_entropy
from bnverify.empirical.trajectory.activations import activations, sample_channels
from bnverify.empirical.trajectory.covariate_shift import covariate_shift, layers
from bnverify.empirical.trajectory.landscape import curvature, landscape, losses_along, reproduction_steps

RATE = 0.035
STEPS = 2  # of training in a timed chunk
NETWORKS = ("bn", "plain")


def calls(name: str, width: float, batch: int) -> dict[str, Callable[[], Any]]:
    """The measurements of one network, each without arguments and compiled at its first call."""
    network = vgg(batch_norm=name == "bn", width=width)
    params = network.init(jax.random.key(0), (batch, *IMAGE))
    images = jax.random.normal(jax.random.key(1), (STEPS, batch, *IMAGE), jnp.float32)
    labels = jnp.asarray(np.random.default_rng(2).integers(0, 10, (STEPS, batch)), jnp.int32)
    x, y = images[0], labels[0]
    optimizer = optax.sgd(RATE, 0.9)
    points = reproduction_steps(RATE).astype(np.float32)
    channels = sample_channels(network, params, (0,), 4)

    def step(state, data):
        params, moments = state
        loss, slope = value_and_gradient(network, cross_entropy, params, *data)
        updates, moments = optimizer.update(slope, moments, params)
        return (optax.apply_updates(params, updates), moments), loss

    chunk = jax.jit(lambda *data: jax.lax.scan(step, (params, optimizer.init(params)), data))
    slope = jax.jit(partial(value_and_gradient, network, cross_entropy))
    shift = jax.jit(partial(covariate_shift, network, cross_entropy))
    losses = jax.jit(partial(losses_along, network, cross_entropy))
    line = jax.jit(partial(landscape, network, cross_entropy))
    bend = jax.jit(partial(curvature, network, cross_entropy))
    active = jax.jit(partial(activations, network, channels=channels))
    # Any numbers do for what takes a gradient or an update: a child process measures memory without computing one.
    gradient = jax.tree.map(lambda p: jnp.float32(0.1) * p, params)
    updated = jax.tree.map(lambda p: jnp.float32(1 - 0.1 * RATE) * p, params)

    def together():
        found, own = jax.block_until_ready(line(params, x, y, points))
        return found, shift(params, updated, own, x, y)

    return {
        "step": lambda: chunk(images, labels),
        "gradient": lambda: slope(params, x, y),
        "covariate shift": lambda: shift(params, updated, gradient, x, y),
        "landscape, losses only": lambda: losses(params, gradient, x, y, points),
        "predictiveness and landscape": lambda: line(params, x, y, points),
        "together": together,
        "curvature": lambda: bend(params, gradient, x, y),
        "activations": lambda: active(params, x),
    }


def floors(name: str, width: float, batch: int) -> tuple[float, dict[str, float]]:
    """FLOP of a step, and of each measurement that has a floor in steps."""
    network = vgg(batch_norm=name == "bn", width=width)
    params = jax.eval_shape(lambda: network.init(jax.random.key(0), (batch, *IMAGE)))
    flops = forward_flops(network, params, batch)
    forward, first = sum(flops), flops[0]
    step = 3 * forward - first
    points = len(reproduction_steps(RATE))
    rest = [sum(flops[i:]) for i in layers(network, params)[1:]]
    found = {
        "gradient": step,
        "covariate shift": forward + 2 * sum(rest),  # forward; gradients of the values after the layer; of its weights
        "landscape, losses only": points * forward,
        "predictiveness and landscape": (1 + points) * step,
        # each product of two factors has two in its tangent; the images have none
        "curvature": 9 * forward - 5 * first,
    }
    found["together"] = found["covariate shift"] + found["predictiveness and landscape"]
    return step, {what: flop / step for what, flop in found.items()}


def peak(name: str, width: float, batch: int, what: str, environ: dict[str, str]) -> float:
    """Peak resident GiB of a child process that makes one call twice. A child starts from its parent's peak, so this
    comes before anything large."""
    arguments = ["--networks", name, "--width", str(width), "--batch", str(batch), "--only", what]
    command = [sys.executable, __file__, *arguments]
    environ = os.environ | environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)
    return json.loads(done.stdout)["peak"]


def memory(options: argparse.Namespace) -> Table:
    table = Table("network", "call", "default", "one arena", title="Peak memory, a call made twice")
    for name in options.networks:
        for what in options.memory:
            both = (peak(name, options.width, options.batch, what, own) for own in ({}, {"MALLOC_ARENA_MAX": "1"}))
            table.add_row(name, what, *(f"{gib:.2f} GiB" for gib in both))
    return table


def times(name: str, options: argparse.Namespace) -> Table:
    step, least = floors(name, options.width, options.batch)
    timed = calls(name, options.width, options.batch)
    taken = in_turn(options.rounds, **{what: call for what, call in timed.items() if what != "together"})
    parts = (taken["covariate shift"], taken["predictiveness and landscape"])
    taken["together"] = [a + b for a, b in zip(*parts, strict=True)]
    taken["step"] = own = [seconds / STEPS for seconds in taken["step"]]
    table = Table(
        *("measurement", "seconds", "steps (median, range)", "floor", "over it"),
        title=f"{name}, width {options.width:g}, batch {options.batch}: a step is {step / 1e9:.3g} GFLOP",
    )
    for what, seconds in taken.items():
        ratios = [a / b for a, b in zip(seconds, own, strict=True)]
        spread = f"{median(ratios):.2f}  ({min(ratios):.2f} - {max(ratios):.2f})"
        floor = (f"{least[what]:.2f}", f"{median(ratios) / least[what]:.2f}") if what in least else ("", "")
        table.add_row(what, f"{median(seconds):.2f}", spread, *floor)
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3, help="0: memory only")
    parser.add_argument("--memory", nargs="*", default=["step", "together"], help="calls to take the peak memory of")
    parser.add_argument("--only", help="make this one call and print the peak memory of the process as JSON")
    options = parser.parse_args(arguments)
    if options.only:
        call = calls(options.networks[0], options.width, options.batch)[options.only]
        for _ in range(2):
            jax.block_until_ready(call())
        print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))
        return
    console = Console(width=120)
    about = environment()
    console.print(
        f"{about['processor']}, {about['cores']} cores, {about['device']}; {about['versions']}", highlight=False
    )
    console.print(memory(options))
    for name in options.networks if options.rounds else ():
        console.print(times(name, options))


if __name__ == "__main__":
    main()
