import jax.numpy as jnp

from vaejax.families import factorised
from vaejax.numerics import require_count, with_gradient_of
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats, Support


def fsq(num_levels: Number = 5) -> Family:
    """z is the level nearest to tanh(s), of `num_levels` evenly spaced from -1 to 1. Stats: one row, s.

    Finite scalar quantisation: q(z|x) is one point of a finite set, so its log mass is 0 there and -inf elsewhere, and
    the rate to `priors.uniform_levels` is log(num_levels) for each latent, exactly, whatever is learned. The gradient
    of z is that of tanh(s), straight through. An even number of levels has none at 0; every level can be reached.
    Mentzer et al. (2024), arXiv:2309.15505, whose levels are these for odd numbers.

    >>> import jax
    >>> z, log_q = fsq(5).sample(jax.random.key(0), (), jnp.array([[-9.0, 0.1, 0.5]]))
    >>> z.tolist(), log_q.tolist()
    ([-1.0, 0.0, 0.5], [0.0, 0.0, 0.0])
    """
    last = require_count("num_levels", num_levels, least=2) - 1

    def index_of(z: Event) -> Event:
        return jnp.round((z + 1) * (last / 2))

    def code(params: Params, stats: Stats) -> Event:
        inside = jnp.tanh(stats[0])
        return with_gradient_of(index_of(inside) * (2 / last) - 1, inside)

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        there = index_of(z) == index_of(jnp.tanh(stats[0]))  # by index, as rounding may tell levels apart
        return jnp.where(there, 0.0, -jnp.inf)

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        return code(params, stats)

    return factorised("fsq", 1, sample, log_prob, code, support=Support(last + 1, -1.0, 1.0))
