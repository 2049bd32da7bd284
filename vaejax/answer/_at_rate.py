"""What to train for a rate that was asked for."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vaejax.answer._rates import Point, Traded, point_of, traded_of
from vaejax.answer._reason import named, varying
from vaejax.numerics import require_number

if TYPE_CHECKING:
    import xarray as xr


class AtRate(NamedTuple):
    """What to train for a rate.

    reached: whether betas of one latent size (and all else alike) have rates on either side of it.
    values: the setting to train, its beta between two of the grid; empty where it is not reached.
    beta_se, distortion, distortion_se: of that, over the seeds the two betas share, NaN of one seed.
    nearest: the setting of the grid with the least distortion among those of at most that rate, else of least rate.
    """

    rate: float
    reached: bool
    values: Mapping[str, Any]
    beta_se: float
    distortion: float
    distortion_se: float
    nearest: Point
    reason: str


class _Between(NamedTuple):
    values: Mapping[str, Any]
    betas: np.ndarray  # by seed
    distortions: np.ndarray


def at_rate(dataset: "xr.Dataset", rate: float, *more: "xr.Dataset") -> AtRate:
    """The setting with the least distortion at `rate` nats on test, by interpolation between neighbouring betas.

    log beta and distortion are taken to be linear in the rate between two betas of the same latent size and all else:
    exact for log beta of a linear model, where d rate / d log beta is minus half the active units (reverse
    water-filling). Distortion is convex in the rate, so that it is overstated a little. Each seed is interpolated by
    itself; errors are standard errors over seeds.

    Raises: VaejaxError where the rate is no positive number or every member diverged.

    >>> import numpy as np, xarray as xr
    >>> dims = ("beta", "seed")
    >>> found = {"status": "ok", "rate": [[30.0], [20.0], [12.0]], "distortion": [[70.0], [75.0], [90.0]]}
    >>> columns = {name: (dims, np.broadcast_to(values, (3, 1))) for name, values in found.items()}
    >>> table = xr.Dataset(columns, {"beta": [0.5, 1.0, 2.0], "seed": [0]})
    >>> round(at_rate(table, 16.0).values["beta"], 3), at_rate(table, 16.0).distortion
    (1.414, 82.5)
    >>> at_rate(table, 40.0).reached
    False
    """
    require_number("rate", rate, above=0.0)
    settings = traded_of((dataset, *more))
    told = varying([one.values for one in settings])
    below = [one for one in settings if one.rate <= rate]
    nearest = min(below, key=lambda one: one.distortion) if below else min(settings, key=lambda one: one.rate)
    point = point_of(nearest, "")
    found = [between for group in _groups(settings) for between in _between(group, rate)]
    if not found:
        nan = float("nan")
        return AtRate(rate, False, {}, nan, nan, nan, point, _not_reached(settings, rate, point, told))
    best = min(found, key=lambda one: one.distortions.mean())
    beta_se, distortion_se = _error(best.betas), _error(best.distortions)
    distortion = float(best.distortions.mean())
    told_error = f" ± {beta_se:.2g}" if np.isfinite(beta_se) else ""
    others = named({k: v for k, v in best.values.items() if k != "beta"}, told)
    text = (
        f"For {rate:g} nats train beta {best.values['beta']:.3g}{told_error}"
        f"{'' if others == 'the one setting' else f', {others}'}: distortion about {distortion:.2f} nats"
        f"{f' ± {distortion_se:.2f} over seeds' if np.isfinite(distortion_se) else ''}. {_nearest(point, below, told)}"
    )
    return AtRate(rate, True, best.values, beta_se, distortion, distortion_se, point, text)


def _groups(settings: Sequence[Traded]) -> list[list[Traded]]:
    """Settings that differ by beta alone, by rising beta; beta 0 has no logarithm and is left out."""
    groups: dict[tuple[Any, ...], list[Traded]] = {}
    for one in sorted(settings, key=lambda one: one.values.get("beta", 0.0)):
        if one.values.get("beta", 0.0) > 0:
            groups.setdefault(tuple(v for k, v in one.values.items() if k != "beta"), []).append(one)
    return list(groups.values())


def _between(group: Sequence[Traded], rate: float) -> list[_Between]:
    """Each place between neighbouring betas where the mean rate crosses `rate`."""
    found = []
    for low, high in itertools.pairwise(group):
        if (low.rate - rate) * (high.rate - rate) > 0 or low.rate == high.rate:
            continue
        seeds = [seed for seed in low.seeds if seed in high.seeds]
        ends = [_by_seed(one, seeds) for one in (low, high)]
        share = (ends[0][0] - rate) / (ends[0][0] - ends[1][0])
        logs = [np.log(one.values["beta"]) for one in (low, high)]
        betas = np.exp(logs[0] + share * (logs[1] - logs[0]))
        distortions = ends[0][1] + share * (ends[1][1] - ends[0][1])
        means = (low.rate - rate) / (low.rate - high.rate)
        beta = float(np.exp(logs[0] + means * (logs[1] - logs[0])))
        found.append(_Between({**low.values, "beta": beta}, betas, distortions))
    return found


def _by_seed(one: Traded, seeds: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Rate and distortion of each of these seeds; the means where there are none."""
    if not seeds:
        return np.array([one.rate]), np.array([one.distortion])
    rows = [one.seeds.index(seed) for seed in seeds]
    return one.rates[rows].mean(1), one.distortions[rows].mean(1)


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _not_reached(settings: Sequence[Traded], rate: float, nearest: Point, told: list[str]) -> str:
    rates = [one.rate for one in settings]
    text = f"{rate:g} nats are not reached: the grid's rates go from {min(rates):.1f} to {max(rates):.1f}"
    advice = "train smaller betas or larger sizes" if rate > max(rates) else "train larger betas"
    if min(rates) <= rate <= max(rates):
        text, advice = f"{text}, and no two betas with all else alike lie around it", "train more betas"
    return f"{text}: {advice}. Nearest is {named(nearest.values, told)}, {nearest.rate:.2f} nats."


def _nearest(point: Point, below: Sequence[Traded], told: list[str]) -> str:
    if not below:
        return f"No setting of the grid has so little; nearest is {named(point.values, told)}, {point.rate:.2f} nats."
    return (
        f"Of what is trained, {named(point.values, told)} has the least distortion at no more: {point.distortion:.2f} "
        f"± {point.distortion_se:.2f} nats at rate {point.rate:.2f} ± {point.rate_se:.2f}."
    )
