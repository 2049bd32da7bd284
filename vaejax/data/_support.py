from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from vaejax.families import REALS, UNIT_INTERVAL, levels_of
from vaejax.types import Support

TOLERANCE = 1e-6  # of a float to the level it stands for


def holds(support: Support, values: ArrayLike) -> bool:
    """Whether every value lies in the support: within 1e-6 of a level, or in [low, high] and finite.

    >>> holds(Support(17, 0.0, 1.0), np.arange(17) / 16), holds(Support(17, 0.0, 1.0), [0.1])
    (True, False)
    """
    return first_bad(support, values) is None


def first_bad(support: Support, values: ArrayLike) -> tuple[int, ...] | None:
    """The index of the first value outside of the support, NaN and infinity included; `None` if there is none.

    >>> first_bad(Support(None, 0.0, 1.0), [[0.5, 1.0], [0.0, 1.5]])
    (1, 1)
    """
    x = np.asarray(values, np.float64)
    good = np.isfinite(x)
    x = np.where(good, x, 0.0)
    if support.levels is None:
        good &= (support.low <= x) & (x <= support.high)
    else:
        steps = support.levels - 1
        good &= np.abs(x - np.clip(np.round(x * steps), 0, steps) / steps) <= TOLERANCE
    return None if good.all() else tuple(int(i) for i in np.unravel_index(np.argmin(good), good.shape))


def tightest(splits: Iterable[ArrayLike]) -> Support:
    """The smallest of {0, 1}, [0, 1] and the reals that holds every value of every split.

    >>> str(tightest([[0.0, 1.0], [0.5]]))
    'the interval [0, 1]'
    """
    splits = list(splits)
    return next((s for s in (levels_of(2), UNIT_INTERVAL) if all(holds(s, split) for split in splits)), REALS)
