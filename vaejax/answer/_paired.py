"""Differences between settings over the same examples, noise and seeds, and how far off they may be."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from vaejax.answer._settings import Setting

CONFIDENCE = 0.975  # of a bound on one side: two standard errors where there are many seeds


class Gap(NamedTuple):
    """A mean difference, its standard error, and how far the true one is from it on either side, 97.5% sure."""

    mean: float
    se: float
    reach: float


class Spread(NamedTuple):
    """The variance of a member about what setting and seed make of it, known with so many degrees of freedom."""

    variance: float
    freedom: int


UNKNOWN = Spread(0.0, 0)


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
    between = [_variance(values.mean(1)) for values in (mine, others)]
    pooled = spread.variance * (1 / len(mine) + 1 / len(others))
    return _gap(mine.mean(0) - others.mean(0), sum(between), min(len(mine), len(others)), pooled, spread.freedom)


def gap_of(differences: np.ndarray, spread: Spread = UNKNOWN) -> Gap:
    """Of differences `[seed, example]`: se^2 = A + B, var over examples / N + var over seeds / S, each of the mean
    over the other; reach^2 = t(N - 1)^2 A + t(S - 1)^2 B with Student's t at 97.5% (Banerjee 1961, Sankhya A 23).

    It covers at least 97.5% on either side, whatever A is to B, where means over seeds are normal: t is 12.7 of two
    seeds, 4.3 of three, 2.8 of five. The degrees of freedom of Welch and Satterthwaite are estimated themselves, from
    S - 1 of them, and cover less. It is a little too large: what varies between seeds and examples together is in both
    terms.

    spread: where it is known from more settings than these two, B is 2 spread / S if that is larger than what these two
    show, and t is that of its degrees of freedom: 2.8 of five settings with two seeds. That covers 97.5% too where
    settings vary alike, and 94% of one that varies three times as much as four others (simulated).

    With one seed B is not known and left out, and what is said is of these trained members alone; with one
    example as well nothing can be said, and reach is infinite.

    >>> gap_of(np.array([[1.0, 3.0], [1.0, 3.0]]))[:2]
    (2.0, 1.0)
    """
    pooled = 2 * spread.variance / len(differences)
    return _gap(differences.mean(0), _variance(differences.mean(1)), len(differences), pooled, spread.freedom)


def quantile(num: int) -> float:
    """Student's t at 97.5% of a spread known from `num` values; 0 where one value tells of no spread.

    >>> round(quantile(2), 1), round(quantile(1000), 2)
    (12.7, 1.96)
    """
    from scipy.special import stdtrit

    return float(stdtrit(num - 1, CONFIDENCE)) if num > 1 else 0.0


def _gap(examples: np.ndarray, between: float, num_seeds: int, pooled: float, freedom: int) -> Gap:
    within = _variance(examples)
    chance = quantile(max(num_seeds, freedom + 1)) * np.sqrt(max(between, pooled))
    reach = np.hypot(quantile(len(examples)) * np.sqrt(within), chance)
    known = len(examples) > 1 or num_seeds > 1 or freedom > 0
    return Gap(float(examples.mean()), float(np.sqrt(within + between)), float(reach) if known else float("inf"))


def _variance(values: np.ndarray) -> float:
    """Of the mean of `values`; 0 from one."""
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0
