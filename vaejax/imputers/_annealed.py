from vaejax.metrics import annealed_importance, effective_sample_size
from vaejax.numerics import require_count
from vaejax.types import VAE, Example, Key, Number, Params

from ._chains import require_independent_entries
from ._types import Imputer, Latents


def annealed(num_steps: Number = 100, num_chains: Number = 50, num_leapfrog: Number = 5) -> Imputer:
    """z where chains end that were led from p(z) to p(z|x_obs), each with the weight of its way: exact as both grow.

    Annealed importance sampling with Hamiltonian dynamics, Neal (2001), arXiv:physics/9803008: it asks the decoder
    alone, so that an encoder which never met holes can not lead it astray, and finds modes that chains from one start
    do not. For models trained on complete or incomplete data alike, whose latents are real numbers on all of R.
    Cost: 2 x steps x chains x (leapfrog + 1) gradients of the decoder, most of all imputers. Memory: the chains.
    Raises: VaejaxError as `importance_resampling`, and for latents of several numbers.

    >>> import jax, jax.numpy as jnp, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> example = vj.Example(jnp.ones(4), observed=jnp.array([True, True, False, True]))
    >>> annealed(10, 6).latents(jax.random.key(1), model, params, example).z.shape
    (6, 2)
    """
    steps, chains = require_count("num_steps", num_steps), require_count("num_chains", num_chains)
    leapfrog = require_count("num_leapfrog", num_leapfrog)

    def latents(key: Key, model: VAE, params: Params, example: Example) -> Latents:
        require_independent_entries(model, params, example)
        found = annealed_importance(key, model, params, example, steps, chains, leapfrog)
        return Latents(found.z, found.log_weights, effective_sample_size(found.log_weights))

    return Imputer("annealed", latents)
