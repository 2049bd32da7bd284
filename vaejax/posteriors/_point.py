import jax.numpy as jnp

from vaejax.families import factorised
from vaejax.numerics import require_count
from vaejax.types import Event, Family, Key, Params, Parts, Shape, Stats


def point(unit_shape: Shape = ()) -> Family:
    """q(z|x) is one point, z = s: an autoencoder. Stats: one row, s. `unit_shape` (8,): each latent is 8 numbers.

    A point has no density: log q is +inf there and -inf elsewhere. So log p(x) has no bound here, and importance
    weights, `iwae` and `log_likelihood` are -inf. The rate leaves the infinite constant out: it is -log p(z), no KL,
    and under `priors.standard_normal` |z|^2 / 2 + log(2 pi) / 2 for each number, the penalty of a regularised
    autoencoder, with `objectives.elbo(beta)` as its weight; -(distortion + rate) is no bound on log p(x).
    It is what `variants.vector_quantised` is made of. Ghosh et al. (2020), arXiv:1903.12436 (RAE).

    >>> import jax
    >>> z, log_q = point((8,)).sample(jax.random.key(0), (), jnp.ones((1, 3, 8)))
    >>> z.shape, log_q.tolist()
    ((3, 8), [inf, inf, inf])
    """
    unit_shape = tuple(require_count("an entry of unit_shape", size) for size in unit_shape)

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        there = jnp.all(z == stats[0], axis=tuple(range(-len(unit_shape), 0)))
        return jnp.where(there, jnp.inf, -jnp.inf)

    return factorised("point", 1, _sample, log_prob, _mean, unit_shape=unit_shape)


def _sample(key: Key, params: Params, stats: Stats) -> Event:
    return stats[0]


def _mean(params: Params, stats: Stats) -> Event:
    return stats[0]
