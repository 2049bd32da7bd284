"""The machine's rate as JAX reaches it: a product of large float32 matrices."""

from benchmarks.protocol import Way, serve  # first: it starts the clock

# isort: split
import jax
import jax.numpy as jnp

from benchmarks.data import Bits
from benchmarks.work import PRODUCTS, Work


def make(work: Work, bits: Bits) -> Way:
    """A step is one product of two `[size, size]`."""
    a = jax.random.normal(jax.random.key(0), (work.size, work.size))
    product = jax.jit(lambda a, b: jnp.matmul(a, b, precision=PRODUCTS[work.products]))

    def run(num: int) -> None:
        for _ in range(num):
            jax.block_until_ready(product(a, a))

    return Way(run, None)


if __name__ == "__main__":
    serve(make)
