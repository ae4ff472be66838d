"""What is run a few times is compiled cheaply, where that is possible and the user has not said otherwise."""

import jax
import jax.numpy as jnp
import pytest

from bnverify.empirical.measurement import settings


@pytest.fixture
def asked(monkeypatch):
    """The options given to `jax.jit`; no flags of a user, and nothing known of this machine."""
    found = []
    own = jax.jit

    def jit(function, **options):
        found.append(options.get("compiler_options"))
        return own(function, **options)

    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr(settings.jax, "jit", jit)
    settings._options.cache_clear()
    yield found
    settings._options.cache_clear()


def test_cheap_options_are_used_and_the_result_is_the_function_s(asked):
    double = settings.cheaply_compiled(lambda x, n: n * x, static_argnums=(1,))
    assert not asked  # nothing is compiled, and no device looked for, before the first call
    assert double(jnp.ones(3), 2).tolist() == [2.0, 2.0, 2.0]
    assert asked[-1] == settings._FAST
    calls = len(asked)
    assert double(jnp.ones(3), 3).tolist() == [3.0, 3.0, 3.0] and len(asked) == calls


def test_what_runs_long_is_compiled_thoroughly(asked):
    double = settings.cheaply_compiled(lambda x, n: n * x, static_argnums=(1,))
    assert double.thoroughly(jnp.ones(3), 2).tolist() == [2.0, 2.0, 2.0] and asked == [None]


def test_a_user_s_own_flags_stay(asked, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=3")
    assert settings.cheaply_compiled(jnp.sin)(0.0) == 0 and asked == [None]


def test_an_xla_without_these_options_compiles_as_it_does(asked, monkeypatch):
    monkeypatch.setattr(settings, "_FAST", {"no_such_option_of_xla": 1})
    assert settings.cheaply_compiled(jnp.sin)(0.0) == 0
    assert asked == [{"no_such_option_of_xla": 1}, None]
