from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from vaejax.errors import VaejaxError
from vaejax.numerics import require_number
from vaejax.types import Number, Scalar


class Ranked(NamedTuple):
    """score: of each model, the median over the others. pairs: of each two; 0 on the diagonal."""

    score: Float[Array, " seed"]
    pairs: Float[Array, "seed seed"]


def udr(
    codes: Float[Array, "seed num latent"], rates: Float[Array, "seed latent"], least_rate: Number = 0.01
) -> Ranked:
    """Do the latents of two seeds agree one to one? Of each pair, 1/(d_i + d_j) (sum_a + sum_b of max R^2 / sum R).

    R is the absolute rank correlation of a latent of one model with one of the other on the same examples, d counts
    those whose mean rate is above `least_rate` nats, and others are left out. From 0 to 1 without any label: the
    unsupervised disentanglement ranking of Duan et al. (2020), arXiv:1905.12614, the variant UDR_S (Spearman; their
    UDR_L takes a lasso instead). A model's score is the median over the others; a collapsed one has 0.

    It presumes that a model that disentangles is found again and one that does not is not; a data set that leads every
    seed to the same mixture fools it. Bias: upwards by the correlation of unrelated latents, about 0.8 / sqrt(N).
    Raises: VaejaxError of fewer than two seeds.

    >>> z = jax.random.normal(jax.random.key(0), (50, 3))
    >>> udr(jnp.stack([z, -z[:, ::-1]]), jnp.ones((2, 3))).score.shape
    (2,)
    """
    require_number("least_rate", least_rate, least=0.0)
    num_seeds = len(codes)
    if num_seeds < 2:
        raise VaejaxError(f"udr compares models: it needs codes of two seeds or more, got {num_seeds}")
    ranks = jax.vmap(jax.vmap(_ranks, 1, 1))(codes)
    informative = rates > least_rate

    correlation = jnp.abs(jnp.einsum("inl,jnm->ijlm", ranks, ranks))
    pairs = jax.vmap(jax.vmap(_agreement, (0, None, 0)), (0, 0, None))(correlation, informative, informative)
    own = jnp.eye(num_seeds, dtype=bool)
    return Ranked(jnp.nanmedian(jnp.where(own, jnp.nan, pairs), axis=1), jnp.where(own, 0.0, pairs))


def _ranks(values: Float[Array, " num"]) -> Float[Array, " num"]:
    """Ranks, those of equal values their mean, of mean 0 and length 1; 0 where all are equal."""
    ordered = jnp.sort(values)
    ranks = sum(jnp.searchsorted(ordered, values, side=side).astype(values.dtype) for side in ("left", "right"))
    away = ranks - len(values)  # twice the rank from 1/2, whose mean is the number of values
    length = jnp.linalg.norm(away)
    return away / jnp.where(length > 0, length, 1.0)


def _agreement(r: Float[Array, "latent other"], mine: Bool[Array, " latent"], others: Bool[Array, " other"]) -> Scalar:
    r = jnp.where(mine[:, None] & others[None], r, 0.0)

    def strength(axis: int) -> Scalar:
        total, best = jnp.sum(r, axis=axis), jnp.max(r, axis=axis)
        return jnp.sum(jnp.where(total > 0, best**2 / jnp.where(total > 0, total, 1.0), 0.0))

    return (strength(0) + strength(1)) / jnp.maximum(jnp.sum(mine) + jnp.sum(others), 1)
