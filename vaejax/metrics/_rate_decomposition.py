from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.bound import keys_of, require_per_latent, weights_of
from vaejax.numerics import average
from vaejax.types import VAE, Draw, Example, Key, Latent, Params, Parts, Scalar

BLOCK = 16  # examples under each of which all codes are looked at, at a time


class RateDecomposition(NamedTuple):
    """The rate in three parts, nats per example, and the standard error of each from the draws of z.

    information: I(index; z), of an example and its code. total_correlation: KL(q(z) || prod_l q(z_l)).
    dimension_wise: sum_l KL(q(z_l) || p(z_l)). errors: in that order.
    """

    information: Scalar
    total_correlation: Scalar
    dimension_wise: Scalar
    errors: Float[Array, "3"]

    @property
    def marginal_kl(self) -> Float[Array, "..."]:
        """KL(q(z) || p(z)), total correlation and dimension-wise KL: what a better prior could take off the rate."""
        return self.total_correlation + self.dimension_wise

    @property
    def rate(self) -> Float[Array, "..."]:
        """The sum of the three."""
        return self.information + self.marginal_kl


def rate_decomposition(key: Key, model: VAE, params: Params, batch: Example) -> RateDecomposition:
    """E_x KL(q(z|x) || p) = I(index; z) + KL(q(z) || prod_l q(z_l)) + sum_l KL(q(z_l) || p(z_l)), nats per example.

    q(z) is the exact mixture of the N posteriors of the batch, and each term a mean over one draw of z for each
    example: unbiased for these N examples. For the population behind them it is not: the information of the index is at
    most log N, and where it comes near, N is too small and the other two terms are too large by what is missing. The
    sum is the rate at those draws, as `sampled`, not the closed form.
    Hoffman and Johnson (2016), "ELBO surgery"; Chen et al. (2018), arXiv:1802.04942. `objectives.beta_tc` trains them.

    Memory: N x latent, and 16 times that in passing. Cost: two encodings of each example and N^2 densities. `weight` is
    heeded, in the means and in the mixture.
    Raises: VaejaxError where q(z|x) has not one part for each latent, and so no density of one latent.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = model.init(jax.random.key(0), vj.Example(jnp.zeros((1, 4))))
    >>> batch = vj.Example(jax.random.normal(jax.random.key(1), (20, 4)))
    >>> bool(rate_decomposition(jax.random.key(2), model, params, batch).information < jnp.log(20))
    True
    """
    draws, log_prior = _drawn(key, model, params, batch)
    joint, by_latent = _aggregate(model, params, batch, draws.z)
    log_q, product = (jnp.sum(a.reshape(len(a), -1), axis=1) for a in (draws.log_q, by_latent))
    terms = jnp.stack([log_q - joint, joint - product, product - log_prior], axis=1)
    means = average(terms, batch.weight)
    spread = average(jnp.square(terms - means[None]), batch.weight)
    weight = weights_of(batch)
    counted = jnp.square(jnp.sum(weight)) / jnp.sum(jnp.square(weight))
    return RateDecomposition(means[0], means[1], means[2], jnp.sqrt(spread / jnp.maximum(counted - 1, 1)))


def _drawn(key: Key, model: VAE, params: Params, batch: Example) -> tuple[Draw, Float[Array, " num"]]:
    """A draw for each example, and its log p(z)."""

    def one(pair: tuple[Key, Example]) -> tuple[Draw, Scalar]:
        draw = model.sample(pair[0], params, pair[1])
        require_per_latent("rate_decomposition", "log q(z|x)", draw.log_q, draw.z)
        return draw, jnp.sum(model.log_prior(params, draw.z, pair[1]))

    return jax.lax.map(one, (keys_of(key, batch), batch), batch_size=BLOCK)


def _aggregate(
    model: VAE, params: Params, batch: Example, z: Float[Array, "num *latent"]
) -> tuple[Float[Array, " num"], Float[Array, "num latent"]]:
    """log q(z), and log q(z_l), at every code: log-sums over examples, a block of them at a time."""
    num = len(z)
    weight = weights_of(batch).astype(z.dtype)
    log_share = jnp.log(weight / jnp.sum(weight))
    blocks = jnp.pad(jnp.arange(num), (0, -num % BLOCK), constant_values=-1).reshape(-1, BLOCK)

    def under(index: Int[Array, ""]) -> Float[Array, "num latent"]:
        example = jax.tree.map(lambda leaf: leaf[index], batch)
        return jax.vmap(lambda z: _by_latent(model.log_posterior(params, z, example)))(z)

    def add(carry: tuple[Array, Array], block: Int[Array, " block"]) -> tuple[tuple[Array, Array], None]:
        parts = jax.vmap(under)(block)  # [block, num, latent]
        share = jnp.where(block < 0, -jnp.inf, log_share[block])
        joint = jax.nn.logsumexp(share[:, None] + jnp.sum(parts, axis=2), axis=0)
        each = jax.nn.logsumexp(share[:, None, None] + parts, axis=0)
        return (jnp.logaddexp(carry[0], joint), jnp.logaddexp(carry[1], each)), None

    size = z.shape[1]
    nothing = jnp.full(num, -jnp.inf, z.dtype), jnp.full((num, size), -jnp.inf, z.dtype)
    return jax.lax.scan(add, nothing, blocks)[0]


def _by_latent(parts: Parts) -> Latent:
    return jnp.sum(parts.reshape(len(parts), -1), axis=1)
