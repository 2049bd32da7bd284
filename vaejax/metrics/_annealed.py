import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.metrics._effective_sample_size import effective_sample_size
from vaejax.numerics import logmeanexp, require_count, require_number
from vaejax.types import VAE, Example, Key, Latent, Number, Params, Scalar

WANTED = 0.65  # of the proposals accepted
GAIN = 0.3  # of the logarithm of the step size, by what the acceptance is above that
STEEPNESS = 4.0  # of the temperatures: a sigmoid from -4 to 4, dense at both ends

Density = Callable[[Latent], Scalar]
Start = Callable[[Key, VAE, Params, Example], tuple[Latent, Density]]


class Annealed(NamedTuple):
    """log_likelihood and its standard error in nats; acceptance: of the proposals; log_weights: of each chain.

    z: where each chain ended; with these weights they are draws of p(z|x).
    """

    log_likelihood: Scalar
    standard_error: Scalar
    acceptance: Scalar
    log_weights: Float[Array, " chain"]
    z: Float[Array, "chain latent"]


def from_prior(key: Key, model: VAE, params: Params, example: Example) -> tuple[Latent, Density]:
    """A draw from p(z), and its log density: of `annealed_importance`, a start that covers whatever q misses.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = model.init(jax.random.key(0), vj.Example(jnp.zeros((1, 4))))
    >>> from_prior(jax.random.key(0), model, params, vj.Example(jnp.zeros(4)))[0].shape
    (2,)
    """
    return model.sample_prior(key, params, example), lambda z: jnp.sum(model.log_prior(params, z, example))


def from_posterior(key: Key, model: VAE, params: Params, example: Example) -> tuple[Latent, Density]:
    """A draw from q(z|x), and its log density: of `annealed_importance`, a start that is near where q is good.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = model.init(jax.random.key(0), vj.Example(jnp.zeros((1, 4))))
    >>> from_posterior(jax.random.key(0), model, params, vj.Example(jnp.zeros(4)))[0].shape
    (2,)
    """
    return model.sample(key, params, example).z, lambda z: jnp.sum(model.log_posterior(params, z, example))


def annealed_importance(
    key: Key,
    model: VAE,
    params: Params,
    example: Example,
    num_steps: int = 500,
    num_chains: int = 16,
    num_leapfrog: int = 10,
    step_size: Number = 0.1,
    start: Start = from_prior,
) -> Annealed:
    """log mean_c prod_t (p(x, z_t) / s(z_t))^(b_t+1 - b_t), z_t moved by HMC that leaves s^(1-b_t) p(x, .)^b_t.

    Annealed importance sampling from s, the prior or q, to the posterior: a lower bound on log p(x) in expectation,
    tight as steps grow, which does not need a q that covers the posterior. Neal (2001), arXiv:physics/9803008; Wu et
    al. (2017), arXiv:1611.04273, for decoders. Its bias is unknown; what more steps, or the other start, add to it is
    a sign of it, and its standard error, sqrt(1/ESS - 1/chains) nats, is not where few chains carry all.

    Step sizes come from a run before, which starts at `step_size`, moves it until 0.65 of proposals are accepted, and
    is thrown away: a step that looked at its own chain would not leave the law, and the bound would be none.
    For latents that are real numbers on all of R: a discrete one, or a code on a sphere, has no such dynamics. Latents
    of several numbers are refused; others are not known here by their kind, so that is for you to heed.
    Cost: 2 x steps x chains x (leapfrog + 1) gradients of the decoder. Memory: that of the chains.
    Raises: VaejaxError where a count is no whole number above 0, and for latents of several numbers.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = model.init(jax.random.key(0), vj.Example(jnp.zeros((1, 4))))
    >>> annealed_importance(jax.random.key(1), model, params, vj.Example(jnp.zeros(4)), 10, 4, 2).log_weights.shape
    (4,)
    """
    num_steps, num_chains = require_count("num_steps", num_steps), require_count("num_chains", num_chains)
    num_leapfrog = require_count("num_leapfrog", num_leapfrog)
    require_number("step_size", step_size, above=0.0)
    active = model.active()
    if active.ndim != 1:
        raise VaejaxError(
            f"annealed_importance needs latents that are real numbers, got latents of shape {active.shape[1:]}: "
            "discrete ones have no Hamiltonian dynamics; use importance"
        )
    beta = _temperatures(num_steps)

    def log_joint(z: Latent) -> Scalar:
        return jnp.sum(model.log_likelihood(params, z, example)) + jnp.sum(model.log_prior(params, z, example))

    def run(key: Key, log_steps: Float[Array, " step"] | None) -> tuple[tuple[Array, Array], Array, Array]:
        key, start_key = jax.random.split(key)
        keys = jax.random.split(start_key, num_chains)
        z = jax.vmap(lambda key: start(key, model, params, example)[0])(keys)
        log_start = start(start_key, model, params, example)[1]

        def step(carry: tuple[Array, Array, Array], index: Array) -> tuple[Any, tuple[Array, Array]]:
            z, log_weights, log_step = carry
            gain = jax.vmap(lambda z: log_joint(z) - log_start(z))(z)
            log_weights = log_weights + (beta[index + 1] - beta[index]) * gain
            size = log_step if log_steps is None else log_steps[index]

            def target(z: Latent) -> Scalar:
                return (1 - beta[index + 1]) * log_start(z) + beta[index + 1] * log_joint(z)

            keys = jax.random.split(jax.random.fold_in(key, index), num_chains)
            z, accepted = jax.vmap(lambda key, z: _hmc(key, target, z, active, jnp.exp(size), num_leapfrog))(keys, z)
            rate = jnp.mean(accepted)
            return (z, log_weights, log_step + GAIN * (rate - WANTED)), (size, rate)

        first = (z, jnp.zeros(num_chains, z.dtype), jnp.log(jnp.asarray(step_size, z.dtype)))
        (z, log_weights, _), (sizes, rates) = jax.lax.scan(step, first, jnp.arange(num_steps))
        return (z, log_weights), sizes, jnp.mean(rates)

    pilot_key, key = jax.random.split(key)
    (z, log_weights), _, acceptance = run(key, run(pilot_key, None)[1])
    ess = effective_sample_size(log_weights)
    error = jnp.sqrt(jnp.maximum(1 / ess - 1 / num_chains, 0.0))
    return Annealed(logmeanexp(log_weights), error, acceptance, log_weights, z)


def _temperatures(num_steps: int) -> Float[Array, " steps_and_one"]:
    """From 0 to 1."""
    raw = jax.nn.sigmoid(STEEPNESS * jnp.linspace(-1.0, 1.0, num_steps + 1))
    return (raw - raw[0]) / (raw[-1] - raw[0])


def _hmc(
    key: Key, target: Density, z: Latent, active: Latent, size: Scalar, num_leapfrog: int
) -> tuple[Latent, Scalar]:
    """One transition that leaves the target as it is, on the latents in use; and how likely it was to be accepted."""
    momentum_key, accept_key = jax.random.split(key)
    momentum = jax.random.normal(momentum_key, z.shape, z.dtype) * active
    gradient = jax.value_and_grad(target)

    def leap(_: Any, state: tuple[Latent, Latent, Scalar, Latent]) -> tuple[Latent, Latent, Scalar, Latent]:
        z, momentum, _, slope = state
        momentum = momentum + 0.5 * size * slope * active
        z = z + size * momentum
        value, slope = gradient(z)
        return z, momentum + 0.5 * size * slope * active, value, slope

    before, slope = gradient(z)
    moved, last, after, _ = jax.lax.fori_loop(0, num_leapfrog, leap, (z, momentum, before, slope))
    change = after - before + 0.5 * (jnp.sum(jnp.square(momentum)) - jnp.sum(jnp.square(last)))
    likely = jnp.exp(jnp.minimum(jnp.where(jnp.isnan(change), -math.inf, change), 0.0))
    accept = jax.random.uniform(accept_key, (), z.dtype) < likely
    return jnp.where(accept, moved, z), likely
