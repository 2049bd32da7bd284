"""What pictures of a grid show of it, in charts of the page and in figures alike: limits, lines, fronts, errors."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vaejax.differences import variance_of_mean

Ends = tuple[float, float]
FAR = 6  # interquartile ranges: what lies farther out does not set the scale


def limits(values: np.ndarray, room: float = 0.07) -> Ends:
    """The range of the values with room around it, a part of it; far outliers do not set the scale.

    >>> limits(np.array([0.0, 1.0, 2.0, 3.0, 100.0]), room=0.0)
    (0.0, 3.0)
    """
    low, high = np.quantile(values, [0.25, 0.75])
    reach = FAR * (high - low)
    kept = values[(values >= low - reach) & (values <= high + reach)]
    span = max(float(np.ptp(kept)), 0.02 * float(abs(kept).max()), 0.1)
    return float(kept.min()) - room * span, float(kept.max()) + room * span


def heights(curves: np.ndarray, skipped: int) -> Ends:
    """Of curves `[member, epoch]`, from where the worst stands after so many: the first steep rise hides all else."""
    later = curves[:, skipped:]
    later = later if np.isfinite(later).any() else curves
    low, high = float(np.nanquantile(later, 0.01)), float(np.nanmax(curves))
    pad = max(0.06 * (high - low), 0.05)
    return low - pad, high + pad


def equal_elbo(across: Ends, up: Ends) -> list[float]:
    """Round values of distortion + rate = -ELBO, whose lines go through a frame of rates and distortions.

    >>> equal_elbo((0.0, 2.0), (1.0, 3.0))
    [1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5]
    """
    from matplotlib.ticker import MaxNLocator

    low, high = across[0] + up[0], across[1] + up[1]
    ticks = MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(total) for total in ticks if low < total < high]


def front(points: Iterable[Ends]) -> list[Ends]:
    """Of (rate, distortion) those of which no other has less of both, by rising rate (Alemi et al. 2018).

    >>> front([(2.0, 5.0), (1.0, 9.0), (3.0, 6.0)])
    [(1.0, 9.0), (2.0, 5.0)]
    """
    least, kept = np.inf, []
    for rate, distortion in sorted(points):
        if distortion < least:
            least = distortion
            kept.append((rate, distortion))
    return kept


def error_of(values: np.ndarray, errors: np.ndarray) -> float:
    """Of a mean over seeds, from test examples and from seeds: sqrt(mean(se^2) + s^2 / n).

    >>> error_of(np.array([1.0, 3.0]), np.zeros(2))
    1.0
    """
    return float(np.sqrt((errors**2).mean() + variance_of_mean(values)))
