import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.decoding import seen
from vaejax.errors import VaejaxError
from vaejax.numerics import require_count
from vaejax.types import VAE, Event, Example, Key, Latent, Number, Params, Scalar

from ._noises import Noise
from ._types import Denoiser

NODES = 64  # of the interval that a density is on
Values = Float[Array, " value"]


def given_noise(noise: Noise, num_samples: Number = 64, values: Values | None = None) -> Denoiser:
    """E[x | noisy] of the model and a known noise: sum_k w_k E[x|z_k, noisy] / sum_k w_k, z_k ~ q(z|noisy).

    w = p(noisy|z) p(z) / q(z|noisy) and p(noisy|z) = prod over entries of sum_x p(noisy|x) p(x|z); the sum is over the
    levels of the likelihood, 64 points of the interval it is on, or `values`, evenly spaced. E[x|z, noisy] is over the
    same sum, so that an entry which the noise must have left alone stays as it is. Right as K grows, for any q; of few
    draws it leans to what q proposes, which has not seen noise. Where q is far off, one draw has all of the weight:
    `most_probable` then finds better ones.
    Cost: K draws, and K * values * entries densities; memory values * entries of each example that goes at once: give
    `each_example` a smaller `at_once`.
    Raises: VaejaxError where entries of the noise or of x given z depend on each other, or the likelihood is on the
    reals or on counts and no `values` were given.

    >>> import vaejax as vj
    >>> of_bits = {"data_shape": (4,), "latent_size": 2, "likelihood": vj.likelihoods.bernoulli()}
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), **of_bits)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> noisy = vj.Example(jnp.array([0.0, 1.0, 0.0, 1.0]))
    >>> given_noise(vj.denoisers.salt_and_pepper(0.0))(jax.random.key(1), model, params, noisy).round(3).tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    num, log_noise = require_count("num_samples", num_samples), _density_of(noise)

    def denoiser(key: Key, model: VAE, params: Params, example: Example) -> Event:
        grid = _grid(model, values)

        def weighed(key: Key) -> tuple[Scalar, Event]:
            draw = model.sample(key, params, example)
            log_p, mean = _explained(model, params, example, draw.z, log_noise, grid)
            return log_p + jnp.sum(model.log_prior(params, draw.z, example)) - jnp.sum(draw.log_q), mean

        log_weights, means = jax.lax.map(weighed, jax.random.split(key, num))
        return jnp.tensordot(jax.nn.softmax(log_weights), means, 1)

    return denoiser


def most_probable(
    noise: Noise, num_steps: Number = 100, values: Values | None = None, optimizer: Any = None
) -> Denoiser:
    """E[x | z, noisy] at the z that maximises log p(noisy|z) + log p(z), by gradient steps from the mean of q(z|noisy).

    The noise, its sum over x and what is raised are those of `given_noise`; no draw is made and q only gives the start,
    so that it works where q is lost. It is one z, not a mean over them. z must be real: of discrete latents a gradient
    leads nowhere. optimizer: any of optax, by default Adam at 0.05. Cost: num_steps gradients.
    Bora et al. (2017), arXiv:1703.03208.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> denoiser = most_probable(vj.denoisers.gaussian(0.5), 3, jnp.linspace(-3, 3, 30))
    >>> denoiser(jax.random.key(1), model, params, vj.Example(jnp.ones(4))).shape
    (4,)
    """
    num, log_noise = require_count("num_steps", num_steps), _density_of(noise)

    def denoiser(key: Key, model: VAE, params: Params, example: Example) -> Event:
        import optax

        climber, grid = optimizer or optax.adam(0.05), _grid(model, values)

        def cost(z: Latent) -> Scalar:
            log_p, _ = _explained(model, params, example, z, log_noise, grid)
            return -log_p - jnp.sum(model.log_prior(params, z, example))

        def step(carry: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], None]:
            z, state = carry
            updates, state = climber.update(jax.grad(cost)(z), state, z)
            return (optax.apply_updates(z, updates), state), None

        start = model.encode(params, example)
        (z, _), _ = jax.lax.scan(step, (start, climber.init(start)), None, length=num)
        return _explained(model, params, example, z, log_noise, grid)[1]

    return denoiser


def _explained(
    model: VAE, params: Params, example: Example, z: Latent, log_noise: Callable[..., Array], grid: Values
) -> tuple[Scalar, Event]:
    """log p(noisy|z) up to a constant, and E[x | z, noisy]. What was not observed says nothing, and is what z says."""
    noisy = seen(example)
    clean = example._replace(observed=None)

    def log_p_of(value: Scalar) -> Array:
        parts = model.log_likelihood(params, z, clean._replace(x=jnp.full_like(noisy, value)))
        if parts.shape != noisy.shape:
            raise VaejaxError(
                f"a known noise needs a likelihood with one part for each entry {noisy.shape}, got {parts.shape}: "
                "posterior_mean does without"
            )
        said = log_noise(noisy, value)
        return parts + (said if example.observed is None else jnp.where(example.observed, said, 0.0))

    log_joint = jax.vmap(log_p_of)(grid)  # the decoder does not depend on the value, and is evaluated once
    log_p = jax.nn.logsumexp(log_joint, axis=0)
    share = jnp.exp(log_joint - log_p[None])
    return jnp.sum(log_p), jnp.tensordot(grid.astype(share.dtype), share, 1)


def _density_of(noise: Noise) -> Callable[[Array, Array], Array]:
    if noise.log_prob is None:
        raise VaejaxError(
            f"entries of {noise.name} depend on each other, and its density is not known: use posterior_mean, or a "
            "model trained with variants.denoising, or say by Example.observed what was hidden"
        )
    return noise.log_prob


def _grid(model: VAE, values: Values | None) -> Values:
    support = model.likelihood.support
    if values is not None:
        return jnp.asarray(values)
    if not (math.isfinite(support.low) and math.isfinite(support.high)):
        raise VaejaxError(
            f"the likelihood {model.likelihood.name} is on {support}: say over which values of x to sum, evenly "
            "spaced, like values=jnp.linspace(0, 1, 64)"
        )
    if support.levels is not None:
        return jnp.linspace(support.low, support.high, int(support.levels))
    step = (support.high - support.low) / NODES
    return support.low + step * (jnp.arange(NODES) + 0.5)
