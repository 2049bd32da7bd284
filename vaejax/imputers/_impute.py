import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from vaejax.errors import VaejaxError
from vaejax.metrics import BLOCK
from vaejax.numerics import concrete, require_count, require_number
from vaejax.types import VAE, Event, Example, Key, Number, Params, Scalar

from ._completions import completions_of, filled, weights_of
from ._types import Imputer, Latents

ROUNDING = 1e-9  # 0.9 as a float is not the number that is meant


class Imputed(NamedTuple):
    """One example. What was observed is as it was seen, in `mean`, `low` and `high` alike.

    mean: E[x|x_obs], the best single guess in squared error. low, high: the ends of an interval of each entry.
    ess: how many independent draws all of it rests on, as far as they can tell; under some tens do not trust it.
    """

    mean: Event
    low: Event
    high: Event
    ess: Scalar


def impute(
    key: Key,
    model: VAE,
    params: Params,
    example: Example,
    imputer: Imputer,
    coverage: float = 0.9,
    num: Number = 199,
) -> Imputed:
    """E[x_mis|x_obs] and intervals that hold each missing entry with probability `coverage`, if the model is right.

    The mean is that of p(x|z) over all latents of the imputer, by their weights; of a likelihood on levels it is no
    level. The interval is between two of `num` sorted `completions` of the same latents, such that a truth drawn as
    they are falls between with at least this probability, exactly it where (num + 1)(1 - coverage) / 2 is whole, as by
    default; each entry by itself. A model that is not right, or is too sure of itself, covers less: check on entries
    that are hidden on purpose. All of it is deterministic given the key, and with `example.observed` of ones it is x.

    An example with nothing observed gives draws of p(z) by way of q; `vj.examples_of` refuses those. NaN may stand
    where nothing was observed: `vj.examples_of(model, x, observed=~np.isnan(x))`. Under `jit`, as in `vj.each_example`,
    what is not used is not computed: `impute(...).mean` needs memory for 16 examples, intervals that of `num` (for
    large images give `vj.each_example` a smaller `at_once`). Cost: the imputer's, and a decoding of each latent.
    Raises: VaejaxError as the imputer; where `num` completions are too few for the coverage.

    >>> import numpy as np, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> x = np.array([[1.0, np.nan, 3.0, 4.0], [np.nan, np.nan, 0.0, 1.0]])
    >>> imputer = vj.imputers.importance_resampling(50)
    >>> of_one = lambda key, params, example: impute(key, model, params, example, imputer)
    >>> found = vj.each_example(of_one, jax.random.key(1), params, vj.examples_of(model, x, observed=~np.isnan(x)))
    >>> found.mean[0, [0, 2, 3]].tolist(), bool((found.low <= found.high).all())
    ([1.0, 3.0, 4.0], True)
    """
    num = require_count("num", num)
    below = _left_out(coverage, num)
    latents_key, draw_key = jax.random.split(key)
    found = imputer.latents(latents_key, model, params, example)
    drawn = jnp.sort(completions_of(draw_key, model, params, example, found, num), axis=0)
    mean = filled(example, _mean(model, params, example, found))
    return Imputed(mean, drawn[below - 1], drawn[num - below], found.ess)


def _left_out(coverage: float, num: int) -> int:
    """How many draws are at most the lower end: a truth drawn as they are is below the k-th with probability
    k / (num + 1).
    """
    require_number("coverage", coverage, above=0.0, most=1.0)
    if concrete(coverage) is None:
        raise VaejaxError("coverage picks which of the sorted draws are ends, so it must be a Python number")
    below = math.floor((num + 1) * (1 - coverage) / 2 + ROUNDING)
    if below < 1:
        most = (num - 1) / (num + 1)
        raise VaejaxError(f"{num} completions give intervals of at most {most:.4g}, got coverage={coverage}: raise num")
    return below


def _mean(model: VAE, params: Params, example: Example, latents: Latents) -> Shaped[Array, "*event"]:
    """sum_k w_k E[x|z_k], by blocks."""
    weights, num = weights_of(latents), len(latents.z)
    rest = -num % BLOCK
    z = jnp.concatenate([latents.z, jnp.broadcast_to(latents.z[:1], (rest, *latents.z.shape[1:]))])
    blocks = z.reshape(-1, BLOCK, *z.shape[1:]), jnp.pad(weights, (0, rest)).reshape(-1, BLOCK)

    def add(total: Event, block: tuple[Array, Array]) -> tuple[Event, None]:
        means = jax.vmap(lambda z: model.decode(params, z, example))(block[0])
        return total + jnp.tensordot(block[1].astype(means.dtype), means, 1).astype(total.dtype), None

    return jax.lax.scan(add, jnp.zeros_like(example.x), blocks)[0]
