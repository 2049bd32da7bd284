"""A Python loop over a jitted step in plain linen with optax, one member."""

from benchmarks.protocol import Way, serve  # first: it starts the clock

# isort: split
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.data import HELD, Bits
from benchmarks.ways.linen import held_loss, linen_of
from benchmarks.work import Work


def make(work: Work, bits: Bits) -> Way:
    """The bits lie on the device; a batch is picked inside the step."""
    linen = linen_of(work)
    raw = jnp.asarray(bits.train)

    def step(state, raw, key, number, rows):
        return linen.step(state, jax.random.fold_in(key, number), raw[rows].astype(jnp.float32))

    compiled = jax.jit(step, donate_argnums=0)
    loss = held_loss(linen, work, jnp.asarray(bits.test[:HELD], jnp.float32))
    rng, at = np.random.default_rng(0), [linen.state, 0]
    key = jax.random.key(1)

    def run(num: int) -> None:
        state, done = at
        for number in range(done, done + num):
            state = compiled(state, raw, key, number, rng.integers(len(raw), size=work.batch))
        at[:] = jax.block_until_ready(state), done + num

    return Way(run, lambda: loss(at[0]))


if __name__ == "__main__":
    serve(make)
