import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.metrics import k_means
from vaejax.numerics import LOG_2PI, require_count, require_number
from vaejax.types import Key, Number, Params, Scalar

from ._types import Codes, Sampler, require_codes

STARTS, START_STEPS = 3, 20  # of k-means, which says where components begin


def gaussian_mixture(num_components: Number = 10, *, num_steps: Number = 100, least: Number = 1e-4) -> Sampler:
    """q(z) = sum_k w_k N(z; m_k, C_k), full covariances, by expectation maximisation from clusters of k-means.

    Dempster, Laird and Rubin (1977). Each of `num_steps` raises the likelihood of the codes, to one of its local
    maxima. Covariances have `least` times the variance of each latent added to their diagonal, so that none shrinks to
    a point. For the codes of autoencoders: Ghosh et al. (2020), arXiv:1903.12436, who take 10 components.
    Parameters: K (d^2 / 2 + 3 d / 2 + 1). Cost: num_steps x K x N x d^2; memory: K x N.
    Raises: DataError where there are fewer codes than components, or they are discrete or on a sphere.

    >>> codes = jax.random.normal(jax.random.key(0), (200, 2)) * jnp.array([[1.0, 3.0]])
    >>> sampler = gaussian_mixture(1)
    >>> fitted = sampler.fit(jax.random.key(1), codes)
    >>> sampler.sample(jax.random.key(2), fitted).shape, bool(sampler.log_prob(fitted, jnp.zeros(2)) < 0)
    ((2,), True)
    """
    num, steps = require_count("num_components", num_components), require_count("num_steps", num_steps)
    require_number("least", least, above=0.0)

    def fit(key: Key, codes: Codes) -> Params:
        codes = require_codes("gaussian_mixture", codes, least=num)
        mean, scale = jnp.mean(codes, axis=0), jnp.std(codes, axis=0)
        scale = jnp.where(scale > 0, scale, 1.0)
        alike = (codes - mean[None]) / scale[None]
        first = jax.nn.one_hot(k_means(key, alike, num, STARTS, START_STEPS).labels, num, dtype=codes.dtype).T

        def step(found: Params, _: None) -> tuple[Params, None]:
            return _maximised(_shares(found, alike), alike, least), None

        with jax.default_matmul_precision("float32"):
            found, _ = jax.lax.scan(step, _maximised(first, alike, least), None, length=steps)
        return {
            "log_weights": jax.nn.log_softmax(found["log_weights"]),
            "means": found["means"] * scale[None] + mean[None],
            "roots": found["roots"] * scale[None, :, None],
        }

    return Sampler("gaussian_mixture", fit, _sample, _log_prob)


def _sample(key: Key, params: Params) -> Float[Array, " size"]:
    pick, draw = jax.random.split(key)
    k = jax.random.categorical(pick, params["log_weights"])
    mean = params["means"][k]
    return mean + params["roots"][k] @ jax.random.normal(draw, mean.shape, mean.dtype)


def _log_prob(params: Params, z: Float[Array, " size"]) -> Scalar:
    return jax.nn.logsumexp(_log_parts(params, z[None])[:, 0])


def _log_parts(params: Params, codes: Float[Array, "num size"]) -> Float[Array, "component num"]:
    """log w_k N(z; m_k, C_k), one component after another."""

    def one(component: Params) -> Float[Array, " num"]:
        gaps, root = codes - component["means"][None], component["roots"]
        squares = jnp.sum(jnp.square(jax.scipy.linalg.solve_triangular(root, gaps.T, lower=True)), axis=0)
        log_volume = jnp.sum(jnp.log(jnp.diag(root)))
        return component["log_weights"] - 0.5 * (squares + codes.shape[1] * LOG_2PI) - log_volume

    return jax.lax.map(one, params)


def _shares(params: Params, codes: Float[Array, "num size"]) -> Float[Array, "component num"]:
    return jax.nn.softmax(_log_parts(params, codes), axis=0)


def _maximised(
    shares: Float[Array, "component num"], codes: Float[Array, "num size"], least: Number
) -> dict[str, Array]:
    """The weights, means and covariances of the codes as they are shared out."""

    def one(share: Float[Array, " num"]) -> dict[str, Array]:
        total = jnp.sum(share) + 10 * jnp.finfo(codes.dtype).eps  # of none: no weight, and no division by zero
        mean = share @ codes / total
        gaps = (codes - mean[None]) * jnp.sqrt(share / total)[:, None]
        covariance = gaps.T @ gaps + least * jnp.eye(codes.shape[1], dtype=codes.dtype)
        return {"log_weights": jnp.log(total / len(codes)), "means": mean, "roots": jnp.linalg.cholesky(covariance)}

    return jax.lax.map(one, shares)
