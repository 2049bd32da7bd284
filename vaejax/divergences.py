"""KL(q || p) in closed form: a table keyed by the names of the pair. No row means the sampled estimate."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Family, Params, Parts, Stats

ClosedForm = Callable[[Params, Stats, Params, Stats], Parts]


def normal_to_standard_normal(
    q_params: Params, q: Float[Array, "2 *event"], p_params: Params, p: Float[Array, "0 *event"]
) -> Float[Array, "*event"]:
    """(exp(2 log_scale) + mean^2 - 1) / 2 - log_scale, for each latent, in nats.

    >>> normal_to_standard_normal((), jnp.zeros((2, 3)), (), jnp.zeros((0, 3))).tolist()
    [0.0, 0.0, 0.0]
    """
    mean, log_scale = q
    return 0.5 * (jnp.expm1(2 * log_scale) + jnp.square(mean)) - log_scale


CLOSED_FORMS: dict[tuple[str, str], ClosedForm] = {("normal", "standard_normal"): normal_to_standard_normal}


def closed_form(posterior: Family, prior: Family) -> ClosedForm | None:
    """The row of the pair, looked up once, where a model is built."""
    return CLOSED_FORMS.get((posterior.name, prior.name))


def sampled(log_q: Parts, log_p: Float[Array, "*prior_parts"]) -> Float[Array, "*rate_parts"]:
    """log q - log p at z: by part where the parts agree, else in one part. Unbiased, one sample."""
    if log_q.shape == log_p.shape:
        return log_q - log_p
    return (jnp.sum(log_q) - jnp.sum(log_p))[None]
