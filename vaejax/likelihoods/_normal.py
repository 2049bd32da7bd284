from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import factorised, no_params
from vaejax.numerics import normal_log_prob, require_number, towards
from vaejax.types import Event, Family, Key, Number, Params, Parts, Shape, Stats

FLOOR = 1e-6  # of a variance that is set from squared errors, so that a perfect fit stays finite


def normal(scale: Number = 0.1) -> Family:
    """N(x; s, scale^2), a fixed scale. Stats: one row, the mean. Support: the reals.

    -log p(x|z) is squared error / (2 scale^2) plus a constant that is kept: 2 scale^2 trades it against the rate.

    >>> normal(scale=1.0).log_prob((), jnp.zeros((1, 1)), jnp.zeros(1)).item().__round__(4)
    -0.9189
    """
    log_scale = jnp.log(require_number("the scale of a normal", scale, above=0.0))
    return _with_scale("normal", lambda params: log_scale)


def learned_normal(scale: float = 0.3) -> Family:
    """N(x; s, exp(log_scale)^2), one learned scale for all entries, started at `scale`. Stats: one row, the mean.

    The scale settles where distortion and rate balance, so no weight has to be tuned.
    Rybkin, Daniilidis and Levine (2021), arXiv:2006.13202 (sigma-VAE).

    >>> learned_normal().init(None, (8, 8))["log_scale"].shape
    ()
    """
    require_number("the first scale of a normal", scale, above=0.0)

    def init(key: Key | None, shape: Shape) -> Params:
        return {"log_scale": jnp.log(jnp.asarray(scale, float))}

    return _with_scale("learned_normal", lambda params: params["log_scale"], init)


def optimal_normal(scale: float = 0.3) -> Family:
    """N(x; s, v), v the mean squared error itself: the maximum of the likelihood in closed form. Stats: the mean.

    `v` is a parameter that training moves onto the mean squared error of the batch, exactly in one step where its
    optimizer is `optax.sgd(1.0)`, or as a running mean at a smaller rate:
    `vj.by_name(optax.adam(1e-3), likelihood=optax.sgd(1.0))`. Measures use the `v` that was stored, so the density is
    normalised: a scale read off the example itself would see the answer. The floor of `v` is 1e-6.
    Rybkin, Daniilidis and Levine (2021), arXiv:2006.13202 (optimal sigma-VAE).

    >>> family = optimal_normal()
    >>> params = family.init(None, (2,))
    >>> jax.grad(lambda p: family.log_prob(p, jnp.zeros((1, 2)), jnp.ones(2)).sum())(params)["variance"].round(2).item()
    0.9099999666213989
    """
    require_number("the first scale of a normal", scale, above=0.0)

    def init(key: Key | None, shape: Shape) -> Params:
        return {"variance": jnp.square(jnp.asarray(scale, float))}

    def pull(params: Params, stats: Stats, x: Event) -> Array:
        return towards(params["variance"], jnp.square(x - stats[0])) / x.size  # by part, so unobserved entries pull not

    return _with_scale(
        "optimal_normal", lambda params: _half_log(jax.lax.stop_gradient(params["variance"])), init, pull
    )


def _half_log(variance: Array) -> Array:
    return 0.5 * jnp.log(jnp.maximum(variance, FLOOR))


def _with_scale(
    name: str,
    log_scale: Callable[[Params], Array],
    init: Callable[..., Params] = no_params,
    pull: Callable[[Params, Stats, Event], Array] | None = None,
) -> Family:
    """A normal whose log_scale comes from `params`; `pull` is zero in value and moves `params` by its gradient."""

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        noise = jax.random.normal(key, stats.shape[1:], stats.dtype)
        return stats[0] + jnp.exp(log_scale(params)) * noise

    def log_prob(params: Params, stats: Stats, x: Event) -> Parts:
        parts = normal_log_prob(x, stats[0], log_scale(params))
        return parts if pull is None else parts + pull(params, stats, x)

    def mean(params: Params, stats: Stats) -> Event:
        return stats[0]

    return factorised(name, 1, sample, log_prob, mean, init=init)
