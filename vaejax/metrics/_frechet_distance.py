import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.types import Scalar


def frechet_distance(a: Float[Array, "num_a size"], b: Float[Array, "num_b size"]) -> Scalar:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) of the means and covariances of two sets of features.

    The squared 2-Wasserstein distance of two normals with those moments, in squared units of the features.
    Dowson and Landau (1982), doi:10.1016/0047-259X(82)90077-X; FID: Heusel et al. (2017), arXiv:1706.08500, whose
    features are those of an Inception network: numbers with other features do not compare with published ones.

    Covariances divide by N - 1. Estimator: biased upwards; of 2 sets of N draws of one N(0, I) of d dimensions it is
    about d (d + 5) / (2 N), so compare at equal N only, or see Chong and Forsyth (2020), arXiv:1911.07023. The trace of
    the root is the sum of singular values of R_a R_b^T, where C = R^T R comes from the features by QR: nothing is
    squared, so fewer examples than dimensions do no harm. Cost: N d^2 + d^3; memory: the features.
    Raises: VaejaxError where there are fewer than two rows, or the sizes differ.

    >>> a = jax.random.normal(jax.random.key(0), (100, 3))
    >>> round(float(frechet_distance(a, a + 3)), 3)
    27.0
    """
    if min(len(a), len(b)) < 2 or a.shape[1] != b.shape[1]:
        raise VaejaxError(f"expected two sets of at least 2 features of one size, got {a.shape} and {b.shape}")
    return _between(jnp.mean(a, axis=0), _root(a), jnp.mean(b, axis=0), _root(b))


def frechet_of_moments(
    mean_a: Float[Array, " size"],
    covariance_a: Float[Array, "size size"],
    mean_b: Float[Array, " size"],
    covariance_b: Float[Array, "size size"],
) -> Scalar:
    """`frechet_distance` of two normals of these means and covariances, which may be singular.

    A root of a covariance comes from its eigenvalues, those below 0 by rounding taken as 0. In float32 an eigenvalue
    that should be 0 is 1e-7 of the largest, and its root 3e-4: give features, or float64, where covariances are
    singular.

    >>> eye = jnp.eye(2)
    >>> round(float(frechet_of_moments(jnp.zeros(2), eye, jnp.array([3.0, 0.0]), 4 * eye)), 4)
    11.0
    """
    return _between(mean_a, _root_of(covariance_a), mean_b, _root_of(covariance_b))


def _between(mean_a: Array, root_a: Array, mean_b: Array, root_b: Array) -> Scalar:
    product = jnp.matmul(root_a, root_b.T, precision=jax.lax.Precision.HIGHEST)
    shared = jnp.sum(jnp.linalg.svd(product, compute_uv=False))
    found = jnp.sum(jnp.square(mean_a - mean_b)) + jnp.sum(jnp.square(root_a)) + jnp.sum(jnp.square(root_b))
    return jnp.maximum(found - 2 * shared, 0.0)  # rounding may leave less than nothing


def _root(features: Float[Array, "num size"]) -> Float[Array, "rank size"]:
    """R with R^T R the covariance."""
    centred = features - jnp.mean(features, axis=0, keepdims=True)
    return jnp.linalg.qr(centred, mode="r") / jnp.sqrt(len(features) - 1.0)


def _root_of(covariance: Float[Array, "size size"]) -> Float[Array, "size size"]:
    values, vectors = jnp.linalg.eigh(covariance)
    return jnp.sqrt(jnp.maximum(values, 0.0))[:, None] * vectors.T
