from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from vaejax.bound import Terms, terms
from vaejax.numerics import require_number
from vaejax.types import VAE, Example, Key, Number, Params, Scalar

BLOCK = 16  # draws at a time: enough to encode rarely, few enough to stay in the cache


class Measured(NamedTuple):
    """One example, in nats."""

    distortion: Scalar
    rate: Scalar
    log_likelihood: Scalar

    @property
    def elbo(self) -> Float[Array, "..."]:
        """-(distortion + rate): the bound on log p(x) at beta 1, whatever was trained."""
        return -(self.distortion + self.rate)


def importance(key: Key, model: VAE, params: Params, example: Example, num_samples: Number) -> Measured:
    """Distortion, rate and log 1/K sum_k p(x, z_k) / q(z_k|x) of one example, from the same K draws.

    The log likelihood is a lower bound in expectation; its bias is about -Var(w) / (2 K E(w)^2) nats. Memory does not
    grow with K, which may be traced. Cost: K decodings and K/16 encodings. `reliability` says whether to trust it.
    Burda et al. (2016), arXiv:1509.00519.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = model.init(jax.random.key(0), vj.Example(jnp.zeros((1, 4))))
    >>> measured = importance(jax.random.key(1), model, params, vj.Example(jnp.zeros(4)), 20)
    >>> bool(measured.log_likelihood > measured.elbo)
    True
    """
    require_number("num_samples", num_samples, least=1.0)

    def block(index: jax.Array, total: Measured) -> Measured:
        found, counts = block_of_draws(index, key, model, params, example, num_samples)
        return Measured(
            total.distortion + jnp.sum(jnp.where(counts, found.distortion, 0.0)),
            total.rate + jnp.sum(jnp.where(counts, found.rate, 0.0)),
            jnp.logaddexp(total.log_likelihood, jax.nn.logsumexp(found.log_weight)),
        )

    num_blocks = -(-num_samples // BLOCK)
    total = jax.lax.fori_loop(0, num_blocks, block, Measured(jnp.zeros(()), jnp.zeros(()), jnp.array(-jnp.inf)))
    num = jnp.asarray(num_samples, float)
    return Measured(total.distortion / num, total.rate / num, total.log_likelihood - jnp.log(num))


def block_of_draws(
    index: Array, key: Key, model: VAE, params: Params, example: Example, num_samples: Number
) -> tuple[Terms, Bool[Array, " block"]]:
    """The terms of one block of draws, and which of them are among the first `num_samples`: others weigh nothing."""
    draws = index * BLOCK + jnp.arange(BLOCK)
    keys = jax.vmap(lambda draw: jax.random.fold_in(key, draw))(draws)
    found = jax.vmap(lambda key: terms(key, model, params, example))(keys)
    counts = draws < num_samples
    return found._replace(log_weight=jnp.where(counts, found.log_weight, -jnp.inf)), counts
