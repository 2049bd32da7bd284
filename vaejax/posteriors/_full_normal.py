import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import REALS, both, in_use, no_params, on_vectors
from vaejax.numerics import normal_log_prob, require_count
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats


def full_normal(max_latent_size: Number = 16) -> Family:
    """q(z|x) = N(z; mean, L L^T), any covariance: z = mean + L eps, L lower triangular with exp(log_scale) on it.

    Stats: mean, log_scale, and a row for each column of L below the diagonal, for as many latents as `max_latent_size`
    says, in use or not. One part, as latents depend on each other; the first latents do not depend on later ones, so
    narrowed by a mask it is the smaller one. Cost: max_latent_size outputs of the encoder for each latent.
    Kingma and Welling (2019), arXiv:1906.02691, section 2.5.1.

    >>> z, log_q = full_normal(4).sample(jax.random.key(0), (), jnp.zeros((6, 3)))
    >>> z.shape, log_q.shape
    ((3,), (1,))
    """
    return _full_normal(require_count("max_latent_size", max_latent_size), None)


def factor_of(stats: Stats) -> Array:
    """L, [latent, latent], of the stats of `full_normal`."""
    num = stats.shape[1]
    columns = stats[2 : 2 + num].T  # [latent, column]
    return jnp.tril(columns, -1) + jnp.diag(jnp.exp(stats[1]))


def _full_normal(widest: int, active: Array | None) -> Family:
    used = in_use(active)

    def sample(key: Key, params: Params, stats: Stats) -> tuple[Event, Parts]:
        noise = jax.random.normal(key, stats.shape[1:], stats.dtype)
        z = used(stats[0] + factor_of(_fitting(stats)) @ noise)
        return z, _log_prob_of(noise, stats)

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        noise = jax.scipy.linalg.solve_triangular(factor_of(_fitting(stats)), z - stats[0], lower=True)
        return _log_prob_of(noise, stats)

    def _log_prob_of(noise: Array, stats: Stats) -> Parts:
        return jnp.sum(used(normal_log_prob(noise, 0.0, 0.0) - stats[1]))[None]

    def _fitting(stats: Stats) -> Stats:
        require_count("max_latent_size of full_normal", widest, least=stats.shape[1])
        return stats

    def mean(params: Params, stats: Stats) -> Event:
        return used(stats[0])

    def masked(more: Array) -> Family:
        return _full_normal(widest, both(active, more))

    return on_vectors(Family("full_normal", 2 + widest, no_params, sample, log_prob, mean, REALS, masked))
