"""Estimates of the aggregate q(z) = E_x q(z|x) at the codes of a batch, as the weights of its rows in each row."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.numerics import require_number
from vaejax.types import Number

Aggregate = Callable[[Float[Array, " batch"]], Float[Array, "batch batch"]]  # from what each example counts


def minibatch_weighted() -> Aggregate:
    """q(z_i) as 1/M sum_j q(z_i|x_j) over the M rows of a batch, i among them.

    Biased upwards by the row's own density, less so in a large batch. Chen et al. (2018), arXiv:1802.04942, divide by
    the size of the data set as well: a constant that no gradient sees, and by which the total correlation would be
    overestimated, so it is left out. A row of weight 2 counts as two, one of weight 0 not at all.

    >>> minibatch_weighted()(jnp.array([1.0, 1.0, 0.0])).tolist()
    [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]
    """

    def aggregate(weight: Float[Array, " batch"]) -> Float[Array, "batch batch"]:
        return jnp.tile(weight / jnp.sum(weight), (len(weight), 1))

    return aggregate


def minibatch_stratified(dataset_size: Number | None = None) -> Aggregate:
    """q(z_i) as 1/N q(z_i|x_i) + (1 - 1/N) times the mean of q(z_i|x_j) over the other rows, N = `dataset_size`.

    Unbiased for the mean over the N examples of the data set, of which a batch is drawn without replacement; its
    logarithm is biased downwards. `None` is a population without end: a row is no part of its own aggregate. Chen et
    al. (2018), arXiv:1802.04942, give one of the other rows a weight of its own; here all others weigh
    the same, the mean over their orders, with the same expectation. N may be traced.
    Raises: VaejaxError where the size is known and below 1.

    >>> minibatch_stratified(4)(jnp.ones(3))[0].tolist()
    [0.25, 0.375, 0.375]
    """
    if dataset_size is not None:
        require_number("dataset_size", dataset_size, least=1.0)

    def aggregate(weight: Float[Array, " batch"]) -> Float[Array, "batch batch"]:
        own = 0.0 if dataset_size is None else 1 / dataset_size
        others = jnp.where(jnp.eye(len(weight)) == 1, 0.0, weight)
        total = jnp.sum(others, axis=1, keepdims=True)
        share = jnp.where(total > 0, own, 1.0)  # a row without others is all that there is
        return share * jnp.eye(len(weight)) + (1 - share) * others / jnp.where(total > 0, total, 1.0)

    return aggregate
