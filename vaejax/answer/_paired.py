"""Differences between settings over the same examples, noise and seeds, and how far off they may be."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from vaejax.answer._settings import Setting

CONFIDENCE = 0.975  # of a bound on one side: two standard errors where there are many seeds


class Gap(NamedTuple):
    """A mean difference, its standard error, and how far the true one is from it on either side, 97.5% sure."""

    mean: float
    se: float
    reach: float


def paired(best: "Setting", other: "Setting", split: str) -> Gap:
    """The mean of best - other over the seeds they share; over all of either where they share none."""
    mine, others = getattr(best, split), getattr(other, split)
    seeds = [seed for seed in best.seeds if seed in other.seeds]
    if seeds:
        rows = [best.seeds.index(seed) for seed in seeds], [other.seeds.index(seed) for seed in seeds]
        return gap_of(mine[rows[0]] - others[rows[1]])
    between = [_variance(values.mean(1)) for values in (mine, others)]
    return _gap(mine.mean(0) - others.mean(0), sum(between), min(len(mine), len(others)))


def gap_of(differences: np.ndarray) -> Gap:
    """Of differences `[seed, example]`: se^2 = A + B, var over examples / N + var over seeds / S, each of the mean
    over the other; reach^2 = t(N - 1)^2 A + t(S - 1)^2 B with Student's t at 97.5% (Banerjee 1961, Sankhya A 23).

    It covers at least 97.5% on either side, whatever A is to B, where means over seeds are normal: t is 12.7 of two
    seeds, 4.3 of three, 2.8 of five. The degrees of freedom of Welch and Satterthwaite are estimated themselves, from
    S - 1 of them, and cover less. It is a little too large: what varies between seeds and examples together is in both
    terms. With one seed B is not known and left out, and what is said is of these trained members alone.

    >>> gap_of(np.array([[1.0, 3.0], [1.0, 3.0]]))[:2]
    (2.0, 1.0)
    """
    return _gap(differences.mean(0), _variance(differences.mean(1)), len(differences))


def quantile(num: int) -> float:
    """Student's t at 97.5% of a spread known from `num` values; 0 where one value tells of no spread.

    >>> round(quantile(2), 1), round(quantile(1000), 2)
    (12.7, 1.96)
    """
    from scipy.special import stdtrit

    return float(stdtrit(num - 1, CONFIDENCE)) if num > 1 else 0.0


def _gap(examples: np.ndarray, between: float, num_seeds: int) -> Gap:
    within = _variance(examples)
    reach = np.hypot(quantile(len(examples)) * np.sqrt(within), quantile(num_seeds) * np.sqrt(between))
    return Gap(float(examples.mean()), float(np.sqrt(within + between)), float(reach))


def _variance(values: np.ndarray) -> float:
    """Of the mean of `values`; 0 from one."""
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0
