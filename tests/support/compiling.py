"""How a user's programs are compiled: the tests' own are compiled with little optimisation (conftest.py)."""

OPTIMISED = {
    "xla_backend_optimization_level": 3,
    "xla_llvm_disable_expensive_passes": False,
    "xla_cpu_use_fusion_emitters": True,
}
"""``jax.jit(function, compiler_options=OPTIMISED)`` contracts and fuses, and computes again what is cheap."""
