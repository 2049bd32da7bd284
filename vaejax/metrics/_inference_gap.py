import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.bound import terms
from vaejax.errors import VaejaxError
from vaejax.numerics import LOG_2PI, require_count
from vaejax.types import VAE, Example, Key, Latent, Number, Params, Scalar

RATE = 0.05  # of Adam at first, in units of z and of the logarithm of a scale; it falls to 0 as a half cosine


class InferenceGap(NamedTuple):
    """Of one example, in nats; the two gaps sum to log p(x) - elbo.

    approximation: log p(x) - best_elbo, what no normal of independent latents could give. amortization: best_elbo -
    elbo, what the encoder loses to the best one of this example. error: the standard error of the latter.
    """

    approximation: Scalar
    amortization: Scalar
    elbo: Scalar
    best_elbo: Scalar
    error: Scalar


class _Normal(NamedTuple):
    mean: Latent
    log_scale: Latent


def inference_gap(
    key: Key,
    model: VAE,
    params: Params,
    example: Example,
    log_likelihood: Number,
    num_steps: int = 500,
    num_samples: int = 1000,
    per_step: int = 16,
) -> InferenceGap:
    """log p(x) - ELBO = (log p(x) - ELBO of the best normal) + (ELBO of the best normal - ELBO of q(z|x)).

    Cremer et al. (2018), arXiv:1801.03558. The best normal of independent latents is sought for this example alone, by
    Adam from the mean and the spread of q, with `per_step` fresh draws at each step; both bounds are then of
    `num_samples` fresh draws. `log_likelihood` is given, by `annealed_importance` or `importance`. It is too low, and
    the approximation gap by as much too small; a search that ended early makes that too large, and the amortization gap
    too small. Where q is no such normal the amortization gap may be negative: by what its family gains.
    Cost: `per_step` gradients of the decoder a step. For latents that are real numbers: those of several numbers are
    refused. Raises: VaejaxError for them, and where a count is no whole number above 0 (above 1 of `num_samples`).

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = model.init(jax.random.key(0), vj.Example(jnp.zeros((1, 4))))
    >>> inference_gap(jax.random.key(1), model, params, vj.Example(jnp.zeros(4)), -3.0, 5, 20).best_elbo.shape
    ()
    """
    num_steps, num_samples = require_count("num_steps", num_steps), require_count("num_samples", num_samples, least=2)
    per_step = require_count("per_step", per_step)
    active = model.active()
    if active.ndim != 1:
        raise VaejaxError(
            f"inference_gap needs latents that are real numbers, got latents of shape {active.shape[1:]}: the best "
            "normal is no q of theirs"
        )

    def bound(noise: Latent, normal: _Normal) -> Scalar:
        z = (normal.mean + jnp.exp(normal.log_scale) * noise) * active
        entropy = jnp.sum((normal.log_scale + 0.5 * (1 + LOG_2PI)) * active)
        log_joint = jnp.sum(model.log_likelihood(params, z, example)) + jnp.sum(model.log_prior(params, z, example))
        return log_joint + entropy

    def bounds(key: Key, normal: _Normal, num: int) -> Float[Array, " num"]:
        noise = jax.random.normal(key, (num, *active.shape), active.dtype)
        return jax.vmap(bound, (0, None))(noise, normal)

    def amortized(key: Key) -> Scalar:
        found = terms(key, model, params, example)
        return -(found.distortion + found.rate)

    start_key, step_key, best_key, q_key = jax.random.split(key, 4)
    start = _start(start_key, model, params, example, active)
    best = _ascend(step_key, lambda key, normal: jnp.mean(bounds(key, normal, per_step)), start, num_steps)
    theirs = bounds(best_key, best, num_samples)
    ours = jax.vmap(amortized)(jax.random.split(q_key, num_samples))
    elbo, best_elbo = jnp.mean(ours), jnp.mean(theirs)
    error = jnp.sqrt((jnp.var(ours, ddof=1) + jnp.var(theirs, ddof=1)) / num_samples)
    return InferenceGap(log_likelihood - best_elbo, best_elbo - elbo, elbo, best_elbo, error)


def _start(key: Key, model: VAE, params: Params, example: Example, active: Latent) -> _Normal:
    """The mean of q, and the root mean square of draws about it."""
    mean = model.encode(params, example)
    draws = jax.vmap(lambda key: model.sample(key, params, example).z)(jax.random.split(key, 64))
    square = jnp.mean(jnp.square(draws - mean[None]), axis=0)
    return _Normal(mean, 0.5 * jnp.log(jnp.where((active > 0) & (square > 0), square, 1.0)))


def _ascend(key: Key, objective: Callable[[Key, _Normal], Scalar], start: _Normal, num_steps: int) -> _Normal:
    """Adam."""

    def step(index: Array, carry: tuple[_Normal, _Normal, _Normal]) -> tuple[_Normal, _Normal, _Normal]:
        at, first, second = carry
        slope = jax.grad(lambda at: objective(jax.random.fold_in(key, index), at))(at)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slope)
        second = jax.tree.map(lambda m, g: 0.99 * m + 0.01 * g**2, second, slope)
        count = index + 1.0
        rate = RATE * 0.5 * (1 + jnp.cos(math.pi * index / num_steps)) / (1 - 0.9**count)

        def moved(a: Latent, m: Latent, v: Latent) -> Latent:
            return (a + rate * m / (jnp.sqrt(v / (1 - 0.99**count)) + 1e-8)).astype(a.dtype)

        return jax.tree.map(moved, at, first, second), first, second

    nothing = jax.tree.map(jnp.zeros_like, start)
    return jax.lax.fori_loop(0, num_steps, step, (start, nothing, nothing))[0]
