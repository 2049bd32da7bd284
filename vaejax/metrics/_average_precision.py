import jax.numpy as jnp
from jax.typing import ArrayLike

from vaejax.types import Scalar

from ._standing import groups_of, standing


def average_precision(scores: ArrayLike, anomalous: ArrayLike) -> Scalar:
    """The mean, over anomalous examples, of the part that is anomalous of those that score at least as high.

    sum_t (R_t - R_t-1) P_t over thresholds t, precision P and recall R, as scikit-learn's `average_precision_score`:
    no interpolation, ties exact. scores, anomalous: `[num]`, the latter 1 or True where an example is.
    Chance is the part of the examples that are anomalous, so that it compares only where that is the same. For an
    interval use `bootstrap`. Cost: two sorts. Raises: VaejaxError where scores and labels are not one of each, one is
    NaN, or there is one kind alone; inside `jit` the latter is NaN.

    >>> round(average_precision(jnp.array([0.1, 0.4, 0.35, 0.8]), jnp.array([0, 0, 1, 1])).item(), 4)
    0.8333
    """
    scores, anomalous = groups_of("average_precision", scores, anomalous)
    num, num_anomalous = len(scores), jnp.sum(anomalous)
    all_above = num - standing(scores, jnp.ones(num, bool)).below
    anomalous_above = num_anomalous - standing(scores, anomalous).below
    return jnp.sum(jnp.where(anomalous, anomalous_above / all_above, 0.0)) / num_anomalous
