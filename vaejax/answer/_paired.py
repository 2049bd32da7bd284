"""Differences between settings over the same examples, noise and seeds, and how far off they may be."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.differences import UNKNOWN, Gap, Spread, gap_from, gap_of, variance_of_mean

if TYPE_CHECKING:
    from vaejax.answer._settings import Setting


def spread_of(settings: Sequence["Setting"], split: str) -> Spread:
    """What training adds by chance, from all settings together: residuals of `setting + seed`, least squares.

    The randomised block design of Fisher (1935): seeds share batches and noise, so each moves all settings alike, and
    what is left of K settings with S seeds has (K - 1)(S - 1) degrees of freedom in place of S - 1.

    >>> from vaejax.answer._settings import Setting
    >>> rows = np.array([[1.0], [3.0]]), np.array([[2.0], [6.0]])
    >>> found = spread_of([Setting({}, (0, 1), one, one, {}) for one in rows], "test")
    >>> round(found.variance, 6), found.freedom
    (1.0, 1)
    """
    seeds = list(dict.fromkeys(seed for setting in settings for seed in setting.seeds))
    places = [(at, seeds.index(seed)) for at, setting in enumerate(settings) for seed in setting.seeds]
    values = np.concatenate([getattr(setting, split).mean(1) for setting in settings])
    design = np.concatenate(
        [np.eye(len(settings))[[i for i, _ in places]], np.eye(len(seeds))[[j for _, j in places]]], 1
    )
    fit, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    freedom = len(values) - int(rank)
    left = float(np.sum(np.square(values - design @ fit)))
    return Spread(left / freedom, freedom) if freedom > 0 else UNKNOWN


def paired(best: "Setting", other: "Setting", split: str, spread: Spread = UNKNOWN) -> Gap:
    """The mean of best - other over the seeds they share; over all of either where they share none."""
    return paired_values(best.seeds, getattr(best, split), other.seeds, getattr(other, split), spread)


def paired_values(
    seeds: Sequence[Any],
    mine: np.ndarray,
    other_seeds: Sequence[Any],
    others: np.ndarray,
    spread: Spread = UNKNOWN,
) -> Gap:
    """The same of values `[seed, example]`."""
    shared = [seed for seed in seeds if seed in other_seeds]
    if shared:
        rows = [seeds.index(seed) for seed in shared], [other_seeds.index(seed) for seed in shared]
        return gap_of(mine[rows[0]] - others[rows[1]], spread)
    between = [variance_of_mean(values.mean(1)) for values in (mine, others)]
    pooled = spread.variance * (1 / len(mine) + 1 / len(others))
    return gap_from(mine.mean(0) - others.mean(0), sum(between), min(len(mine), len(others)), pooled, spread.freedom)
