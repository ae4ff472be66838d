"""Shared fixtures: float64 and strict dtype promotion for all tests, one tiny run for those that need records."""

import math
import os
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import jax
import pytest

from bnverify.empirical.runs.cache import BOUND, guard_entries, prune, release_compiled

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")

ROOT = Path(__file__).parent.parent
# Little optimisation; kernels emitted directly instead of by way of MLIR, which takes half as long; no threads.
COMPILER = (
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
)
KEPT = 0.05
"""Seconds that compiling a program takes at least for it to be kept."""
SHARED = {"coq_cache": "coq_cache", "tiny_run": "tiny_run", "built": "tiny_run"}
"""Fixtures that are expensive to make, and the group of the modules that name one: they stay in one process."""


def pytest_configure(config):
    """Most of the time goes into compiling programs that run once. They are compiled with little optimisation (a
    user's are with all), and kept on disk, for all workers and the processes they start: each is compiled once for all
    modules, and in a repeated run not at all. PyTorch has one thread: those of several processes on few cores wait for
    each other, and evaluations take a hundred times as long. What reports print of proofs is kept in one folder too."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("KERAS_BACKEND", "jax")  # read when it is imported; the usual one is not installed
    os.environ.setdefault("XLA_FLAGS", COMPILER)  # read when the first device is asked for
    if getattr(config, "cache", None) is not None:
        os.environ.setdefault("BNVERIFY_CACHE", str(config.cache.mkdir("derived")))
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ and getattr(config, "cache", None) is not None:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(config.cache.mkdir("jax"))
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = str(KEPT)
    if folder := os.environ.get("JAX_COMPILATION_CACHE_DIR"):  # a worker has it from the process that started it
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", KEPT)


def pytest_sessionstart(session):
    """An entry appears whole in a folder that processes share; in one of this suite's own, old ones go."""
    guard_entries()
    cache = getattr(session.config, "cache", None)
    if cache is not None and os.environ.get("JAX_COMPILATION_CACHE_DIR") == str(cache.mkdir("jax")):
        prune(cache.mkdir("jax"), BOUND)


def pytest_xdist_make_scheduler(config, log):
    """What one process has to make once stays in one: the modules that use the tiny run, those that use the compiled
    library of Coq, and each other module."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group(ROOT / nodeid.split("::")[0])

    return ByGroup(config, log)


def pytest_collection_modifyitems(items):
    """The group that takes longest comes first, so that no worker begins it when the others have nothing left."""
    known = _seconds()
    cost = defaultdict(float)
    for path in {item.path for item in items}:
        cost[group(path)] += known.get(path, math.inf)
    items.sort(key=lambda item: -cost[group(item.path)])


@cache
def group(path):
    """The group of a module: of the first shared fixture that its text names, or itself."""
    named = re.search(rf"\b({'|'.join(SHARED)})\b", path.read_text("utf-8"))
    return SHARED[named[1]] if named else path.relative_to(ROOT).as_posix()


def _seconds() -> dict[Path, float]:
    """What every file took when `benchmarks/suite.py` was run last."""
    file = ROOT / "benchmarks" / "results" / "suite.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    rows = (line.split() for line in lines if line.endswith(".py"))
    return {ROOT / row[-1]: float(row[-2]) for row in rows}


@pytest.fixture(scope="module", autouse=True)
def _release_after_a_module():
    """The whole suite in one process would run out of memory maps. What modules share stays compiled until then."""
    yield
    release_compiled()


@pytest.fixture(autouse=True)
def _release_after_a_slow_test(request):
    """Some compile thousands of programs each."""
    yield
    if request.node.get_closest_marker("slow"):
        release_compiled()


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """A finished run of the preset `tiny` on a small synthetic data set: both networks, all claims."""
    from bnverify.empirical.data.synthetic import synthetic_cifar
    from bnverify.empirical.runs.config import preset
    from bnverify.empirical.runs.run import train

    path = tmp_path_factory.mktemp("runs") / "tiny"
    return train(preset("tiny"), synthetic_cifar(train=200, test=64), path)
