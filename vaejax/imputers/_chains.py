from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from vaejax.bound import log_weight
from vaejax.decoding import seen
from vaejax.errors import VaejaxError
from vaejax.numerics import require_count
from vaejax.types import VAE, Draw, Example, Key, Latent, Number, Params, Scalar

from ._chain_ess import chain_ess
from ._completions import completed
from ._types import Imputer, Latents

Accepts = Callable[[Key, VAE, Params, Example, Latent, Draw], Bool[Array, ""]]
FEWEST = 4  # steps that have an autocorrelation


def pseudo_gibbs(num_steps: Number = 250, num_warmup: Number = 100, num_chains: Number = 4) -> Imputer:
    """z ~ q(z|x_obs, x_mis), x_mis ~ p(x_mis|z), in turn: a Gibbs sampler that takes q for p(z|x).

    Rezende, Mohamed and Wierstra (2014), arXiv:1401.4082. The encoder sees whole examples, as one that was
    trained on complete data wants them. Its law is p(x_mis|x_obs) only where q(z|x) is p(z|x): where q is too narrow,
    or off, so are completions, and no number of steps mends it; `metropolis_within_gibbs` does, at twice the cost.
    Chains start at q of x with zeros for what is missing; their first `num_warmup` steps are left out. The ess counts
    what the chain is worth for its own law, and knows nothing of that bias.
    Cost: (num_warmup + num_steps) x num_chains encodings and decodings. Memory: the latents of the steps that are kept.
    Raises: VaejaxError as `importance_resampling`.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> example = vj.Example(jnp.ones(4), observed=jnp.array([True, True, False, True]))
    >>> pseudo_gibbs(10, 5, 2).latents(jax.random.key(1), model, params, example).z.shape
    (20, 2)
    """
    return _chains("pseudo_gibbs", _always, num_steps, num_warmup, num_chains)


def metropolis_within_gibbs(num_steps: Number = 250, num_warmup: Number = 100, num_chains: Number = 4) -> Imputer:
    """z' ~ q(z|x_obs, x_mis), kept with probability min(1, w(z') / w(z)), and x_mis ~ p(x_mis|z): exact as steps grow.

    w(z) = p(x, z) / q(z|x) of the completed x (Metropolis and Hastings): the law of the chain is p(x_mis|x_obs) though
    q be off, which costs steps and no truth. The first half of the warm-up accepts everything, to
    come from zeros to where the law is. Mattei and Frellsen (2018), arXiv:1802.04826.
    Chains that accept little are worth little, and `Latents.ess` says how little; a law of several modes that no chain
    left is told by chains that stay apart, where they began in different ones. Where q is one point (a codebook, an
    autoencoder) nothing is accepted and the ess is that of chains which stand still: take `pseudo_gibbs`.
    Cost: as `pseudo_gibbs` and as many log densities of p and q. Memory: the same.
    Raises: VaejaxError as `importance_resampling`, and where q has a density only along its own samples.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> example = vj.Example(jnp.ones(4), observed=jnp.array([True, True, False, True]))
    >>> metropolis_within_gibbs(10, 5, 2).latents(jax.random.key(1), model, params, example).z.shape
    (20, 2)
    """
    return _chains("metropolis_within_gibbs", _by_weight, num_steps, num_warmup, num_chains)


def _chains(name: str, accepts: Accepts, num_steps: Number, num_warmup: Number, num_chains: Number) -> Imputer:
    steps, warmup = (
        require_count("num_steps", num_steps, least=FEWEST),
        require_count("num_warmup", num_warmup, least=0),
    )
    num = require_count("num_chains", num_chains)

    def latents(key: Key, model: VAE, params: Params, example: Example) -> Latents:
        require_independent_entries(model, params, example)

        def step(state: tuple[Latent, Array], at: tuple[Key, Array]) -> tuple[tuple[Latent, Array], Latent]:
            (z, x), (key, index) = state, at
            draw_key, accept_key, x_key = jax.random.split(key, 3)
            whole = example._replace(x=x, observed=None)
            draw = model.sample(draw_key, params, whole)
            taken = (index < warmup // 2) | (index == 0) | accepts(accept_key, model, params, whole, z, draw)
            runs_away = ~jnp.all(jnp.isfinite(draw.z))  # x that grows from step to step, of which q then makes nothing
            z = jnp.where(taken & ~runs_away, draw.z, z)
            return (z, completed(x_key, model, params, example, z)), z

        def chain(key: Key) -> Latent:
            keys, places = jax.random.split(key, warmup + steps), jnp.arange(warmup + steps)
            start = jnp.zeros_like(model.active()), seen(example)
            return jax.lax.scan(step, start, (keys, places))[1][warmup:]

        z = jax.vmap(chain)(jax.random.split(key, num))
        return Latents(z.reshape(-1, *z.shape[2:]), jnp.zeros(num * steps, z.dtype), chain_ess(z))

    return Imputer(name, latents)


def require_independent_entries(model: VAE, params: Params, example: Example) -> None:
    """Refuses, with nothing computed, a likelihood of which no entry can be left out: x_mis then depends on x_obs given
    z. Raises: VaejaxError.
    """
    jax.eval_shape(lambda z: model.log_likelihood(params, z, example), model.active())


def _always(key: Key, model: VAE, params: Params, whole: Example, z: Latent, draw: Draw) -> Bool[Array, ""]:
    return jnp.array(True)


def _by_weight(key: Key, model: VAE, params: Params, whole: Example, z: Latent, draw: Draw) -> Bool[Array, ""]:
    try:
        log_q = model.log_posterior(params, z, whole)
    except VaejaxError as error:
        raise VaejaxError(
            f"metropolis_within_gibbs needs log q(z|x) at a given z, and this posterior does not give it ({error}); "
            "use importance_resampling, which needs it only along a sample"
        ) from error
    proposed: Scalar = log_weight(model, params, whole, draw.z, draw.log_q)
    change = proposed - log_weight(model, params, whole, z, log_q)
    return jnp.log(jax.random.uniform(key, (), change.dtype)) < change  # never where the change is NaN
