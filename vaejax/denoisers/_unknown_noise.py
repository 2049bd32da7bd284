import jax
import jax.numpy as jnp

from vaejax.numerics import require_count
from vaejax.types import VAE, Event, Example, Key, Number, Params
from vaejax.verbs import reconstruct

from ._types import Denoiser


def reconstruction() -> Denoiser:
    """The mean of p(x|z) at the mean of q(z|noisy x).

    What the latents cannot say is lost, noise and fine detail alike: on little noise it does worse than nothing. Of a
    model trained by `variants.denoising` it is the denoiser that was trained, which knows its noises and strengths.
    Otherwise q has never seen noise, and its codes of noisy x may lie anywhere. It draws nothing.
    Vincent et al. (2008), doi:10.1145/1390156.1390294.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> reconstruction()(jax.random.key(1), model, params, vj.Example(jnp.zeros(4))).shape
    (4,)
    """
    return iterated(1)


def iterated(num_steps: Number = 5) -> Denoiser:
    """`reconstruction` of what it made of x, `num_steps` times.

    Each step goes nearer to what the model reconstructs best, which takes off more noise and more of what was in the
    picture; it ends at a fixed point, which need not be near the clean x. What was not observed is what the step before
    put there. Rezende, Mohamed and Wierstra (2014), arXiv:1401.4082, appendix F.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> iterated(3)(jax.random.key(1), model, params, vj.Example(jnp.zeros(4))).shape
    (4,)
    """
    num = require_count("num_steps", num_steps)

    def denoiser(key: Key, model: VAE, params: Params, example: Example) -> Event:
        def again(_: int, x: Event) -> Event:
            return reconstruct(model, params, example._replace(x=x, observed=None))

        return jax.lax.fori_loop(1, num, again, reconstruct(model, params, example))

    return denoiser


def posterior_mean(num_samples: Number = 32) -> Denoiser:
    """1/K sum_k of the mean of p(x|z_k), z_k ~ q(z|noisy x).

    It knows nothing of the noise but what q was trained with: `given_noise` weighs the same draws. Against
    `reconstruction` it smooths over what q is unsure of, which lowers squared error. Cost: K draws and decodings.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> posterior_mean(8)(jax.random.key(1), model, params, vj.Example(jnp.zeros(4))).shape
    (4,)
    """
    num = require_count("num_samples", num_samples)

    def denoiser(key: Key, model: VAE, params: Params, example: Example) -> Event:
        def add(total: Event, key: Key) -> tuple[Event, None]:
            return total + model.decode(params, model.sample(key, params, example).z, example), None

        start = jnp.zeros(model.data_shape, example.x.dtype)
        return jax.lax.scan(add, start, jax.random.split(key, num))[0] / num

    return denoiser
