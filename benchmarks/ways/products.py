"""How jax multiplies, told before anything is compiled."""

import jax

from benchmarks.work import PRODUCTS, Work


def multiply_as(work: Work) -> None:
    """Products on an accelerator by the precision that the work names; a processor knows float32 alone."""
    if jax.default_backend() != "cpu":
        jax.config.update("jax_default_matmul_precision", PRODUCTS[work.products])
