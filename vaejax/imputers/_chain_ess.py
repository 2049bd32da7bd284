import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Scalar


def chain_ess(z: Float[Array, "chain step *latent"]) -> Scalar:
    """chains x steps / (1 + 2 sum_t rho_t) of the latent that mixes worst.

    The autocorrelations rho_t are held against the variance within and between chains, so that chains which stay apart
    lower it, and are summed while those of two neighbouring lags are positive together, in falling order.
    Not above the number of draws; 1 where no latent moves. Vehtari et al. (2021), arXiv:1903.08008; Geyer (1992).

    >>> steady = jnp.sin(jnp.arange(800.0) ** 2).reshape(4, 200, 1)
    >>> bool(chain_ess(steady) > 400), chain_ess(jnp.cumsum(steady, 1)).item() < 100, chain_ess(0 * steady).item()
    (True, True, 1.0)
    """
    num_chains, num_steps = z.shape[:2]
    x = z.reshape(num_chains, num_steps, -1)
    middle = jnp.mean(x, axis=1, keepdims=True)
    power = jnp.square(jnp.abs(jnp.fft.fft(x - middle, 2 * num_steps, axis=1)))
    covariance = jnp.mean(jnp.fft.ifft(power, axis=1).real[:, :num_steps], axis=0) / num_steps
    within = covariance[0] * num_steps / (num_steps - 1)
    between = jnp.var(middle[:, 0], axis=0, ddof=1) if num_chains > 1 else jnp.zeros_like(within)
    total = covariance[0] + between
    moves = jnp.any(x != x[:1, :1], axis=(0, 1)) & (total > 0)
    rho = 1 - (within[None] - covariance) / jnp.where(moves, total, 1.0)[None]
    pairs = rho[: num_steps // 2 * 2].at[0].set(1.0).reshape(num_steps // 2, 2, -1).sum(1)
    counts = jnp.cumprod(pairs > 0, axis=0)
    falling = jnp.minimum.accumulate(jnp.where(counts, pairs, 0.0), axis=0)
    num = num_chains * num_steps
    each = jnp.where(moves, num / jnp.maximum(2 * jnp.sum(falling, axis=0) - 1, 1.0), num)
    return jnp.where(jnp.any(moves), jnp.min(each), 1.0)
