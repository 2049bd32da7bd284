"""Rate and distortion of each setting, on test, with what they vary by."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vaejax.answer._criteria import BOUND, DISTORTION, by_example
from vaejax.answer._settings import settings_of
from vaejax.differences import gap_of
from vaejax.errors import VaejaxError

if TYPE_CHECKING:
    import xarray as xr


class Traded(NamedTuple):
    """A setting; rates and distortions are `[seed, example]`, or `[seed, 1]` where they were not kept by example."""

    values: Mapping[str, Any]
    seeds: tuple[Any, ...]
    rates: np.ndarray
    distortions: np.ndarray

    @property
    def rate(self) -> float:
        """The mean, nats."""
        return float(self.rates.mean())

    @property
    def distortion(self) -> float:
        """The mean, nats."""
        return float(self.distortions.mean())


class Point(NamedTuple):
    """A setting in the plane, means over seeds and test examples with their standard errors over both, nats.

    total: distortion + rate, minus the bound. place: "front", no other has less of both; "near", one has, by no more
    than error; "dominated", one has, beyond error.
    """

    values: Mapping[str, Any]
    num_seeds: int
    rate: float
    rate_se: float
    distortion: float
    distortion_se: float
    total: float
    total_se: float
    place: str


def traded_of(tables: Sequence["xr.Dataset"]) -> list[Traded]:
    """Every setting that did not diverge. Raises: VaejaxError where there is none, or tables cannot be joined."""
    raw = DISTORTION._replace(sign=1)
    whole = all(by_example(table, column) for table in tables for column in (raw.column, BOUND.column))
    settings, diverged = settings_of(tables, raw)
    bounds = settings_of(tables, BOUND)[0] if whole else settings
    if not settings:
        raise VaejaxError(f"all {diverged} members diverged: there is no rate and no distortion")
    found = []
    for setting, bound in zip(settings, bounds, strict=True):
        distortions = setting.test if whole else setting.facts["distortion"][:, None]
        rates = -bound.test - setting.test if whole else setting.facts["rate"][:, None]
        found.append(Traded(setting.values, setting.seeds, rates, distortions))
    return found


def point_of(one: Traded, place: str) -> Point:
    """Its means and errors."""
    errors = [gap_of(values).se for values in (one.rates, one.distortions, one.rates + one.distortions)]
    rate, distortion = one.rate, one.distortion
    return Point(
        one.values, len(one.seeds), rate, errors[0], distortion, errors[1], rate + distortion, errors[2], place
    )
