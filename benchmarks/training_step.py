"""Time of a training step of the full plain VGG, and of its float64 gradient, beside a large matrix product.

    python benchmarks/training_step.py --batch 128

Three ways: library convolutions and ``reduce_window`` pooling everywhere, called from Python; the package's, called
from Python; the package's in a ``lax.scan`` over a chunk of steps. Counted are the operations the mathematics asks
for: 2*9*C*D a pixel for each convolution, three times (output, gradient of the input, gradient of the kernel; the
image needs no gradient), likewise the dense layers. "executed" counts the multiplications really carried out, fewer
with Winograd and dense maps; both shares are of the matrix product timed in the same rounds. The library's float64
gradient is timed on a sixteenth of the batch to save time. "ratio" compares the time an image takes with the
library's.
"""

import argparse
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from convolution import executed_fraction, matrix_product, show, time_in_turn
from jax import lax

from bnverify.empirical.networks.convolution import choose_method, convolve
from bnverify.empirical.networks.pooling import max_pool

WIDTHS = (64, 64, 128, 128, 256, 256, 512, 512, 512, 512)
HEADS = (96, 96, 10)
STEPS = 4  # in a chunk of lax.scan


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--shrink", type=int, default=1, help="divide the widths by this, for a quick look")
    parser.add_argument("--size", type=int, default=3072, help="side of the matrix product")
    options = parser.parse_args(arguments)
    rows = _rows("float32", "step", options)
    with jax.enable_x64(True):
        rows += _rows("float64", "gradient", options)
    show(f"full VGG, batch {options.batch}, widths over {options.shrink}", rows)


def _rows(dtype: str, what: str, options: argparse.Namespace) -> list[dict[str, str]]:
    widths = [width // options.shrink for width in WIDTHS]
    small = max(1, options.batch // 16) if dtype == "float64" else options.batch
    cases = {
        "library, call by call": ("library", small, False),
        "auto, call by call": ("auto", options.batch, False),
        f"auto, scan of {STEPS}": ("auto", options.batch, True),
    }
    product, work = matrix_product(options.size, dtype)
    calls: dict[str, Callable[[], object]] = {"matrix product": product}
    calls |= {name: _call(what, dtype, widths, *case) for name, case in cases.items()}
    times = time_in_turn(calls, options.rounds)
    rate = work / float(np.median(times["matrix product"]))
    rows = [{"what": f"{dtype} matrix product", "batch": "", "seconds": f"{np.median(times['matrix product']):.3f}",
             "GFLOP/s": f"{rate / 1e9:.0f}", "share": "1", "executed share": "1", "ratio": ""}]  # fmt: skip
    for name, (method, batch, scanned) in cases.items():
        seconds = float(np.median(times[name])) / (STEPS if scanned else 1)
        nominal, executed = _operations(widths, batch, dtype, method)
        if method == "library":
            slow = seconds / batch
        rows.append({"what": f"{dtype} {what}: {name}", "batch": str(batch), "seconds": f"{seconds:.3f}",
                     "GFLOP/s": f"{nominal / seconds / 1e9:.0f}", "share": f"{nominal / seconds / rate:.2f}",
                     "executed share": f"{executed / seconds / rate:.2f}",
                     "ratio": f"{slow / (seconds / batch):.1f}"})  # fmt: skip
    return rows


def _operations(widths: list[int], batch: int, dtype: str, method: str) -> tuple[float, float]:
    """Count nominal and executed operations of one gradient."""
    nominal = executed = 0.0
    height, channels = 32, 3
    for i, width in enumerate(widths):
        passes = 2 if i == 0 else 3
        work = passes * 2.0 * batch * height**2 * 9 * channels * width
        shapes = (batch, height, height, channels), (3, 3, channels, width)
        chosen = choose_method(*shapes, dtype, jax.default_backend()) if method == "auto" else method
        nominal, executed = nominal + work, executed + work * executed_fraction(chosen, height)
        channels, height = width, height // 2 if i % 2 else height
    for width in HEADS:
        work = 3 * 2.0 * batch * channels * width
        nominal, executed, channels = nominal + work, executed + work, width
    return nominal, executed


def _call(what: str, dtype: str, widths: list[int], method: str, batch: int, scanned: bool) -> Callable[[], Any]:
    parameters = _parameters(jax.random.key(0), widths, dtype)
    images = jax.random.normal(jax.random.key(1), (batch, 32, 32, 3), dtype)
    labels = jax.random.randint(jax.random.key(2), (batch,), 0, HEADS[-1])
    gradient = partial(jax.value_and_grad(_loss, argnums=1), method)

    def step(state, data):
        weights, velocity = state
        loss, slope = gradient(weights, *data)
        if what == "gradient":
            # a scan must not hoist what does not change: each step starts a hair from the last
            return (jax.tree.map(lambda w, g: w - 1e-9 * g, weights, slope), velocity), loss
        velocity = jax.tree.map(lambda v, g: 0.9 * v + g, velocity, slope)
        return (jax.tree.map(lambda w, v: w - 0.01 * v, weights, velocity), velocity), loss

    start = parameters, jax.tree.map(jnp.zeros_like, parameters)
    if not scanned:
        run = jax.jit(gradient) if what == "gradient" else jax.jit(step)
        inputs: tuple = (parameters, images, labels) if what == "gradient" else (start, (images, labels))
        return lambda: run(*inputs)
    chunk = jax.tree.map(lambda a: jnp.stack([a] * STEPS), (images, labels))
    run = jax.jit(lambda state, data: lax.scan(step, state, data))
    return lambda: run(start, chunk)


def _parameters(key: jax.Array, widths: list[int], dtype: str) -> list[tuple[jax.Array, jax.Array]]:
    """Draw Glorot normal weights, (3, 3, C, D) ten times and then (C, D), each with a zero bias."""
    sizes = [3, *widths, *HEADS]
    drawn = []
    for i, (channels, filters) in enumerate(itertools.pairwise(sizes)):
        window = (3, 3) if i < len(widths) else ()
        scale = (2 / (np.prod(window) * (channels + filters))) ** 0.5
        shape = (*window, channels, filters)
        weights = scale.item() * jax.random.normal(jax.random.fold_in(key, i), shape, dtype)
        drawn.append((weights, jnp.zeros(filters, dtype)))
    return drawn


def _loss(method: str, parameters: list, images: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the mean cross-entropy of the plain VGG on images (N, 32, 32, 3) with labels (N,)."""
    x, depth = images, len(WIDTHS)
    for i, (kernel, bias) in enumerate(parameters[:depth]):
        x = jax.nn.relu(convolve(x, kernel, method=method) + bias)
        if i % 2:
            x = _window_pool(x) if method == "library" else max_pool(x)
    x = x.reshape(x.shape[0], -1)
    for weights, bias in parameters[depth:-1]:
        x = jax.nn.relu(x @ weights + bias)
    logits = x @ parameters[-1][0] + parameters[-1][1]
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1))


def _window_pool(x: jax.Array) -> jax.Array:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


if __name__ == "__main__":
    main()
