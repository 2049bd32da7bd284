"""The front of rate against distortion, and its knee."""

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from vaejax.answer._paired import paired_values
from vaejax.answer._rates import Point, Traded, point_of, traded_of
from vaejax.answer._reason import named, varying

if TYPE_CHECKING:
    import xarray as xr


class Pareto(NamedTuple):
    """points: every setting, by rising rate. front: those on it. knee: where distortion + rate is least.

    slopes: -dD/dR between neighbours of the front, nats for a nat; settings with equal rates have none.
    """

    points: tuple[Point, ...]
    front: tuple[Point, ...]
    slopes: tuple[float, ...]
    knee: Point
    reason: str


def pareto(dataset: "xr.Dataset", *more: "xr.Dataset") -> Pareto:
    """The settings of which no other has less rate and less distortion (Alemi et al. 2018, arXiv:1711.00464), on test.

    A setting that another beats in both, in the mean, is "dominated" where it loses more in distortion + rate than it
    may by chance, 97.5% sure over the same examples and seeds, and "near" where it does not.

    The knee is where -dD/dR crosses 1: a nat of rate more buys a nat of distortion, no more and no less. That is the
    point of the front with the best bound on log p(x), at beta 1 for what is trained on the ELBO and trained well. The
    farthest point from the chord (Satopaa et al. 2011, Kneedle) is not used: it moves with the range of the betas.

    Errors are over seeds and test examples; of a table that did not keep distortions by example, over seeds alone.

    >>> import numpy as np, xarray as xr
    >>> dims = ("beta", "seed")
    >>> found = {"status": "ok", "rate": [[30.0], [20.0], [12.0]], "distortion": [[70.0], [75.0], [90.0]]}
    >>> columns = {name: (dims, np.broadcast_to(values, (3, 1))) for name, values in found.items()}
    >>> front = pareto(xr.Dataset(columns, {"beta": [0.5, 1.0, 2.0], "seed": [0]}))
    >>> front.knee.values, front.slopes
    ({'beta': 1.0}, (1.875, 0.5))
    """
    settings = sorted(traded_of((dataset, *more)), key=lambda one: (one.rate, one.distortion))
    points = tuple(point_of(one, _place(one, settings)) for one in settings)
    front = tuple(point for point in points if point.place == "front")
    slopes = tuple(
        (left.distortion - right.distortion) / (right.rate - left.rate)
        for left, right in itertools.pairwise(front)
        if right.rate > left.rate
    )
    knee = min(front, key=lambda point: point.total)
    return Pareto(points, front, slopes, knee, _reason(points, front, knee, varying([one.values for one in settings])))


def _place(one: Traded, settings: list[Traded]) -> str:
    better = [other for other in settings if _beats(other, one)]
    if not better:
        return "front"
    gaps = [
        paired_values(other.seeds, -other.rates - other.distortions, one.seeds, -one.rates - one.distortions)
        for other in better
    ]
    return "dominated" if any(gap.mean > gap.reach for gap in gaps) else "near"


def _beats(one: Traded, other: Traded) -> bool:
    """No worse in both and better in one."""
    mine, others = (one.rate, one.distortion), (other.rate, other.distortion)
    return mine[0] <= others[0] and mine[1] <= others[1] and mine != others


def _reason(points: tuple[Point, ...], front: tuple[Point, ...], knee: Point, told: list[str]) -> str:
    def called(values: Mapping[str, Any]) -> str:
        return named(values, told)

    off = sum(point.place == "dominated" for point in points)
    text = (
        f"{len(front)} of {len(points)} settings are on the front, {off} dominated beyond error. The knee is "
        f"{called(knee.values)}: rate {knee.rate:.2f} ± {knee.rate_se:.2f}, distortion {knee.distortion:.2f} ± "
        f"{knee.distortion_se:.2f} nats"
    )
    if knee is front[-1] and len(front) > 1:
        text += ". It is the end of the front with the largest rate: smaller betas or larger sizes may do better"
    if knee is front[0] and len(front) > 1:
        text += ". It is the end of the front with the least rate: larger betas may do better"
    return text + "."
