"""Steps in plain linen with optax in a loop of one program, which is what `lax.scan` is too; one member."""

from benchmarks.protocol import Way, serve  # first: it starts the clock

# isort: split
import jax
import jax.numpy as jnp

from benchmarks.data import HELD, Bits
from benchmarks.ways.linen import held_loss, linen_of
from benchmarks.work import Work


def make(work: Work, bits: Bits) -> Way:
    """A call does all steps that it is asked for."""
    linen = linen_of(work)
    raw = jnp.asarray(bits.train)

    def many(state, raw, first, num):
        def step(number, state):
            rows_key, noise_key = jax.random.split(jax.random.fold_in(jax.random.key(1), first + number))
            rows = jax.random.randint(rows_key, (work.batch,), 0, len(raw))
            return linen.step(state, noise_key, raw[rows].astype(jnp.float32))

        return jax.lax.fori_loop(0, num, step, state)

    compiled = jax.jit(many, donate_argnums=0)
    loss = held_loss(linen, work, jnp.asarray(bits.test[:HELD], jnp.float32))
    at = [linen.state, 0]

    def run(num: int) -> None:
        at[:] = jax.block_until_ready(compiled(at[0], raw, at[1], num)), at[1] + num

    return Way(run, lambda: loss(at[0]), part=0.1)  # XLA's convolutions take long there


if __name__ == "__main__":
    serve(make)
