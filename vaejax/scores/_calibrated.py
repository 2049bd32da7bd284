import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.metrics import conformal_least, conformal_rank
from vaejax.numerics import concrete, require_number
from vaejax.types import Number, Scalar


def threshold(normal: ArrayLike, false_alarm_rate: Number = 0.05) -> Scalar:
    """The k-th smallest of n normal scores, k = n + 1 - floor(rate (n + 1)): an alarm is a score above it.

    A normal example that is exchangeable with those, as a further one of the same source is, gives an alarm with
    probability at most `false_alarm_rate`, whatever the score and its law, and where there are no ties at least that
    less 1/(n + 1): split conformal prediction (Vovk, Gammerman and Shafer 2005; Bates et al. 2023, arXiv:2104.08279).
    That is over normal examples and the new one together: of one set of n, the rate has a standard deviation of about
    sqrt(rate (1 - rate) / n). The model must not have been trained on them, nor the score fitted to them.
    Raises: VaejaxError where scores are not one number each, the rate is not between 0 and 1, or there are fewer than
    1/rate - 1 scores, which can promise no such rate.

    >>> threshold(jnp.arange(1.0, 100.0), 0.05).item()
    95.0
    """
    scores = _scores_of(normal)
    rate = float(require_number("false_alarm_rate", false_alarm_rate, above=0.0, most=1.0))
    rank = conformal_rank(len(scores), rate)
    if rank > len(scores):
        raise VaejaxError(
            f"{len(scores)} normal examples cannot promise a false-alarm rate of {rate:g}: it takes "
            f"{conformal_least(rate)} or more"
        )
    return jnp.sort(scores)[rank - 1]


def p_values(normal: ArrayLike, scores: ArrayLike) -> Float[Array, "..."]:
    """(1 + how many of n normal scores are as large or larger) / (n + 1), for each of the scores.

    For a normal example P(p <= a) <= a at every a, as of `threshold`, with which it agrees: p is at most a rate where
    the score is above the threshold of that rate. None is below 1/(n + 1). They share the normal examples and are not
    independent; of many, the Benjamini-Hochberg procedure still holds its false discovery rate (Bates et al. 2023,
    arXiv:2104.08279).
    Raises: VaejaxError where normal scores are not one number each, or there are none.

    >>> [round(float(p), 2) for p in p_values(jnp.arange(1.0, 5.0), jnp.array([0.0, 3.0, 9.0]))]
    [1.0, 0.6, 0.2]
    """
    ordered = jnp.sort(_scores_of(normal))
    num = len(ordered)
    return (1 + num - jnp.searchsorted(ordered, jnp.asarray(scores), side="left")) / (num + 1)


def _scores_of(normal: ArrayLike) -> Float[Array, " num"]:
    scores = jnp.asarray(normal, float)
    known = concrete(scores)
    if scores.ndim != 1 or not len(scores) or (known is not None and (known != known).any()):
        raise VaejaxError(f"expected the scores of normal examples, [num] and none NaN, got an array of {scores.shape}")
    return scores
