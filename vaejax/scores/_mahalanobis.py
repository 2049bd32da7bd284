from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.numerics import require_number
from vaejax.types import VAE, Example, Key, Number, Params, Scalar

from ._types import Score


class Codes(NamedTuple):
    """mean: of normal codes. root: lower triangular, root root^T their covariance."""

    mean: Float[Array, " size"]
    root: Float[Array, "size size"]


def mahalanobis(ridge: Number = 1e-3) -> Score:
    """sqrt((z - m)^T S^-1 (z - m)), z the mean of q(z|x), m and S mean and covariance of normal codes.

    In standard deviations, about the square root of the latent size for normal data. S is a maximum likelihood
    estimate plus `ridge` times its mean variance on the diagonal, as a latent that collapsed has none and would count
    without end. Codes of any shape are taken as vectors; those of a sphere or a class lie on no plane, and this is a
    crude description of them. It sees nothing that the encoder does not: an anomaly may have the code of a normal
    example. Lee et al. (2018), arXiv:1807.03888, with one class. Memory: the codes of normal examples.
    Raises: VaejaxError where `ridge` is known and not above 0.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> vj.scores.fit(jax.random.key(1), model, params, mahalanobis(), jnp.ones((5, 4))).mean.shape
    (2,)
    """
    require_number("ridge", ridge, above=0.0)

    def see(key: Key, model: VAE, params: Params, example: Example) -> Float[Array, " size"]:
        return jnp.ravel(model.encode(params, example))

    def fit(seen: Float[Array, "num size"]) -> Codes:
        mean = jnp.mean(seen, axis=0)
        away = seen - mean[None]
        covariance = jnp.matmul(away.T, away, precision=jax.lax.Precision.HIGHEST) / len(seen)
        average = jnp.trace(covariance) / jnp.maximum(jnp.sum(jnp.diag(covariance) > 0), 1)  # unused ones have none
        least = jnp.where(average > 0, ridge * average, 1.0)
        return Codes(mean, jnp.linalg.cholesky(covariance + least * jnp.eye(len(mean))))

    def of(key: Key, model: VAE, params: Params, fitted: Codes, example: Example) -> Scalar:
        away = see(key, model, params, example) - fitted.mean
        return jnp.linalg.norm(jax.scipy.linalg.solve_triangular(fitted.root, away, lower=True))

    return Score("mahalanobis", see, fit, of, "a mean of q(z|x) that is finite")
