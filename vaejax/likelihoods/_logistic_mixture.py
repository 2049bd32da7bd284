import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import factorised, levels_of
from vaejax.numerics import require_count
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats

from ._logistic_cells import draw, log_mass, mean_level


def logistic_mixture(levels: Number = 256, num_components: Number = 5) -> Family:
    """P(x) = sum_k softmax(w)_k [F_k(x + h) - F_k(x - h)], h = 1/(2(n-1)), F_k logistic, for n levels.

    Stats: 3K rows, K logits w, then K means, then K log_scales (held in [-15, 15]); the outermost levels take the
    tails. Values and means are on [0, 1], where the paper's are on [-1, 1]. Every entry has a mixture of its own and
    is independent of all others given z: the channels of a pixel are not coupled, as they are in the paper.
    Salimans et al. (2017), arXiv:1701.05517 (PixelCNN++).

    >>> family = logistic_mixture(17, num_components=2)
    >>> x = jnp.linspace(0, 1, 17)
    >>> jnp.exp(family.log_prob((), jnp.ones((6, 17)), x)).sum().round(4).item()
    1.0
    """
    num = require_count("levels", levels, least=2)
    count = require_count("num_components", num_components)

    def rows(stats: Stats) -> tuple[Array, Array, Array]:
        return stats[:count], stats[count : 2 * count], stats[2 * count :]

    def log_prob(params: Params, stats: Stats, x: Event) -> Parts:
        logits, means, log_scales = rows(stats)
        parts = jax.nn.log_softmax(logits, axis=0) + log_mass(num, x[None], means, log_scales)
        return jax.nn.logsumexp(parts, axis=0)

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        which, within = jax.random.split(key)
        logits, means, log_scales = rows(stats)
        index = jax.random.categorical(which, logits, axis=0)[None]
        chosen = (jnp.take_along_axis(leaf, index, axis=0)[0] for leaf in (means, log_scales))
        return draw(within, num, *chosen)

    def mean(params: Params, stats: Stats) -> Event:
        logits, means, log_scales = rows(stats)
        return jnp.sum(jax.nn.softmax(logits, axis=0) * mean_level(num, means, log_scales), axis=0)

    return factorised("logistic_mixture", 3 * count, sample, log_prob, mean, support=levels_of(num))
