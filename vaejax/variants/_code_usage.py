from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Params, Scalar


class CodeUsage(NamedTuple):
    """frequency: the share of each code. perplexity: exp of its entropy, how many codes are in use as if equally."""

    frequency: Float[Array, " codes"]
    perplexity: Scalar


def code_usage(params: Params) -> CodeUsage:
    """How often each code of `vector_quantised` was chosen in training of late, and exp(H) of that.

    Shares are those of the running means, which remember 1 / (1 - decay) steps; a code that was just reset counts as
    the uniform share. The perplexity is 1 where one code takes all, and num_codes where all are used alike.

    >>> usage = code_usage({"codebook": {"frequency": jnp.array([0.5, 0.5, 0.0]), "total": jnp.zeros((3, 2))}})
    >>> usage.perplexity.item()
    2.0
    """
    running = params["codebook"]["frequency"]
    frequency = running / jnp.sum(running)
    logs = jnp.log(jnp.where(frequency > 0, frequency, 1.0))
    return CodeUsage(frequency, jnp.exp(-jnp.sum(frequency * logs)))
