"""KL(q || p) in closed form: a table keyed by the names of the pair. No row means the sampled estimate.

Stats are zero on both sides for latents out of use, which add nothing; `active` says which are in use.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax import spheres
from vaejax.errors import VaejaxError
from vaejax.families import keep
from vaejax.numerics import bernoulli_log_prob, root_of_one_plus
from vaejax.types import Family, Latent, Params, Parts, Stats

ClosedForm = Callable[[Params, Stats, Params, Stats, Latent], Parts]


def normal_to_standard_normal(
    q_params: Params, q: Float[Array, "2 *event"], p_params: Params, p: Float[Array, "0 *event"], active: Latent
) -> Float[Array, "*event"]:
    """(exp(2 log_scale) + mean^2 - 1) / 2 - log_scale, for each latent, in nats.

    >>> normal_to_standard_normal((), jnp.zeros((2, 3)), (), jnp.zeros((0, 3)), jnp.ones(3)).tolist()
    [0.0, 0.0, 0.0]
    """
    mean, log_scale = q
    return 0.5 * (jnp.expm1(2 * log_scale) + jnp.square(mean)) - log_scale


def normal_to_normal(
    q_params: Params, q: Float[Array, "2 *event"], p_params: Params, p: Float[Array, "2 *event"], active: Latent
) -> Float[Array, "*event"]:
    """The KL of N(mean_q, scale_q^2) to N(mean_p, scale_p^2), for each latent, in nats; the prior of a context.

    >>> normal_to_normal((), jnp.ones((2, 3)), (), jnp.ones((2, 3)), jnp.ones(3)).tolist()
    [0.0, 0.0, 0.0]
    """
    (mean, log_scale), (prior_mean, prior_log_scale) = q, p
    log_ratio = log_scale - prior_log_scale
    distance = jnp.square((mean - prior_mean) * jnp.exp(-prior_log_scale))
    return 0.5 * (jnp.expm1(2 * log_ratio) + distance) - log_ratio


def full_normal_to_standard_normal(
    q_params: Params, q: Stats, p_params: Params, p: Float[Array, "0 *event"], active: Latent
) -> Float[Array, "*event"]:
    """(|row of L|^2 + mean^2 - 1) / 2 - log_scale, for each latent, in nats: the sum is the KL of N(mean, L L^T).

    >>> full_normal_to_standard_normal((), jnp.zeros((5, 3)), (), jnp.zeros((0, 3)), jnp.ones(3)).tolist()
    [0.0, 0.0, 0.0]
    """
    below = jnp.sum(jnp.square(jnp.tril(q[2 : 2 + q.shape[1]].T, -1)), axis=1)
    return normal_to_standard_normal(q_params, q[:2], p_params, p, active) + 0.5 * below


def low_rank_normal_to_standard_normal(
    q_params: Params, q: Stats, p_params: Params, p: Float[Array, "0 *event"], active: Latent
) -> Float[Array, "1"]:
    """(tr C + |mean|^2 - n - log det C) / 2 of C = diag exp(log_scale)^2 + U U^T, in nats.

    >>> low_rank_normal_to_standard_normal((), jnp.zeros((3, 3)), (), jnp.zeros((0, 3)), jnp.ones(3)).tolist()
    [0.0]
    """
    factors = q[2:] * jnp.exp(-q[1])[None]
    half_log_det = jnp.sum(jnp.log(jnp.diag(root_of_one_plus(factors))))
    diagonal = jnp.sum(normal_to_standard_normal(q_params, q[:2], p_params, p, active))
    return (diagonal + 0.5 * jnp.sum(jnp.square(q[2:])) - half_log_det)[None]


def categorical_to_uniform(
    q_params: Params, q: Float[Array, "1 latent classes"], p_params: Params, p: Stats, active: Latent
) -> Float[Array, " latent"]:
    """log K - H(softmax(s)), for each latent of K classes, in nats.

    >>> shape = (1, 4)
    >>> categorical_to_uniform((), 90 * jnp.eye(4)[:1, None], (), jnp.zeros((0, *shape)), jnp.ones(shape)).tolist()
    [1.3862943649291992]
    """
    return categorical_to_categorical(q_params, q, p_params, jnp.zeros_like(q), active)


def categorical_to_categorical(
    q_params: Params,
    q: Float[Array, "1 latent classes"],
    p_params: Params,
    p: Float[Array, "1 latent classes"],
    active: Latent,
) -> Float[Array, " latent"]:
    """sum_k q_k (log q_k - log p_k), for each latent, in nats; the prior of a context.

    >>> categorical_to_categorical((), jnp.ones((1, 3, 4)), (), jnp.zeros((1, 3, 4)), jnp.ones((3, 4))).tolist()
    [0.0, 0.0, 0.0]
    """
    log_q, log_p = jax.nn.log_softmax(q[0], axis=-1), jax.nn.log_softmax(p[0], axis=-1)
    return keep(jnp.sum(jnp.exp(log_q) * (log_q - log_p), axis=-1), active)


def bernoulli_to_uniform(
    q_params: Params, q: Float[Array, "1 *event"], p_params: Params, p: Stats, active: Latent
) -> Float[Array, "*event"]:
    """log 2 - H(sigmoid(s)), for each latent, in nats.

    >>> bernoulli_to_uniform((), jnp.array([[0.0, 90.0]]), (), jnp.zeros((0, 2)), jnp.ones(2)).round(4).tolist()
    [0.0, 0.6930999755859375]
    """
    return bernoulli_to_bernoulli(q_params, q, p_params, jnp.zeros_like(q), active)


def bernoulli_to_bernoulli(
    q_params: Params, q: Float[Array, "1 *event"], p_params: Params, p: Float[Array, "1 *event"], active: Latent
) -> Float[Array, "*event"]:
    """q (log q - log p) + (1 - q) (log (1 - q) - log (1 - p)), for each latent, in nats; the prior of a context.

    >>> bernoulli_to_bernoulli((), jnp.ones((1, 2)), (), jnp.ones((1, 2)), jnp.ones(2)).tolist()
    [0.0, 0.0]
    """
    one = jax.nn.sigmoid(q[0])
    return keep(bernoulli_log_prob(one, q[0]) - bernoulli_log_prob(one, p[0]), active)


def von_mises_fisher_to_uniform_sphere(
    q_params: Params, q: Float[Array, "1 *event"], p_params: Params, p: Float[Array, "0 *event"], active: Latent
) -> Float[Array, "1"]:
    """kappa A(kappa) - log E exp(kappa mu.z), the last over the uniform law of the latents in use, in nats.

    >>> von_mises_fisher_to_uniform_sphere((), jnp.zeros((1, 3)), (), jnp.zeros((0, 3)), jnp.ones(3)).tolist()
    [0.0]
    """
    size = spheres.size_of(q, active)
    return spheres.rate(size * jnp.sum(jnp.square(q)), size)[None]


CLOSED_FORMS: dict[tuple[str, str], ClosedForm] = {
    ("normal", "standard_normal"): normal_to_standard_normal,
    ("normal", "normal"): normal_to_normal,
    ("full_normal", "standard_normal"): full_normal_to_standard_normal,
    ("low_rank_normal", "standard_normal"): low_rank_normal_to_standard_normal,
    ("categorical", "uniform_categorical"): categorical_to_uniform,
    ("categorical", "categorical"): categorical_to_categorical,
    ("bernoulli", "uniform_bernoulli"): bernoulli_to_uniform,
    ("bernoulli", "bernoulli"): bernoulli_to_bernoulli,
    ("von_mises_fisher", "uniform_sphere"): von_mises_fisher_to_uniform_sphere,
}


def closed_form(posterior: Family, prior: Family) -> ClosedForm | None:
    """The row of the pair, looked up once, where a model is built. Raises: VaejaxError where they share no space."""
    _require_one_space(posterior, prior)
    return CLOSED_FORMS.get((posterior.name, prior.name))


def _require_one_space(posterior: Family, prior: Family) -> None:
    """Raises: VaejaxError where q(z|x) and p(z) are not distributions on the same z."""
    if posterior.support != prior.support:
        raise VaejaxError(
            f"the posterior {posterior.name} is a distribution on {posterior.support}, the prior {prior.name} on "
            f"{prior.support}: there is no KL between them; give a prior on {posterior.support}"
        )
    if posterior.unit_shape != prior.unit_shape:
        raise VaejaxError(
            f"a latent of the posterior {posterior.name} has the shape {posterior.unit_shape}, one of the prior "
            f"{prior.name} {prior.unit_shape}: give both the same"
        )


def sampled(log_q: Parts, log_p: Float[Array, "*prior_parts"]) -> Float[Array, "*rate_parts"]:
    """log q - log p at z: by part where the parts agree, else in one part. Unbiased, one sample.

    A q of one point of a continuum has log q = inf, a constant that no training moves, and it is left out: the rate of
    a point is -log p(z), whatever the prior. That is no KL, and there is no bound on log p(x) with it.

    >>> sampled(jnp.full(2, jnp.inf), jnp.array([-1.0, -2.0])).tolist()
    [1.0, 2.0]
    """
    log_q = jnp.where(jnp.isposinf(log_q), 0.0, log_q)
    if log_q.shape == log_p.shape:
        return log_q - log_p
    return (jnp.sum(log_q) - jnp.sum(log_p))[None]
