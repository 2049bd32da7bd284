import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.examples import AT_ONCE, each_example, fixed
from vaejax.numerics import concrete
from vaejax.types import VAE, Example, Key, Latent, Number, Params


def codes_of(
    key: Key, model: VAE, params: Params, examples: Example, *, at_once: Number = AT_ONCE
) -> Float[np.ndarray, "num size"]:
    """One draw z ~ q(z|x) of each example, the numbers of its latents in use in a row: what a sampler is fitted to.

    Together they are draws of the aggregate posterior q(z), the mean of q(z|x) over the examples, and of the places a
    decoder was taught at; posterior means are narrower than that. Streamed: memory is that of `at_once` examples.
    Raises: VaejaxError where the number of latents in use is traced.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2, max_latent_size=5)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> codes_of(jax.random.key(1), model, params, vj.examples_of(model, np.zeros((7, 4)))).shape
    (7, 2)
    """
    return each_example(fixed(_drawn, model), key, params, examples, at_once=at_once)


def _drawn(model: VAE, key: Key, params: Params, example: Example) -> Float[Array, " size"]:
    """One draw of q(z|x)."""
    return code_of(model, model.sample(key, params, example).z)


def code_of(model: VAE, z: Latent) -> Float[Array, " size"]:
    """The numbers of the latents in use, in a row.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2, max_latent_size=5)
    >>> code_of(model, jnp.array([1.0, 2.0, 0.0, 0.0, 0.0])).tolist()
    [1.0, 2.0]
    """
    return jnp.ravel(z)[_places(model)]


def latent_of(model: VAE, code: Float[Array, " size"]) -> Latent:
    """A code as the latent of a model: zeros for latents out of use, numbers of one latent together.

    Raises: VaejaxError where the model has another number of them.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2, max_latent_size=5)
    >>> latent_of(model, jnp.array([1.0, 2.0])).tolist()
    [1.0, 2.0, 0.0, 0.0, 0.0]
    """
    places, shape = _places(model), model.active().shape
    if code.shape != places.shape:
        raise VaejaxError(
            f"expected a code of the {len(places)} numbers in use of this model's latents, got shape {code.shape}: a "
            "sampler is fitted to codes of the very model, as latent.codes_of gives them"
        )
    return jnp.zeros(int(np.prod(shape)), code.dtype).at[places].set(code).reshape(shape)


def _places(model: VAE) -> np.ndarray:
    """Where the numbers in use stand. Raises: VaejaxError where that is traced."""
    with jax.ensure_compile_time_eval():  # a ladder reshapes what is known
        active = concrete(model.active())
    if active is None:
        raise VaejaxError(
            "the number of latents in use is traced here, and codes are of those in use: take the compact model, as "
            "vj.extract and vj.ensemble give it"
        )
    return np.flatnonzero(active)
