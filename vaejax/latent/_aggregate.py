import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.examples import AT_ONCE, each_example, fixed
from vaejax.metrics import RateDecomposition, frechet_distance, rate_decomposition
from vaejax.numerics import require_count
from vaejax.types import VAE, Example, Key, Number, Params

from ._codes import code_of


class Aggregate(NamedTuple):
    """The aggregate posterior q(z) of N examples beside their prior. `size` is of the numbers of latents in use.

    mean, covariance: of q(z), from one draw for each example. prior_mean, prior_covariance: of as many draws of p(z).
    kl: KL between the normals of these moments, number by number, nats: 0 where mean and variance agree, whatever else
        does not.
    distance: the 1-Wasserstein distance of the draws of q(z) and of p(z), number by number, in units of the latents:
        whatever the shape. floor: that of two sets of draws of p(z), which is how large it is where nothing differs.
    frechet: of the codes and the draws of the prior, all numbers together. frechet_floor: of two sets of the prior.
    decomposition: the rate as information, total correlation and dimension-wise KL, nats, of some of the examples;
        in words why there is none.
    """

    mean: Float[np.ndarray, " size"]
    covariance: Float[np.ndarray, "size size"]
    prior_mean: Float[np.ndarray, " size"]
    prior_covariance: Float[np.ndarray, "size size"]
    kl: Float[np.ndarray, " size"]
    distance: Float[np.ndarray, " size"]
    floor: Float[np.ndarray, " size"]
    frechet: float
    frechet_floor: float
    decomposition: RateDecomposition | str


def aggregate(
    key: Key,
    model: VAE,
    params: Params,
    examples: Example,
    *,
    num_decomposed: Number = 1000,
    at_once: Number = AT_ONCE,
) -> Aggregate:
    """q(z) = E_x q(z|x), its moments, and how it differs from the prior: in each number, and in all of them together.

    Draws of the prior are given each example's own context. All estimates are from one draw for each example: the
    error of a mean is scale / sqrt(N); distances are biased upwards, to the floors beside them. The decomposition is
    `metrics.rate_decomposition` of the first `num_decomposed` examples, whose bias and cost, their number squared, are
    said there; where log q(z|x) has not one part for each latent there is none.
    Raises: VaejaxError where there are fewer than 2 examples, or the number of latents in use is traced.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> found = aggregate(jax.random.key(1), model, params, vj.examples_of(model, np.zeros((50, 4))))
    >>> found.mean.shape, found.kl.shape, bool(found.decomposition.information < np.log(50))
    ((2,), (2,), True)
    """
    if len(examples.x) < 2:
        raise VaejaxError("the moments of an aggregate posterior need at least 2 examples, got 1")
    num = require_count("num_decomposed", num_decomposed, least=2)
    codes, prior, other = each_example(fixed(_of_one, model), key, params, examples, at_once=at_once)
    moments = [(draws.mean(0), np.cov(draws, rowvar=False).reshape(draws.shape[1], -1)) for draws in (codes, prior)]
    between, floor = _frechet(codes, prior), _frechet(other, prior)
    (mean, covariance), (prior_mean, prior_covariance) = moments
    return Aggregate(
        mean,
        covariance,
        prior_mean,
        prior_covariance,
        _kl(mean, np.diag(covariance), prior_mean, np.diag(prior_covariance)),
        _apart(codes, prior),
        _apart(other, prior),
        between,
        floor,
        _decomposed(key, model, params, jax.tree.map(lambda leaf: jnp.asarray(leaf[:num]), examples)),
    )


def _of_one(model: VAE, key: Key, params: Params, example: Example) -> tuple[Array, ...]:
    of_q, *of_p = jax.random.split(key, 3)
    draws = [model.sample(of_q, params, example).z, *(model.sample_prior(one, params, example) for one in of_p)]
    return tuple(code_of(model, z) for z in draws)


def _decomposed(key: Key, model: VAE, params: Params, batch: Example) -> RateDecomposition | str:
    try:
        return _decomposing(model, key, params, batch)
    except VaejaxError as error:
        return str(error)


@functools.partial(jax.jit, static_argnums=0)
def _decomposing(model: VAE, key: Key, params: Params, batch: Example) -> RateDecomposition:
    return rate_decomposition(key, model, params, batch)


def _kl(mean: np.ndarray, variance: np.ndarray, prior_mean: np.ndarray, prior_variance: np.ndarray) -> np.ndarray:
    """KL(N(m, v) || N(m_p, v_p)), number by number; infinite where a number of q does not vary and that of p does."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = variance / prior_variance
        return 0.5 * (ratio - 1 - np.log(ratio) + np.square(mean - prior_mean) / prior_variance)


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The 1-Wasserstein distance of as many draws of each: the mean gap of their order statistics."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).mean(0)


def _frechet(a: np.ndarray, b: np.ndarray) -> float:
    return float(frechet_distance(jnp.asarray(a), jnp.asarray(b)))
