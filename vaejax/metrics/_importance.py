from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from vaejax.bound import Terms, terms
from vaejax.metrics._effective_sample_size import ess_of
from vaejax.numerics import require_number
from vaejax.types import VAE, Example, Key, Number, Params, Scalar

BLOCK = 16  # draws at a time: enough to encode rarely, few enough to stay in the cache


class Measured(NamedTuple):
    """One example, in nats. ess: the effective number of draws that its log likelihood is made of."""

    distortion: Scalar
    rate: Scalar
    log_likelihood: Scalar
    ess: Scalar

    @property
    def elbo(self) -> Float[Array, "..."]:
        """-(distortion + rate): the bound on log p(x) at beta 1, whatever was trained."""
        return -(self.distortion + self.rate)


class Sums(NamedTuple):
    """Over draws. log_sum, log_squares: of the importance weights, and of their squares."""

    distortion: Scalar
    rate: Scalar
    log_sum: Scalar
    log_squares: Scalar


def importance(key: Key, model: VAE, params: Params, example: Example, num_samples: Number) -> Measured:
    """Distortion, rate and log 1/K sum_k p(x, z_k) / q(z_k|x) of one example, from the same K draws.

    The log likelihood is a lower bound in expectation; its bias is about -Var(w) / (2 K E(w)^2) nats. Memory does not
    grow with K, which may be traced. Cost: K decodings and K/16 encodings. Near an effective sample size of 1 the
    estimate is that of one lucky draw, and too low; `reliability` says whether to trust it.
    Burda et al. (2016), arXiv:1509.00519.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = model.init(jax.random.key(0), vj.Example(jnp.zeros((1, 4))))
    >>> measured = importance(jax.random.key(1), model, params, vj.Example(jnp.zeros(4)), 20)
    >>> bool(measured.log_likelihood > measured.elbo)
    True
    """
    require_number("num_samples", num_samples, least=1.0)

    def block(index: jax.Array, total: Sums) -> Sums:
        found, counts = block_of_draws(index, key, model, params, example, num_samples)
        return Sums(
            total.distortion + jnp.sum(jnp.where(counts, found.distortion, 0.0)),
            total.rate + jnp.sum(jnp.where(counts, found.rate, 0.0)),
            jnp.logaddexp(total.log_sum, jax.nn.logsumexp(found.log_weight)),
            jnp.logaddexp(total.log_squares, jax.nn.logsumexp(2 * found.log_weight)),
        )

    num_blocks, empty = -(-num_samples // BLOCK), jnp.array(-jnp.inf)
    total = jax.lax.fori_loop(0, num_blocks, block, Sums(jnp.zeros(()), jnp.zeros(()), empty, empty))
    num = jnp.asarray(num_samples, float)
    ess = ess_of(total.log_sum, total.log_squares)
    return Measured(total.distortion / num, total.rate / num, total.log_sum - jnp.log(num), ess)


def block_of_draws(
    index: Array, key: Key, model: VAE, params: Params, example: Example, num_samples: Number
) -> tuple[Terms, Bool[Array, " block"]]:
    """The terms of one block of draws, and which of them are among the first `num_samples`: others weigh nothing."""
    draws = index * BLOCK + jnp.arange(BLOCK)
    keys = jax.vmap(lambda draw: jax.random.fold_in(key, draw))(draws)
    found = jax.vmap(lambda key: terms(key, model, params, example))(keys)
    counts = draws < num_samples
    return found._replace(log_weight=jnp.where(counts, found.log_weight, -jnp.inf)), counts
