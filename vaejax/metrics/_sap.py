import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.metrics._counting import varies
from vaejax.metrics._mig import Gap, gap_of


def sap(codes: Float[Array, "num latent"], factors: Int[Array, "num factor"]) -> Gap:
    """1/F sum_f (R^2(z_1st; f) - R^2(z_2nd; f)), R^2 of the linear regression of a factor on one latent: 0 to 1.

    The separated attribute predictability of Kumar et al. (2018), arXiv:1711.00848, by their rule for factors whose
    values are ordered, R^2 = cov(z, f)^2 / (var z var f). For factors without an order they take the accuracy of a
    classifier on each latent, and the study of Locatello et al. (2019), arXiv:1811.12359, a linear SVM for all of them:
    those numbers are others, and a factor that is a label or goes round, as a rotation does, is undervalued here.
    Bias: R^2 of noise is 1/N, so next to none. A constant latent has 0, and a constant factor is left out.

    >>> factors = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> sap(factors.astype(float), factors).score.item()
    1.0
    """
    return gap_of(jnp.square(_standardised(codes).T @ _standardised(factors.astype(codes.dtype))), varies(factors))


def _standardised(columns: Float[Array, "num column"]) -> Float[Array, "num column"]:
    """Of mean 0 and length 1; a constant column is 0."""
    counted = varies(columns)
    away = columns - jnp.mean(columns, axis=0, keepdims=True)
    length = jnp.linalg.norm(away, axis=0, keepdims=True)
    return jnp.where(counted[None], away / jnp.where(counted[None], length, 1.0), 0.0)
