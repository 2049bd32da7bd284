from vaejax.families import factorised, levels_of
from vaejax.numerics import require_count
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats

from ._logistic_cells import draw, log_mass, mean_level


def discretized_logistic(levels: Number = 256) -> Family:
    """P(x) = F(x + h) - F(x - h), h = 1/(2(n-1)), F logistic, for n levels; the outermost take the tails.

    Stats: two rows, mean and log_scale (held in [-15, 15]). Salimans et al. (2017), arXiv:1701.05517, one component.

    >>> import jax.numpy as jnp
    >>> family = discretized_logistic(17)
    >>> x = jnp.linspace(0, 1, 17)
    >>> jnp.exp(family.log_prob((), jnp.zeros((2, 17)), x)).sum().round(4).item()
    1.0
    """
    num = require_count("levels", levels, least=2)

    def log_prob(params: Params, stats: Stats, x: Event) -> Parts:
        return log_mass(num, x, stats[0], stats[1])

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        return draw(key, num, stats[0], stats[1])

    def mean(params: Params, stats: Stats) -> Event:
        return mean_level(num, stats[0], stats[1])

    return factorised("discretized_logistic", 2, sample, log_prob, mean, support=levels_of(num))
