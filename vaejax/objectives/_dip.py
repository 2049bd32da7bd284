from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.numerics import average, require_number
from vaejax.objectives._codes import Codes, active_of, flat
from vaejax.objectives._traded import OneDraw, of_one_draw
from vaejax.types import VAE, Draw, Example, Number, Objective, Params, Scalar

CodesOf = Callable[[VAE, Params, Example, Draw], Codes]


def dip_i(off_diagonal: Number = 10.0, diagonal: Number = 100.0) -> Objective:
    """ELBO - off_diagonal sum_{i != j} C_ij^2 - diagonal sum_i (C_ii - 1)^2, C the covariance of the means of q(z|x).

    Kumar, Sattigeri and Balakrishnan (2018), arXiv:1711.00848: DIP-VAE-I. The ELBO is in nats per example; the penalty
    is not. C is that of the batch, divided by the number of its rows, so its squares are biased upwards: use large
    batches. A mean near variance 1 leaves q(z) wider than the prior; `dip_ii` looks at q(z) itself.
    Microbatches: C is that of a piece. Raises: VaejaxError where a number is known and negative or not finite.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = dip_i(), vj.Example(jnp.zeros((3, 4)))  # three equal means: C is zero
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> bound = objective.evaluate(jax.random.key(1), model, params, batch)
    >>> bool(jnp.allclose(bound.value, -(bound.distortion + bound.rate) - 2 * 100))
    True
    """

    def means(model: VAE, params: Params, batch: Example, draw: Draw) -> Codes:
        return flat(jax.vmap(lambda example: model.encode(params, example))(batch))

    return _penalised(means, "the means of q(z|x)", off_diagonal, diagonal)


def dip_ii(off_diagonal: Number = 10.0, diagonal: Number = 10.0) -> Objective:
    """ELBO - off_diagonal sum_{i != j} C_ij^2 - diagonal sum_i (C_ii - 1)^2, C the covariance of z ~ q(z).

    Kumar, Sattigeri and Balakrishnan (2018), arXiv:1711.00848: DIP-VAE-II. They add the mean variance of q(z|x) to the
    covariance of its means; here C is that of one draw for each row, which has the same expectation (but for the 1/M
    of `dip_i`) for any posterior, one without a known variance too, and more noise. Units and microbatches: as `dip_i`.
    Raises: VaejaxError where a number is known and negative or not finite.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = dip_ii(), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> objective.evaluate(jax.random.key(1), model, params, batch).value.shape
    ()
    """

    def draws(model: VAE, params: Params, batch: Example, draw: Draw) -> Codes:
        return flat(draw.z)

    return _penalised(draws, "z ~ q(z)", off_diagonal, diagonal)


def covariance(codes: Codes, weight: Float[Array, " batch"] | None) -> Float[Array, "latent latent"]:
    """E z z' - E z E z', each row counting by its weight.

    >>> covariance(jnp.array([[1.0], [3.0], [99.0]]), jnp.array([1.0, 1.0, 0.0])).tolist()
    [[1.0]]
    """
    centred = codes - average(codes, weight)[None]
    return average(centred[:, :, None] * centred[:, None, :], weight)


def _penalised(codes: CodesOf, of: str, off_diagonal: Number, diagonal: Number) -> Objective:
    require_number("off_diagonal", off_diagonal, least=0.0)
    require_number("diagonal", diagonal, least=0.0)

    def penalty(c: Float[Array, "latent latent"], active: Float[Array, " latent"]) -> Scalar:
        variance = jnp.diagonal(c)
        off = jnp.sum(jnp.square(c)) - jnp.sum(jnp.square(variance))
        return off_diagonal * off + diagonal * jnp.sum(jnp.square(variance - 1) * active)

    def value(one: OneDraw) -> Scalar:
        c = covariance(codes(one.model, one.params, one.batch, one.draw), one.batch.weight)
        return -(one.distortion + one.rate) - penalty(c, active_of(one.model))

    formula = f"ELBO - off_diagonal sum_(i != j) C_ij^2 - diagonal sum_i (C_ii - 1)^2, C the covariance of {of}"
    return of_one_draw(value, formula, {"off_diagonal": off_diagonal, "diagonal": diagonal})
