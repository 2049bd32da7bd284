import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import factorised, no_params
from vaejax.numerics import require_number
from vaejax.types import Event, Family, Key, Number, Params, Parts, Shape, Stats


def laplace(scale: Number = 0.1) -> Family:
    """p(x) = exp(-|x - s| / scale) / (2 scale), a fixed scale. Stats: one row, the mean, which is also the median.

    Support: the reals. -log p(x|z) is absolute error / scale plus a constant that is kept, so an outlier pulls on the
    mean no more than any other value. At x = s, where the density has a kink, the gradient is zero.

    >>> laplace(scale=0.5).log_prob((), jnp.zeros((1, 2)), jnp.array([0.0, 1.0])).tolist()
    [0.0, -2.0]
    """
    log_scale = jnp.log(require_number("the scale of a laplace", scale, above=0.0))
    return _with_scale("laplace", lambda params: log_scale)


def learned_laplace(scale: float = 0.3) -> Family:
    """exp(-|x - s| / b) / (2 b), one learned b for all entries, started at `scale`. Stats: one row, the mean.

    Support: the reals. The best b is the mean absolute error, so the scale settles where distortion and rate balance
    and no weight has to be tuned: `learned_normal` with absolute errors.

    >>> learned_laplace().init(None, (8, 8))["log_scale"].shape
    ()
    """
    require_number("the first scale of a laplace", scale, above=0.0)

    def init(key: Key | None, shape: Shape) -> Params:
        return {"log_scale": jnp.log(jnp.asarray(scale, float))}

    return _with_scale("learned_laplace", lambda params: params["log_scale"], init)


def _with_scale(name: str, log_scale: Callable[[Params], Array], init: Callable[..., Params] = no_params) -> Family:
    """A Laplace whose log_scale comes from `params`."""

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        noise = jax.random.laplace(key, stats.shape[1:], stats.dtype)
        return stats[0] + jnp.exp(log_scale(params)) * noise

    def log_prob(params: Params, stats: Stats, x: Event) -> Parts:
        return -jnp.abs(x - stats[0]) * jnp.exp(-log_scale(params)) - log_scale(params) - math.log(2)

    def mean(params: Params, stats: Stats) -> Event:
        return stats[0]

    return factorised(name, 1, sample, log_prob, mean, init=init)
