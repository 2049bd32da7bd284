import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Scalar

FEWEST = 5  # weights a tail is fitted to
PRIOR_DRAWS, PRIOR_K = 10, 0.5  # of Vehtari et al.: a small tail is drawn towards 1/2
SMALLEST = 1e-30  # an excess in units of the largest weight; its inverse is still a float32
ROUNDING = 1e-3  # of the largest weight; the error of log p(x) in float32, which has no tail


def pareto_k(log_weights: Float[Array, " draws"]) -> Scalar:
    """k of a generalised Pareto law fitted to the largest min(S/5, 3 sqrt S) of S importance weights.

    Weights have 1/k finite moments: below 1/2 a variance, so that the error of their mean falls as 1/sqrt(S); from 1 on
    not even a mean. Above 0.7 do not trust what the weights estimate, whatever its standard error says: it takes
    more draws than anyone has. With fewer than 2,200 draws the limit is 1 - 1/log10(S), as k itself is then noisy.
    Vehtari et al. (2024), arXiv:1507.02646, with their weak prior, (n k + 5) / (n + 10) for a tail of n; fitted as in
    Zhang and Stephens (2009), Technometrics 51, 316: a posterior mean over a grid, with no iteration.

    Infinite with fewer than 21 draws, which have no tail to fit, and where every weight is zero; 0 where the whole tail
    is of one weight within a thousandth, as at the exact posterior. Bias: towards 1/2, and towards what the draws have
    seen: of q = N(0, f^2) for N(0, 1), f < 1, the index is 1 - f^2, and 4,000 draws give 0.57 (sd 0.10) of 0.64 at f =
    0.6, 0.76 (0.12) of 0.84 at 0.4 and 0.85 (0.12) of 0.96 at 0.2. One k near the limit says little: look at those of
    many examples.

    >>> weights = 1 / jax.random.uniform(jax.random.key(0), (10_000,)) ** 0.9  # of index 0.9
    >>> 0.75 < pareto_k(jnp.log(weights)) < 1.05
    Array(True, dtype=bool)
    """
    size = tail_size(len(log_weights))
    return k_of_tail(jax.lax.top_k(log_weights, min(size + 1, len(log_weights)))[0])


def tail_size(num_draws: int) -> int:
    """How many of the largest weights are the tail.

    >>> tail_size(100), tail_size(10_000)
    (20, 300)
    """
    return math.ceil(min(0.2 * num_draws, 3 * math.sqrt(num_draws)))


def k_of_tail(largest: Float[Array, " size_and_one"]) -> Scalar:
    """From the largest log weights in falling order, the last of which is the threshold that the others exceed."""
    num = len(largest) - 1
    if num < FEWEST:
        return jnp.array(jnp.inf)
    nothing = jnp.isneginf(largest[0])
    weights = jnp.exp(largest - jnp.where(nothing, 0.0, largest[0]))
    ties = (largest[:-1] == largest[-1]) & (weights[:-1] > 0)
    excess = jnp.where(ties, 0.0, jnp.maximum(weights[:-1] - weights[-1], SMALLEST))[::-1]
    flat = 1 - weights[-1] < ROUNDING
    k = (num * _fitted(jnp.where(flat, 1.0, excess)) + PRIOR_DRAWS * PRIOR_K) / (num + PRIOR_DRAWS)
    return jnp.where(nothing, jnp.inf, jnp.where(flat, 0.0, k))


def _fitted(excess: Float[Array, " size"]) -> Scalar:
    """k, given excesses in rising order."""
    num = len(excess)
    num_points = 30 + math.isqrt(num)
    ties = jnp.sum(excess == 0)  # with the threshold, as discrete latents have: no scale is read off them
    quarter = jnp.maximum(jnp.floor((num - ties) / 4 + 0.5).astype(int), 1)
    points = 1 - jnp.sqrt(num_points / (jnp.arange(num_points) + 0.5))
    theta = 1 / excess[-1] + points / (3 * excess[ties + quarter - 1])
    k = _mean_log(theta, excess)
    log_likelihood = num * (jnp.log(-theta / k) - k - 1)
    return _mean_log(jnp.sum(theta * jax.nn.softmax(log_likelihood))[None], excess)[0]


def _mean_log(theta: Float[Array, " points"], excess: Float[Array, " size"]) -> Float[Array, " points"]:
    return jnp.mean(jnp.log1p(-theta[:, None] * excess[None]), axis=1)
