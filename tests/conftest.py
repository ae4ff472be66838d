"""Shared fixtures: float64 and strict dtype promotion for all tests, one tiny run for those that need records."""

import gc
import os

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")


def pytest_configure(config):
    """Compiled programs are kept on disk, for this process and those it starts: each is compiled once for all modules,
    and in a repeated run not at all. Workers have folders of their own, as writing there is not atomic."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ and getattr(config, "cache", None) is not None:
        folder = str(config.cache.mkdir(f"jax-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"))
        os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


@pytest.fixture(scope="module", autouse=True)
def _release_compiled_programs():
    """Every compiled program holds memory maps, of which a process may have 65,530: the whole suite in one process
    would run out of them, and the compiler would crash."""
    yield
    jax.clear_caches()
    gc.collect()


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """A finished run of the preset `tiny` on a small synthetic data set: both networks, all claims."""
    from empirical.config import preset
    from empirical.run import train
    from empirical.synthetic import synthetic_cifar

    path = tmp_path_factory.mktemp("runs") / "tiny"
    return train(preset("tiny"), synthetic_cifar(train=200, test=64), path)
