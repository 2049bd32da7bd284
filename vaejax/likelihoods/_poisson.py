import jax.numpy as jnp

from vaejax.families import COUNTS, factorised
from vaejax.types import Event, Family, Key, Params, Parts, Stats

from ._counts import held_log_mean, poisson_draw, poisson_log_mass


def poisson() -> Family:
    """P(x) = m^x exp(-m) / x!, m = exp(s), for the counts x = 0, 1, 2, ... Stats: one row, the log mean.

    The log mean is held in [-20, 20]. Where examples are counted for unequal times or to unequal depths, wrap the
    decoder: `nets.library_sized` adds the log of each example's total. Data: integers or floats that are whole numbers
    (uint8 are taken for grey levels); x is the count itself.

    >>> family = poisson()
    >>> family.log_prob((), jnp.zeros((1, 3)), jnp.array([0.0, 1.0, 4.0])).round(2).tolist()  # -1 - log x!
    [-1.0, -1.0, -4.179999828338623]
    """
    return factorised("poisson", 1, _sample, _log_prob, _mean, support=COUNTS)


def _sample(key: Key, params: Params, stats: Stats) -> Event:
    return poisson_draw(key, held_log_mean(stats[0]))


def _log_prob(params: Params, stats: Stats, x: Event) -> Parts:
    return poisson_log_mass(x, held_log_mean(stats[0]))


def _mean(params: Params, stats: Stats) -> Event:
    return jnp.exp(held_log_mean(stats[0]))
