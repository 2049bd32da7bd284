"""A latent size that is a mask costs next to nothing, and one program for ten members less than ten runs of one.

    python experiments/mask_cost.py

About three minutes on two cores. Ten members masked to 2 to 32 of 32 latents take about 1.02 times the seconds of ten
members of 32 latents without a mask (medians of 1.01 to 1.06; single rounds scatter far more where other programs
run). The same ten, one after another in one compiled program, take about 1.1 to 1.3 times the seconds of all ten as
one. However they are trained, their bounds agree to 0.001 nats.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

import vaejax as vj
from vaejax.train import Batches, nothing_shown, order, segment

WIDEST = 32
LATENT_SIZES = [2, 4, 8, 16, 32] * 2
SEEDS = [0] * 5 + [1] * 5

data = vj.data.digits()
train_images = vj.Example(jnp.asarray(data.train))


class Found(NamedTuple):
    """Ratios of seconds, one a round; and final bounds in nats per image, which should agree in pairs.

    widest: of the members masked to 32 of 32, and of those of 32 without a mask, [2, seed].
    mapped: of all masked members trained as one program, and one after another, [2, member].
    """

    masked_to_compact: np.ndarray
    loop_to_mapped: np.ndarray
    widest: np.ndarray
    mapped: np.ndarray


Trained: TypeAlias = Callable[..., jax.Array]


def program(masked: bool, num_epochs: int) -> Trained:
    """`(latent_size, seed) -> bound` of the last epoch of a member, masked or of the widest size."""
    net = vj.nets.mlp(64, 64)

    def train(latent_size: Any, seed: Any) -> jax.Array:
        size, widest = (latent_size, WIDEST) if masked else (WIDEST, None)
        model = vj.vae(
            net, net, data_shape=data.data_shape, latent_size=size, max_latent_size=widest, likelihood=data.likelihood
        )
        taught = vj.trainer(model, vj.objectives.elbo(), optax.adam(3e-3))
        init_key, key = jax.random.split(jax.random.key(seed))
        state = taught.init(init_key, vj.Example(jnp.zeros((1, *data.data_shape))))
        batches = Batches(data.example, 128, len(data.train))
        rows = jax.vmap(lambda epoch: order(batches, key, epoch))(jnp.arange(num_epochs)).reshape(-1, batches.size)
        steps = jnp.asarray(0), jnp.asarray(len(rows))
        return segment(taught, batches, key, (state, nothing_shown()), train_images, rows, *steps)[1].mean.value

    return train


def seconds(run: Callable[[], Any]) -> float:
    """How long a run takes."""
    started = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - started


def ratios(slow: Callable[[], Any], fast: Callable[[], Any], num_rounds: int) -> np.ndarray:
    """Seconds of one over seconds of the other, in turn; both ran before, so that they are compiled."""
    return np.array([seconds(slow) / seconds(fast) for _ in range(num_rounds)])


def main(num_epochs: int = 5, num_rounds: int = 40) -> Found:
    """Train the same ten members in three ways, in turn."""
    latent_sizes, seeds = jnp.array(LATENT_SIZES), jnp.array(SEEDS)
    masked = jax.jit(jax.vmap(program(True, num_epochs)))
    compact = jax.jit(jax.vmap(program(False, num_epochs)))
    one = jax.jit(program(True, num_epochs))

    def run_masked() -> jax.Array:
        return masked(latent_sizes, seeds)

    def run_compact() -> jax.Array:
        return compact(latent_sizes, seeds)

    def run_loop() -> jax.Array:
        return jnp.stack([one(size, seed) for size, seed in zip(latent_sizes, seeds, strict=True)])

    bounds, compact_bounds, loop_bounds = run_masked(), run_compact(), run_loop()
    is_widest = latent_sizes == WIDEST
    return Found(
        ratios(run_masked, run_compact, num_rounds),
        ratios(run_loop, run_masked, num_rounds),
        np.array([bounds[is_widest], compact_bounds[is_widest]]),
        np.array([bounds, loop_bounds]),
    )


def told(ratios: np.ndarray) -> str:
    """The median, and the range."""
    return f"{np.median(ratios):.2f} (from {ratios.min():.2f} to {ratios.max():.2f})"


if __name__ == "__main__":
    found = main()
    print(f"ten masked members, in seconds of ten of the widest size: {told(found.masked_to_compact)}")
    print(f"ten members in turn, in seconds of ten as one program: {told(found.loop_to_mapped)}")
    print(f"largest difference of final bounds, masked or not: {np.ptp(found.widest, axis=0).max():.1g} nats")
    print(f"largest difference of final bounds, mapped or in turn: {np.ptp(found.mapped, axis=0).max():.1g} nats")
