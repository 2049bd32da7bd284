from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Shaped
from numpy.typing import ArrayLike

from vaejax.families import REALS, UNIT_INTERVAL, levels_of
from vaejax.types import Support

from ._rows import Rows, Split, chunks, in_file_order

TOLERANCE = 1e-6  # of a float to the level it stands for


def holds(support: Support, values: ArrayLike | Split) -> bool:
    """Whether every value lies in the support: within 1e-6 of a level or count, or in [low, high] and finite.

    >>> holds(Support(17, 0.0, 1.0), np.arange(17) / 16), holds(Support(17, 0.0, 1.0), [0.1])
    (True, False)
    """
    return all(_good(support, chunk).all() for chunk in chunks(in_file_order(_split(values))))


def first_bad(support: Support, values: ArrayLike | Split) -> tuple[int, ...] | None:
    """The index of the first value outside of the support, NaN and infinity included; `None` if there is none.

    >>> first_bad(Support(None, 0.0, 1.0), [[0.5, 1.0], [0.0, 1.5]])
    (1, 1)
    """
    if holds(support, values):
        return None
    start = 0
    for chunk in chunks(_split(values)):
        good = _good(support, chunk)
        if not good.all():
            row, *rest = np.unravel_index(np.argmin(good), good.shape)
            return (start + int(row), *map(int, rest))
        start += len(chunk)
    return None


def _split(values: ArrayLike | Split) -> Split:
    return values if isinstance(values, Rows) else np.asarray(values)


def _good(support: Support, values: Shaped[np.ndarray, "*n"]) -> Bool[np.ndarray, "*n"]:
    x = np.asarray(values, np.float64)
    good = np.isfinite(x)
    x = np.where(good, x, 0.0)
    if support.levels is None:
        return good & (support.low <= x) & (x <= support.high)
    nearest = np.clip(np.round(x / support.step) * support.step, support.low, support.high)
    return good & (np.abs(x - nearest) <= TOLERANCE)


def tightest(splits: Iterable[ArrayLike | Split]) -> Support:
    """The smallest of {0, 1}, [0, 1] and the reals that holds every value of every split.

    >>> str(tightest([[0.0, 1.0], [0.5]]))
    'the interval [0, 1]'
    """
    splits = list(splits)
    return next((s for s in (levels_of(2), UNIT_INTERVAL) if all(holds(s, split) for split in splits)), REALS)


def extremes(splits: Iterable[Split]) -> tuple[float, float]:
    """The least and the largest value of all splits.

    >>> extremes([np.array([[3, 1]]), np.array([[2, 2]])])
    (1.0, 3.0)
    """
    ends = [(chunk.min(), chunk.max()) for split in splits for chunk in chunks(in_file_order(split))]
    return float(min(least for least, _ in ends)), float(max(largest for _, largest in ends))
