import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import REALS, both, in_use, no_params, on_vectors
from vaejax.numerics import normal_log_prob, require_count, root_of_one_plus
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats


def low_rank_normal(rank: Number = 2) -> Family:
    """q(z|x) = N(z; mean, diag exp(log_scale)^2 + U U^T), U of `rank` columns. Stats: mean, log_scale, U by columns.

    One part, as latents depend on each other; narrowed by a mask it is the normal on the latents in use. Density by
    Woodbury's identity: cost rank^2 times the latents.
    Rezende, Mohamed and Wierstra (2014), arXiv:1401.4082, section 4.3.

    >>> z, log_q = low_rank_normal().sample(jax.random.key(0), (), jnp.zeros((4, 3)))
    >>> z.shape, log_q.shape
    ((3,), (1,))
    """
    return _low_rank_normal(require_count("rank", rank), None)


def _low_rank_normal(rank: int, active: Array | None) -> Family:
    used = in_use(active)

    def sample(key: Key, params: Params, stats: Stats) -> tuple[Event, Parts]:
        own, shared = jax.random.split(key)
        noise = jax.random.normal(own, stats.shape[1:], stats.dtype)
        factors = jax.random.normal(shared, (rank,), stats.dtype)
        z = used(stats[0] + jnp.exp(stats[1]) * noise + factors @ stats[2:])
        return z, log_prob(params, stats, z)

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        whitened = used((z - stats[0]) * jnp.exp(-stats[1]))
        factors = stats[2:] * used(jnp.exp(-stats[1]))[None]  # U over its latents' own scales
        root = root_of_one_plus(factors)
        along = jax.scipy.linalg.solve_triangular(root, factors @ whitened, trans="T")
        own = jnp.sum(used(normal_log_prob(whitened, 0.0, 0.0) - stats[1]))
        return (own + 0.5 * along @ along - jnp.sum(jnp.log(jnp.diag(root))))[None]

    def mean(params: Params, stats: Stats) -> Event:
        return used(stats[0])

    def masked(more: Array) -> Family:
        return _low_rank_normal(rank, both(active, more))

    return on_vectors(Family("low_rank_normal", 2 + rank, no_params, sample, log_prob, mean, REALS, masked))
