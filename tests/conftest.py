# ruff: noqa: E402, as variables are read when jax is imported
"""The setting of every test: the CPU, a compilation cache that is kept, shapes checked, no silent broadcasting."""

import importlib.metadata
import os
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".cache"
for name, value in {
    "JAX_PLATFORMS": "cpu",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",  # compiling is what tests wait for
    "JAX_COMPILATION_CACHE_DIR": str(CACHE / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "VAEJAX_CACHE": str(CACHE / "vaejax"),
    "VAEJAX_DATA": str(CACHE / "data"),
}.items():
    os.environ.setdefault(name, value)
if tuple(map(int, importlib.metadata.version("jax").split(".")[:2])) < (0, 11):  # compiles in half the time; gone since
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")

import jax
import jaxtyping
import numpy as np
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")
CORE = "assembly bound contexts decoding divergences families hierarchy likelihoods metrics model nets "
CORE += "latent samplers "
CORE += "numerics objectives posteriors priors spheres train variants verbs"
jaxtyping.install_import_hook([f"vaejax.{room}" for room in CORE.split()], "checked.checked")  # before vaejax is


LONG_VARIANTS = frozenset((Path(__file__).parent / "long_variants.txt").read_text().splitlines())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What is listed there is long too."""
    for item in items:
        if item.nodeid in LONG_VARIANTS:
            item.add_marker(pytest.mark.long)


MAPS = Path("/proc/self/maps")  # of Linux
MOST = 10_000  # a process may have 65,530, and each compiled program takes some


@pytest.fixture(autouse=True)
def few_programs_in_memory():
    """Compiled programs are let go before a long run of tests has used up what the system gives one process."""
    yield
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MOST:
        jax.clear_caches()


@pytest.fixture
def float64():
    """Double precision, for densities and equalities that hold to 1e-8 and better."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="session")
def rows(tmp_path_factory):
    """A file of 60 images of 4 x 4 pixels, uint8, for the command line."""
    path = tmp_path_factory.mktemp("data") / "rows.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (60, 4, 4)).astype(np.uint8))
    return path
