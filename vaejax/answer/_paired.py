"""Differences between members over the same examples, noise and seeds."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from vaejax.answer._bottleneck import Setting


class Gap(NamedTuple):
    """A mean difference and its standard error, nats per example."""

    mean: float
    se: float


def paired(best: "Setting", other: "Setting", split: str) -> Gap:
    """The mean of best - other, and its standard error over examples and seeds."""
    seeds = [seed for seed in best.seeds if seed in other.seeds]
    if not seeds:  # no pair was trained alike: compare means over seeds
        return gap_of(
            np.mean(getattr(best, split), 0, keepdims=True) - np.mean(getattr(other, split), 0, keepdims=True)
        )
    mine = getattr(best, split)[[best.seeds.index(seed) for seed in seeds]]
    return gap_of(mine - getattr(other, split)[[other.seeds.index(seed) for seed in seeds]])


def gap_of(differences: np.ndarray) -> Gap:
    """Of differences `[seed, example]`: var over examples / N + var over seeds / S, each of the mean over the other.

    With one seed the second term is not known and left out. It is a little too large: what varies between seeds and
    examples together is in both terms.

    >>> gap_of(np.array([[1.0, 3.0], [1.0, 3.0]]))
    Gap(mean=2.0, se=1.0)
    """
    variance = 0.0
    for axis in (0, 1):
        means = differences.mean(axis)
        variance += means.var(ddof=1) / len(means) if len(means) > 1 else 0.0
    return Gap(float(differences.mean()), float(np.sqrt(variance)))
