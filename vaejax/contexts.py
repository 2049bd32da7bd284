"""Contexts that ask something of a model."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import PyTree

from vaejax.types import Number


class AtBeta(NamedTuple):
    """A context, and log beta: the weight of the rate with which the model should be trained that is asked."""

    context: PyTree
    log_beta: Number


def at_beta(beta: Number, context: PyTree = None) -> AtBeta:
    """The context of an example for which a model made by `variants.multi_rate` is the one trained with `beta`.

    >>> float(at_beta(1.0).log_beta)
    0.0
    """
    return AtBeta(context, jnp.log(jnp.asarray(beta, float)))
