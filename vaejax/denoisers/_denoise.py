from typing import Any

import numpy as np
from jaxtyping import Float, PyTree

from vaejax.examples import AT_ONCE, each_example, examples_of, fixed
from vaejax.families import REALS
from vaejax.types import VAE, Event, Example, Key, Number, Params

from ._types import Denoiser
from ._unknown_noise import reconstruction

USUAL = reconstruction()  # one, so that it is compiled once


def denoise(
    key: Key,
    model: VAE,
    params: Params,
    x: Any,
    by: Denoiser | None = None,
    *,
    observed: Any = None,
    context: PyTree = None,
    at_once: Number = AT_ONCE,
) -> Float[np.ndarray, "num *event"]:
    """What a denoiser, by default `reconstruction()`, makes of noisy examples `[num, *data_shape]`, any number of them.

    The values may be off the support of the likelihood, as noisy ones are: q looks at them. Streamed by `each_example`,
    with its keys, and compiled once for the same model and denoiser.
    Raises: DataError, as `examples_of`, where they are no finite floats of the shape of the data.

    >>> import jax, jax.numpy as jnp, vaejax as vj
    >>> of_bits = {"data_shape": (4,), "latent_size": 2, "likelihood": vj.likelihoods.bernoulli()}
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), **of_bits)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> denoise(jax.random.key(1), model, params, np.full((5, 4), 0.3), vj.denoisers.posterior_mean(4)).shape
    (5, 4)
    """
    examples = examples_of(model, x, observed=observed, context=context, within=REALS)
    return each_example(fixed(_of_one, by or USUAL, model), key, params, examples, at_once=at_once)


def _of_one(by: Denoiser, model: VAE, key: Key, params: Params, example: Example) -> Event:
    return by(key, model, params, example)
