import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Scalar


def effective_sample_size(log_weights: Float[Array, " draws"]) -> Scalar:
    """(sum_k w_k)^2 / sum_k w_k^2, between 1 and the number of draws; 0 where every weight is zero.

    1 / ESS - 1 / K is the squared relative error of the mean weight, and so about the variance of its logarithm: at an
    ESS of 100 the log likelihood is known to 0.1 nats. It comes from the draws that were seen and cannot know of the
    large weights that were not: look at `pareto_k` first. Kong (1992); Owen (2013), section 9.3.

    >>> effective_sample_size(jnp.array([0.0, 0.0, -jnp.inf, -jnp.inf])).item()
    2.0
    """
    return ess_of(jax.nn.logsumexp(log_weights), jax.nn.logsumexp(2 * log_weights))


def ess_of(log_sum: Scalar, log_sum_of_squares: Scalar) -> Scalar:
    """From log sum w and log sum w^2."""
    none = jnp.isneginf(log_sum)
    return jnp.where(none, 0.0, jnp.exp(2 * jnp.where(none, 0.0, log_sum) - log_sum_of_squares))
