from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.numerics import require_count
from vaejax.types import VAE, Event, Example, Key, Latent, Number, Params
from vaejax.verbs import decode, sample


class Variations(NamedTuple):
    """What the model takes one example for.

    codes: draws z ~ q(z|x). means: the mean of p(x|z) at each. draws: one x ~ p(x|z) at each.
    mean: of the means.  spread: their standard deviation in each entry, what the code leaves open.
    total_spread: that of the draws, with the noise of p(x|z): its square is spread^2 + E[var p(x|z)].
    """

    codes: Float[Array, "num *latent"]
    means: Float[Array, "num *event"]
    draws: Float[Array, "num *event"]
    mean: Event
    spread: Event
    total_spread: Event


def variations(key: Key, model: VAE, params: Params, x: Any, num_draws: Number = 64) -> Variations:
    """Draws of p(x'|z), z ~ q(z|x), for one example x, and what they differ by in each entry, in units of x.

    The posterior predictive distribution of the model. Standard deviations divide by N - 1; of normal draws their
    relative standard error is 1 / sqrt(2 (num_draws - 1)), 9% at 64. Pure: it is mapped over examples by
    `vj.each_example`, and over the seeds of an ensemble by `jax.vmap`.
    Raises: VaejaxError where x is not one example, or there are not 2 draws.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> found = variations(jax.random.key(1), model, params, jnp.zeros(4))
    >>> found.draws.shape, found.spread.shape
    ((64, 4), (4,))
    """
    num = require_count("num_draws", num_draws, least=2)
    context = x.context if isinstance(x, Example) else None
    shown = Example(jnp.zeros(model.data_shape), context)

    def one(key: Key) -> tuple[Latent, Event, Event]:
        of_code, of_x = jax.random.split(key)
        z = sample(of_code, model, params, x).z
        return z, decode(model, params, z, context), model.sample_likelihood(of_x, params, z, shown)

    codes, means, draws = jax.vmap(one)(jax.random.split(key, num))
    spreads = (jnp.std(values, axis=0, ddof=1) for values in (means, draws))
    return Variations(codes, means, draws, jnp.mean(means, axis=0), *spreads)
