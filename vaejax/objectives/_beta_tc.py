from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.bound import drawn, require_per_latent, weights_of
from vaejax.numerics import average, require_number
from vaejax.objectives._aggregates import Aggregate, minibatch_weighted
from vaejax.objectives._codes import flat
from vaejax.objectives._traded import params_of_model
from vaejax.types import VAE, Bound, Example, Key, Latent, Number, Objective, Params

Rows = Float[Array, " batch"]


class Aggregated(NamedTuple):
    """log q(z), and the sum over latents of log q(z_l), at the code of each row, in nats."""

    joint: Rows
    product: Rows


def beta_tc(
    beta: Number = 6.0, alpha: Number = 1.0, gamma: Number = 1.0, aggregate: Aggregate | None = None
) -> Objective:
    """E_q log p(x|z) - alpha I(x; z) - beta TC(z) - gamma sum_l KL(q(z_l) || p(z_l)), nats per example.

    The rate in three parts: the mutual information log q(z|x) / q(z), the total correlation log q(z) / prod_l q(z_l)
    and the rest, at one draw of z for each example. At alpha = beta = gamma = 1 it is the sampled ELBO. Chen et al.
    (2018), arXiv:1802.04942; Kim and Mnih (2018), arXiv:1802.05983, weigh the same term with a discriminator.

    aggregate: how q(z) is estimated from a batch: `objectives.minibatch_weighted()`, or
        `objectives.minibatch_stratified(dataset_size)`; any weights whose rows sum to one. Every estimate is biased in
        the logarithm, and all three terms depend on the size of the batch: compare distortion and rate between runs,
        never `value`.
    Cost: log q of each code under each row, M^2 of them for a batch of M; the networks see each row once.
    Microbatches: the aggregate is that of a piece.
    Raises: VaejaxError where a number is known and negative or not finite, and, in `evaluate`, where q(z|x) does not
    factorise: then there is no density of one latent to be had.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = beta_tc(aggregate=vj.objectives.minibatch_stratified(60_000)), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> objective.evaluate(jax.random.key(1), model, params, batch).value.shape
    ()
    """
    for name, number in (("beta", beta), ("alpha", alpha), ("gamma", gamma)):
        require_number(name, number, least=0.0)
    estimate = aggregate or minibatch_weighted()

    def evaluate(key: Key, model: VAE, params: Params, batch: Example) -> Bound:
        draw, found = drawn(key, model, params, batch)
        q = _aggregated(model, params, batch, draw.z, estimate)
        log_q = jnp.sum(flat(draw.log_q), axis=1)
        log_p = found.log_weight + found.distortion + log_q
        information, correlation, rest = log_q - q.joint, q.joint - q.product, q.product - log_p
        cost = found.distortion + alpha * information + beta * correlation + gamma * rest
        value, distortion, rate = (average(a, batch.weight) for a in (-cost, found.distortion, found.rate))
        return Bound(value, distortion, rate)

    formula = "E_q log p(x|z) - alpha I(x; z) - beta TC(z) - gamma sum_l KL(q(z_l) || p(z_l))"
    return Objective(params_of_model, evaluate, formula, {"beta": beta, "alpha": alpha, "gamma": gamma})


def _aggregated(
    model: VAE, params: Params, batch: Example, z: Float[Array, "batch *latent"], aggregate: Aggregate
) -> Aggregated:
    def under_each_row(z: Latent) -> Float[Array, "batch latent"]:
        parts = jax.vmap(lambda example: model.log_posterior(params, z, example))(batch)
        require_per_latent("beta_tc", "log q(z|x)", parts[0], z)
        return flat(parts)

    pairs = jax.vmap(under_each_row)(z)  # [code, row, latent]
    weights = aggregate(weights_of(batch))
    joint = jax.nn.logsumexp(jnp.sum(pairs, axis=2), axis=1, b=weights)
    by_latent = jax.nn.logsumexp(pairs, axis=1, b=weights[..., None])
    return Aggregated(joint, jnp.sum(by_latent, axis=1))  # weights sum to one: a latent that is not in use adds log 1
