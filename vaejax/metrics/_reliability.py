import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from vaejax.metrics._effective_sample_size import ess_of
from vaejax.metrics._importance import BLOCK, block_of_draws
from vaejax.metrics._pareto import k_of_tail, tail_size
from vaejax.numerics import require_count
from vaejax.types import VAE, Example, Key, Params, Scalar

TRUSTED = 0.7  # k above which no number of draws that one can afford is enough


class Reliability(NamedTuple):
    """Of the importance weights of one example.

    log_likelihood: log of the mean weight, in nats. ess: the effective number of draws. pareto_k: how heavy the tail.
    limit: the largest `pareto_k` with which this number of draws is to be trusted.
    """

    log_likelihood: Scalar
    ess: Scalar
    pareto_k: Scalar
    standard_error: Scalar
    limit: Scalar

    @property
    def trusted(self) -> Bool[Array, "..."]:
        """Whether `log_likelihood` is within its standard error as it claims; never where k is not known."""
        return self.pareto_k <= self.limit


def reliability(key: Key, model: VAE, params: Params, example: Example, num_samples: int) -> Reliability:
    """Whether `importance` with this key and number of draws is to be trusted: the ESS and the tail of its weights.

    `log_likelihood` is that of `importance`, from the same draws; its standard error is sqrt(1/ESS - 1/K) nats, which
    is right only where `trusted`: k at most min(0.7, 1 - 1/log10 K), Vehtari et al. (2024), arXiv:1507.02646. Where it
    is not, log p(x) is almost surely higher than what is reported. A q that misses a mode altogether can not be seen
    from its own draws, by this or any other measure of them.

    Memory: the largest 3 sqrt(K) weights; draws go by in blocks. Cost: that of `importance` and a sort of those weights
    for every 16 draws. The number of draws is a Python number, as it shapes the tail.
    Raises: VaejaxError where it is no whole number above 0.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = model.init(jax.random.key(0), vj.Example(jnp.zeros((1, 4))))
    >>> found = reliability(jax.random.key(1), model, params, vj.Example(jnp.zeros(4)), 200)
    >>> bool(found.trusted), bool(found.ess > 20)
    (True, True)
    """
    num_samples = require_count("num_samples", num_samples)
    kept = min(tail_size(num_samples) + 1, num_samples)
    nothing = jnp.array(-jnp.inf)

    def block(index: Array, carry: tuple[Scalar, Scalar, Float[Array, " kept"]]) -> tuple:
        log_sum, log_squares, largest = carry
        log_weights = block_of_draws(index, key, model, params, example, num_samples)[0].log_weight
        return (
            jnp.logaddexp(log_sum, jax.nn.logsumexp(log_weights)),
            jnp.logaddexp(log_squares, jax.nn.logsumexp(2 * log_weights)),
            jax.lax.top_k(jnp.concatenate([largest, log_weights]), kept)[0],
        )

    num_blocks = -(-num_samples // BLOCK)
    start = (nothing, nothing, jnp.full(kept, -jnp.inf))
    log_sum, log_squares, largest = jax.lax.fori_loop(0, num_blocks, block, start)
    ess = ess_of(log_sum, log_squares)
    error = jnp.sqrt(jnp.maximum(1 / ess - 1 / num_samples, 0.0))
    limit = jnp.array(limit_of(num_samples))
    return Reliability(log_sum - math.log(num_samples), ess, k_of_tail(largest), error, limit)


def limit_of(num_samples: int) -> float:
    """The largest k that can be told from one that is too large, with so many draws.

    >>> round(limit_of(100), 3), limit_of(5000)
    (0.5, 0.7)
    """
    return min(TRUSTED, 1 - 1 / math.log10(num_samples)) if num_samples > 1 else -math.inf
