"""Which members go through training together."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from vaejax.plans import Plan


class Layout(NamedTuple):
    """rows: the members of each group; one may stand at several places, to fill up. places: of each, the first."""

    rows: Int[np.ndarray, "group place"]
    places: Int[np.ndarray, " member"]


def layout_of(seeds: np.ndarray, plan: Plan, num_devices: int = 1) -> Layout:
    """Members of these seeds in groups of `plan.at_once` for each device.

    >>> layout_of(np.array([0, 1, 0, 1, 0]), Plan(2, shared=True)).rows.tolist()
    [[0, 2], [4, 4], [1, 3]]
    """
    queues = [np.flatnonzero(seeds == seed) for seed in np.unique(seeds)] if plan.shared else [np.arange(len(seeds))]
    size = _size(queues, plan, num_devices)
    of_device = [_filled(queue[i : i + size], size) for queue in queues for i in range(0, len(queue), size)]
    of_device += [of_device[-1]] * (-len(of_device) % num_devices)
    rows = np.stack(of_device).reshape(-1, num_devices * size)
    places = np.zeros(len(seeds), int)
    places[rows.ravel()[::-1]] = np.arange(rows.size)[::-1]  # the first of several is written last
    return Layout(rows, places)


def _size(queues: list[np.ndarray], plan: Plan, num_devices: int) -> int:
    """How many at once; where it is as many as there are, the same for all that go on side by side."""
    longest = max(map(len, queues))
    if plan.at_once is not None:
        return min(plan.at_once, longest)
    pieces = -(-plan.lanes * num_devices // len(queues))
    return -(-longest // min(pieces, longest))


def _filled(group: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([group, np.repeat(group[-1:], size - len(group))])
