"""What a start saves: with how many examples, and after how many steps, it is as good as scratch."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from vaejax.differences import Gap

FEWER, NOT_FEWER, OPEN = "fewer", "not fewer", "not decided"


class Reached(NamedTuple):
    """Where a curve first reaches a level, and between what the true one does, 97.5% sure on either side.

    at: along lines between places that were looked at, `least` where the first is there, infinite where none is.
    low, high: the same of the upper and the lower ends of the intervals around the curve. least, most: the first place
        and the last.
    """

    at: float
    low: float
    high: float
    least: float
    most: float

    def __str__(self) -> str:
        at, low, high = (self._said(value) for value in self[:3])
        return at if at == low == high else f"{at} ({low} to {high})"

    def compared_with(self, num: float) -> str:
        """ "fewer" where that is sure, "not fewer" where it is sure not to be, else "not decided".

        >>> Reached(50.0, 20.0, 90.0, 10.0, 1000.0).compared_with(100)
        'fewer'
        """
        return FEWER if self.high < num else NOT_FEWER if self.low >= num and self.low > self.least else OPEN

    def _said(self, value: float) -> str:
        if np.isinf(value):
            return f"> {self.most:,.0f}"
        return f"≤ {value:,.0f}" if value == self.least else f"{value:,.0f}"


Between = Callable[[float, float, float], float]


def along(before: float, after: float, part: float) -> float:
    """A place so far between two."""
    return before + part * (after - before)


def along_logs(before: float, after: float, part: float) -> float:
    """The same on a scale of logarithms.

    >>> along_logs(10.0, 1000.0, 0.5)
    100.0
    """
    return before * (after / before) ** part


def reached(places: Sequence[float], gaps: Sequence[Gap], between: Between) -> Reached:
    """Where gaps, one at each place, first come to zero; one that is not known, NaN, is not there."""
    means, reach = (np.array([getattr(gap, name) for gap in gaps]) for name in ("mean", "reach"))
    at, low, high = (first(curve, places, 0.0, between) for curve in (means, means + reach, means - reach))
    return Reached(at, low, high, float(places[0]), float(places[-1]))


def first(curve: np.ndarray, places: Sequence[float], level: float, between: Between) -> float:
    """Where a curve first is at a level, between places; its first place if it is above, infinite if it never is.

    >>> first(np.array([-9.0, -5.0]), [10, 1000], -7.0, along_logs)
    100.0
    """
    above = np.flatnonzero(curve >= level)
    if not len(above):
        return float("inf")
    at = int(above[0])
    if at == 0:
        return float(places[0])
    part = (level - curve[at - 1]) / (curve[at] - curve[at - 1])
    return float(between(places[at - 1], places[at], part))
