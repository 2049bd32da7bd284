"""The grid of this library: all members in its own compiled program, by the plan that it takes by itself."""

from benchmarks.protocol import Way, serve  # first: it starts the clock

# isort: split
import jax
import jax.numpy as jnp

from benchmarks.data import HELD, Bits
from benchmarks.engine import advance_of, advanced
from benchmarks.ways.products import multiply_as
from benchmarks.work import Work
from vaejax.types import VAE, Example, Params

SLICE = 100  # steps of each member that a line asks for at least, as a run does


def loss_of(model: VAE, params: Params, x: jax.Array) -> jax.Array:
    """Distortion at z = the mean of q, and the rate: nats per example."""

    def one(x: jax.Array) -> jax.Array:
        example = Example(x)
        rate = jnp.sum(model.sample(jax.random.key(0), params, example).rate)
        return rate - jnp.sum(model.log_likelihood(params, model.encode(params, example), example))

    return jnp.mean(jax.vmap(one)(x))


def make(work: Work, bits: Bits) -> Way:
    """Members go on from line to line."""
    multiply_as(work)
    advance = advance_of(work, bits)
    held = jnp.asarray(bits.test[:HELD], float)
    loss = jax.jit(jax.vmap(lambda params: loss_of(advance.model, params, held)))
    done = [0]

    def run(num: int) -> None:
        advanced(advance, done[0], num)
        done[0] += num

    slices = max(1.0, SLICE * work.members / work.steps)
    return Way(run, lambda: float(jnp.mean(loss(advance.params))), work.members, slices)


if __name__ == "__main__":
    serve(make)
