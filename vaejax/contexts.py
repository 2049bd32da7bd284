"""What a context may say to a model: the label of an example, or a weight of the rate."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, PyTree

from vaejax.errors import VaejaxError
from vaejax.types import Example, Number

UNKNOWN = -1  # the label of an example that has none


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


def label_of(example: Example) -> Array:
    """The label that is an example's context, `UNKNOWN` where there is no context at all.

    Raises: VaejaxError where the context is no label.

    >>> int(label_of(Example(jnp.zeros(4))))
    -1
    """
    label = jnp.asarray(UNKNOWN if example.context is None else example.context)
    if label.shape != () or not jnp.issubdtype(label.dtype, jnp.integer):
        raise VaejaxError(
            f"the context must be a label, one integer for an example and -1 where it is not known, got {label.dtype} "
            f"of shape {label.shape}"
        )
    return label
