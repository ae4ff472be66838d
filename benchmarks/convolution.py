"""Speed of each way to convolve, layer by layer of the full VGG, beside a large matrix product.

    python benchmarks/convolution.py --dtype float64 --batch 128

A row is one layer, forward and backward (the output and the gradients of input and kernel). Rates divide the
*nominal* work, 3 * 2*N*H*W*9*C*D operations, by the median time. Winograd executes 4/9 of it, dense H*W/9 of it
(patches and the library also multiply the zeros of the border), so a rate above the matrix product's is no
contradiction; the column "executed" gives the fraction. Everything is timed in turn, round after round.
"""

import argparse
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from bnverify.empirical.networks.convolution import METHODS, choose_method, convolve

# (height and width, channels, filters) of the full VGG's convolutions; the last stands twice in the network.
LAYERS = ((32, 3, 64), (32, 64, 64), (16, 64, 128), (16, 128, 128), (8, 128, 256), (8, 256, 256), (4, 256, 512),
          (4, 512, 512), (2, 512, 512))  # fmt: skip
PATIENCE = 2.0  # seconds; what takes longer is timed once


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--shrink", type=int, default=1, help="divide the widths by this, for a quick look")
    parser.add_argument("--size", type=int, default=3072, help="side of the matrix product")
    options = parser.parse_args(arguments)
    with jax.enable_x64(options.dtype == "float64"):
        rows = [_measure(layer, options) for layer in _shrunk(options.shrink)]
    show(f"convolutions, {options.dtype}, batch {options.batch}, GFLOP/s forward and backward", rows)


def executed_fraction(method: str, height: int) -> float:
    """Multiplications that a method executes, over the nominal 9 a pixel and channel pair, on a square map."""
    return {"winograd": 4 / 9, "dense": height**2 / 9}.get(method, 1.0)


def header() -> str:
    """Name processor, cores, backend and versions in one line."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    processor = f"{len(names)} x {names[0]}" if names else platform.processor() or platform.machine()
    device = jax.devices()[0]
    return f"{processor}; {device.platform} ({device.device_kind}); jax {jax.__version__}; numpy {np.__version__}"


def time_in_turn(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, np.ndarray]:
    """Time every call once a round, after one call to compile it: seconds by name."""
    for call in calls.values():
        jax.block_until_ready(call())
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            if seconds[name] and seconds[name][0] > PATIENCE:
                continue
            start = time.perf_counter()
            jax.block_until_ready(call())
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def matrix_product(size: int, dtype: str) -> tuple[Callable[[], jax.Array], float]:
    """Return a square matrix product of this size to call, and its operations."""
    matrix = jax.random.normal(jax.random.key(0), (size, size), dtype)
    product = jax.jit(jnp.matmul)
    return lambda: product(matrix, matrix), 2.0 * size**3


def show(title: str, rows: list[dict[str, str]]) -> None:
    """Print rows as a table, and again as plain text with tabs between columns."""
    table = Table(title=title, caption=header())
    columns = list(rows[0])
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*row.values())
    Console(width=150).print(table)
    print(f"\n{title}\n{header()}", *("\t".join(line) for line in [columns, *(r.values() for r in rows)]), sep="\n")


def _shrunk(factor: int) -> list[tuple[int, int, int]]:
    return [(h, c if c == 3 else max(1, c // factor), max(1, d // factor)) for h, c, d in LAYERS]


def _measure(layer: tuple[int, int, int], options: argparse.Namespace) -> dict[str, str]:
    height, channels, filters = layer
    keys = jax.random.split(jax.random.key(height + filters), 3)
    x = jax.random.normal(keys[0], (options.batch, height, height, channels), options.dtype)
    kernel = jax.random.normal(keys[1], (3, 3, channels, filters), options.dtype) / (9 * channels) ** 0.5
    weights = jax.random.normal(keys[2], (options.batch, height, height, filters), options.dtype)
    product, work = matrix_product(options.size, options.dtype)
    calls: dict[str, Callable[[], object]] = {"matrix product": product}
    methods = [m for m in METHODS if m != "dense" or height <= 4]
    for method in methods:
        calls[method] = _forward_and_backward(method, x, kernel, weights)
    seconds = {name: float(np.median(s)) for name, s in time_in_turn(calls, options.rounds).items()}
    nominal = 3 * 2.0 * options.batch * height**2 * 9 * channels * filters
    chosen = choose_method(x.shape, kernel.shape, x.dtype, jax.default_backend())
    rate = work / seconds["matrix product"] / 1e9
    row = {"layer": f"{height}x{height} {channels}-{filters}", "matrix product": f"{rate:.0f}"}
    row |= {m: f"{nominal / seconds[m] / 1e9:.1f}" if m in seconds else "" for m in METHODS}
    row |= {"auto": chosen, "ms": f"{1e3 * seconds[chosen]:.1f}"}
    row |= {"share": f"{nominal / seconds[chosen] / 1e9 / rate:.2f}"}
    row |= {"executed": f"{executed_fraction(chosen, height):.2f}"}
    return row


def _forward_and_backward(method: str, x: jax.Array, kernel: jax.Array, weights: jax.Array) -> Callable[[], object]:
    @jax.jit
    def run(x, kernel, weights):
        output, pull = jax.vjp(lambda x, kernel: convolve(x, kernel, method=method), x, kernel)
        return output, pull(weights)

    return lambda: run(x, kernel, weights)


if __name__ == "__main__":
    main()
