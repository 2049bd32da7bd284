"""Which members come first where not all can be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.report._measured import LATEST
from vaejax.report._members import Members, chosen_of, column, measure, members

if TYPE_CHECKING:
    import xarray as xr


def ranked(datasets: Sequence[xr.Dataset], chosen: Mapping[str, Any] | None) -> tuple[list[int], list[int]]:
    """Places of members with numbers: the chosen one and the best of each latent size, and all others from the best.

    Places go on from one data set to the next, in which all have the axes of the first. Best is the largest log
    likelihood, where it was not measured the largest ELBO, and of members that are still trained the largest bound on
    validation so far.

    >>> import xarray as xr
    >>> values = {"elbo": ("latent_size", [-3.0, -1.0, -2.0]), "status": ("latent_size", ["ok", "ok", "diverged"])}
    >>> ranked([xr.Dataset(values, {"latent_size": [2, 4, 8]})], {"latent_size": 2})
    ([0, 1], [])
    """
    rows: list[tuple[int, float, Any]] = []
    first: list[int] = []
    begin = 0
    for dataset in datasets:
        flat = members(dataset, None)
        here = chosen_of(flat, chosen or {})
        first += [] if here is None or first else [begin + here]
        score, sizes = _score(flat), column(flat, "latent_size")
        rows += [(begin + int(i), float(score[i]), sizes[i]) for i in np.flatnonzero(flat.ok)]
        begin += len(flat.settings)
    rows.sort(key=lambda row: (-row[1], row[0]))
    seen = {size for place, _, size in rows if place in first}
    for place, _, size in rows:
        if size not in seen:
            seen.add(size)
            first.append(place)
    return first, [place for place, _, _ in rows if place not in first]


def _score(flat: Members) -> np.ndarray:
    """Of each member; lowest where it is not known."""
    name = next((name for name in ("log_likelihood", "elbo") if name in flat.measures), LATEST.key)
    return np.nan_to_num(measure(flat, name), nan=-np.inf)
