from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from vaejax.errors import VaejaxError
from vaejax.likelihoods import normal
from vaejax.numerics import LOG_2PI, require_count, require_number
from vaejax.types import Number

from ._arrays import arrays
from ._types import Data


class Truth(NamedTuple):
    """How data were made: x = W z + mean + noise * e, z and e standard normal. All float64.

    log_likelihood: log N(x; mean, W W^T + noise^2 I) of x `[..., num_dims]`, in nats per example: what no model of
        these data exceeds on average.
    """

    W: Float[np.ndarray, "num_dims rank"]
    mean: Float[np.ndarray, " num_dims"]
    noise: float
    log_likelihood: Callable[[np.ndarray], np.ndarray]
    rank: int


def linear_gaussian(
    rank: Number = 4, num_dims: Number = 16, noise: Number = 0.1, num_examples: Number = 10_000, seed: Number = 0
) -> tuple[Data, Truth]:
    """x = W z + mean + noise * e: data whose log-likelihood and number of latents are known, and how they were made.

    z and e are standard normal, as are the entries of W and of the mean, drawn by `np.random.RandomState(seed)`, whose
    stream numpy has frozen, in the order W, mean, z, e. Kept as float32, split as `arrays` does, with the likelihood
    `normal(noise)`: a linear decoder of `rank` latents then reaches the truth.
    Tipping and Bishop (1999), Probabilistic principal component analysis.
    Raises: VaejaxError where the rank exceeds the number of dimensions, or a number is out of range.

    >>> data, truth = linear_gaussian(rank=2, num_dims=5, num_examples=1000)
    >>> data.train.shape, truth.W.shape, truth.log_likelihood(data.test).shape
    ((800, 5), (5, 2), (100,))
    """
    num_dims, num = require_count("num_dims", num_dims), require_count("num_examples", num_examples)
    rank, noise = require_count("rank", rank), float(require_number("noise", noise, above=0.0))
    if rank > num_dims:
        raise VaejaxError(f"rank must be at most num_dims, {num_dims}, got {rank}")
    random = np.random.RandomState(require_count("seed", seed, least=0))
    weights, mean = random.standard_normal((num_dims, rank)), random.standard_normal(num_dims)
    x = random.standard_normal((num, rank)) @ weights.T + mean
    x += noise * random.standard_normal((num, num_dims))
    data = arrays(x, name="linear_gaussian", likelihood=normal(noise))
    return data, Truth(weights, mean, noise, _log_likelihood(weights, mean, noise), rank)


def _log_likelihood(weights: np.ndarray, mean: np.ndarray, noise: float) -> Callable[[np.ndarray], np.ndarray]:
    """Along the singular vectors of the weights the variance is s^2 + noise^2, and noise^2 across them."""
    axes, s, _ = np.linalg.svd(weights, full_matrices=False)
    variance, num_dims = s**2 + noise**2, len(mean)
    log_det = np.log(variance).sum() + (num_dims - len(s)) * 2 * np.log(noise)

    def log_likelihood(x: np.ndarray) -> np.ndarray:
        gap = np.asarray(x, np.float64) - mean
        along = gap @ axes
        across = gap - along @ axes.T
        squares = (along**2 / variance).sum(-1) + (across**2).sum(-1) / noise**2
        return -0.5 * (squares + log_det + num_dims * LOG_2PI)

    return log_likelihood
