"""Where scores stand among each other: what measures of a ranking are made of."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from vaejax.errors import VaejaxError
from vaejax.numerics import concrete


class Standing(NamedTuple):
    """Of each score, how many of a group are below it, and how many are not above it."""

    below: Int[Array, " num"]
    not_above: Int[Array, " num"]


def standing(scores: Float[Array, " num"], group: Bool[Array, " num"]) -> Standing:
    """Of each score, among those of a group."""
    order = jnp.argsort(scores)
    ordered = scores[order]
    before = jnp.concatenate([jnp.zeros(1, int), jnp.cumsum(group[order].astype(int))])
    below, not_above = (before[jnp.searchsorted(ordered, scores, side=side)] for side in ("left", "right"))
    return Standing(below, not_above)


def groups_of(name: str, scores: ArrayLike, anomalous: ArrayLike) -> tuple[Float[Array, " num"], Bool[Array, " num"]]:
    """Scores and who is anomalous. `name` is who asks.

    Raises: VaejaxError where they are not one of each, or, where values are known, a score is NaN or a group is empty.
    """
    scores, anomalous = jnp.asarray(scores), jnp.asarray(anomalous)
    if scores.ndim != 1 or scores.shape != anomalous.shape:
        raise VaejaxError(
            f"{name} needs one score and one label for each example, [num], got {scores.shape} and {anomalous.shape}"
        )
    known_scores, labels = concrete(scores), concrete(anomalous)
    if labels is not None and set(labels.astype(float).tolist()) != {0.0, 1.0}:
        raise VaejaxError(
            f"{name} needs examples of both kinds, labelled 1 where they are anomalous and 0 where not, got labels "
            f"{sorted(set(labels.tolist()))[:5]}"
        )
    if known_scores is not None and (known_scores != known_scores).any():
        raise VaejaxError(f"{name} needs scores that can be ordered, and one is NaN")
    return scores.astype(float), anomalous.astype(bool)
