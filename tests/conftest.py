# ruff: noqa: E402, as variables are read when jax is imported
"""The setting of every test: the CPU, a compilation cache that is kept, shapes checked, no silent broadcasting."""

import os
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".cache"
for name, value in {
    "JAX_PLATFORMS": "cpu",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",  # compiling is what tests wait for
    "JAX_COMPILATION_CACHE_DIR": str(CACHE / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "VAEJAX_DATA": str(CACHE / "data"),
}.items():
    os.environ.setdefault(name, value)

import jax
import jaxtyping
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")
CORE = "bound divergences families likelihoods metrics model nets numerics objectives posteriors priors train verbs"
jaxtyping.install_import_hook([f"vaejax.{room}" for room in CORE.split()], "beartype.beartype")  # before vaejax is


@pytest.fixture
def float64():
    """Double precision, for densities and equalities that hold to 1e-8 and better."""
    with jax.enable_x64(True):
        yield
