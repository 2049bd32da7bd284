"""Where each member stands while it is trained."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from vaejax.grid._plan import Plan


class Layout(NamedTuple):
    """rows: the member of each place; one may stand at several, to fill up. places: of each member, the first of its.

    at_once: places of a group, which are neighbours. A lane is a row of `rows`.
    """

    rows: Int[np.ndarray, "lane place"]
    places: Int[np.ndarray, " member"]
    at_once: int


def layout_of(seeds: np.ndarray, plan: Plan, num_devices: int = 1) -> Layout:
    """Members of these seeds in groups of `plan.at_once`, as many groups for each lane and device.

    >>> layout_of(np.array([0, 1, 0, 1, 0]), Plan(2, shared=True, lanes=2)).rows.tolist()
    [[0, 2, 4, 4], [1, 3, 1, 3]]
    """
    queues = [np.flatnonzero(seeds == seed) for seed in np.unique(seeds)] if plan.shared else [np.arange(len(seeds))]
    parallel = min(plan.lanes, len(seeds)) * num_devices
    at_once = _evenly(queues, plan.at_once, parallel)
    groups = [_filled(queue[i : i + at_once], at_once) for queue in queues for i in range(0, len(queue), at_once)]
    groups = groups + [groups[-1]] * (-len(groups) % parallel)
    lanes = parallel // num_devices
    rows = np.stack(groups).reshape(lanes, -1)
    places = np.zeros(len(seeds), int)
    places[rows.ravel()[::-1]] = np.arange(rows.size)[::-1]  # the first of several is written last
    return Layout(rows, places, at_once)


def _evenly(queues: list[np.ndarray], at_once: int | None, parallel: int) -> int:
    """How many at once, where all in use should be as many as there are."""
    longest = max(map(len, queues))
    if at_once is not None:
        return min(at_once, longest)
    return -(-longest // max(1, -(-parallel // len(queues))))


def _filled(group: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([group, np.repeat(group[-1:], size - len(group))])
