"""How far a code is from where codes are, and from when on that is too far."""

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from vaejax.errors import DataError, VaejaxError
from vaejax.metrics import conformal_least, conformal_rank
from vaejax.numerics import require_count, require_number
from vaejax.samplers import Codes, Sampler
from vaejax.types import VAE, Number, Params, Scalar

from ._generate import prior_of

Score: TypeAlias = Callable[[Float[Array, " size"]], Scalar]  # of a code; higher is farther from codes


def hole_score(model: VAE, params: Params, sampler: Sampler, fitted: Params, context: PyTree = None) -> Score:
    """z -> log p(z) - log q(z), nats: how much more the prior makes of a code than the density fitted to codes.

    High in a hole of the aggregate posterior, where a prior samples and a decoder was never taught (Rosca,
    Lakshminarayanan and Mohamed 2018, arXiv:1802.06847); low at codes that the prior thinks unlikely. Its mean over
    codes is minus KL(q || p). As good as the density: what a fitted sampler smooths over is no hole to it.
    Raises: VaejaxError where the sampler has no density.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> sampler = vj.samplers.gaussian_mixture(1)
    >>> fitted = sampler.fit(jax.random.key(1), 0.1 * jax.random.normal(jax.random.key(2), (99, 2)))
    >>> score = hole_score(model, params, sampler, fitted)
    >>> bool(score(jnp.ones(2)) > 10 > score(jnp.zeros(2)))
    True
    """
    log_prior, log_q = log_prob_of(prior_of(model, context)), log_prob_of(sampler)
    return lambda code: log_prior(params, code) - log_q(fitted, code)


def distance_score(codes: Codes, k: Number = 1) -> Score:
    """z -> the distance to the k-th nearest of the codes, in units of each latent's standard deviation over the codes.

    It needs no density and is defined for any codes. In many dimensions all distances are alike, and it tells less.
    Cost and memory: codes x size for each z. Raises: DataError where there are not k codes.

    >>> score = distance_score(jnp.array([[-1.0], [1.0]]))
    >>> float(score(jnp.array([1.0]))), float(score(jnp.array([3.0])))
    (0.0, 2.0)
    """
    k, codes = require_count("k", k), jnp.asarray(codes)
    if len(codes) < k:
        raise DataError(f"expected at least {k} codes, got {len(codes)}")
    squares_to = squared_distances(codes)

    def score(code: Float[Array, " size"]) -> Scalar:
        least = -jax.lax.top_k(-squares_to(code), k)[0][k - 1]
        return jnp.where(least > 0, jnp.sqrt(jnp.where(least > 0, least, 1.0)), 0.0)  # the root of 0 has no slope

    return score


def threshold_of(scores: Float[Array | np.ndarray, " num"], false_alarms: Number = 0.05) -> float:
    """The least score that another code of the same law exceeds with probability of at most `false_alarms`.

    The ceil((1 - a) (n + 1))-th smallest of n scores of held-out codes: exact in expectation over these, whatever the
    law, as ranks of exchangeable numbers are uniform (split conformal prediction: Vovk et al. 2005). Codes that the
    score was fitted to are not held out, and give a threshold that is too low. At n codes the rate that is met has a
    standard deviation of about sqrt(a (1 - a) / n).
    Raises: DataError where there are fewer than 1 / a - 1 scores, or one is NaN.

    >>> threshold_of(jnp.arange(99.0), 0.1)
    89.0
    """
    require_number("false_alarms", false_alarms, above=0.0, most=1.0)
    known = np.sort(np.asarray(scores, np.float64))
    rank = conformal_rank(len(known), float(false_alarms))
    if rank > len(known) or np.isnan(known).any():
        raise DataError(
            f"expected at least {conformal_least(float(false_alarms))} scores of held-out codes, none of them NaN, "
            f"for {float(false_alarms):g} false alarms, got {len(known)}, {np.isnan(known).sum()} of them NaN"
        )
    return float(known[rank - 1])


def log_prob_of(sampler: Sampler) -> Callable[[Params, Float[Array, " size"]], Scalar]:
    """Its log density. Raises: VaejaxError where that is not known."""
    if sampler.log_prob is None:
        raise VaejaxError(
            f"the density of {sampler.name} is not known: take one that has log_prob, like samplers.gaussian_mixture, "
            "or latent.distance_score"
        )
    return sampler.log_prob


def squared_distances(codes: Float[Array, "num size"]) -> Callable[[Float[Array, " size"]], Float[Array, " num"]]:
    """z -> its squared distance to each of the codes, in units of the standard deviation of each number over them."""
    spread = jnp.std(codes, axis=0)
    scale = jnp.where(spread > 0, spread, 1.0)  # what does not vary counts as it is
    return lambda code: jnp.sum(jnp.square((codes - code[None]) / scale[None]), axis=1)
