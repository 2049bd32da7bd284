"""Constants as float16, and tables of places as a few numbers: what a program weighs in a page.

A constant is `(high + low) * scale`, `scale` a power of two at which float16 holds its largest entry. One with more
than `FEW` entries has no `low`: its entries are rounded to 11 bits; the others have 22.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vaejax.report.live._tape import NotLive

FEW = 4096
TOP = 14  # the largest entry is below 2^15, and float16 ends at 65,504


def stored(array: np.ndarray, at: int) -> tuple[dict[str, Any], np.ndarray]:
    """How a page finds a constant whose numbers begin at `at`, and the numbers; a single number needs none.

    An axis along which all is the same is stored once: a bias for each channel is no picture.
    """
    if array.size == 1:
        return {"value": _json(array.item())}, np.zeros(0, np.float16)
    if not np.all(np.isfinite(array)):
        raise NotLive("weights that are not finite")
    kept, table = _distinct(array)
    largest = float(np.max(np.abs(kept), initial=0))
    scale = 2.0 ** (math.frexp(largest)[1] - 1 - TOP) if largest else 1.0
    scaled = kept.astype(float) / scale
    high = scaled.astype(np.float16)
    low = (scaled - high).astype(np.float16)
    parts = [high, low] if kept.size <= FEW else [high]
    how = {"at": at, "count": kept.size, "parts": len(parts), "scale": scale}
    expand = {} if kept.size == array.size else {"runs": runs_of(table)}
    return {**how, **expand}, np.concatenate(parts)


def read(constant: dict[str, Any], weights: np.ndarray) -> np.ndarray:
    """The constant, as the page has it."""
    if "value" in constant:
        return np.full(1, float(constant["value"]), np.float32)
    count, at = constant["count"], constant["at"]
    parts = weights[at : at + count * constant["parts"]].astype(np.float32).reshape(constant["parts"], count)
    kept = parts.sum(0, dtype=np.float32) * np.float32(constant["scale"])
    return kept[places_of(constant["runs"])] if "runs" in constant else kept


def runs_of(table: np.ndarray) -> list[list[int]]:
    """`[first, step, count, jump, times]`: places from `first` by `step`, and that again from `jump` further on.

    >>> runs_of(np.array([0, 2, 4, 1, 3, 5]))
    [[0, 2, 3, 1, 2]]
    """
    groups: list[list[int]] = []
    for first, step, count in _lines(table):
        last = groups[-1] if groups else None
        if last is not None and last[1:3] == [step, count]:
            jump = first - (last[0] + (last[4] - 1) * last[3])
            if last[4] == 1 or jump == last[3]:
                last[3:] = [jump, last[4] + 1]
                continue
        groups.append([first, step, count, 0, 1])
    return groups


def places_of(runs: list[list[int]]) -> np.ndarray:
    """The table that `runs_of` was given.

    >>> places_of([[0, 2, 3, 1, 2]]).tolist()
    [0, 2, 4, 1, 3, 5]
    """
    parts = [
        (first + jump * np.arange(times)[:, None] + step * np.arange(count)).reshape(-1)
        for first, step, count, jump, times in runs
    ]
    return np.concatenate([np.zeros(0, int), *parts])


def _lines(table: np.ndarray) -> list[tuple[int, int, int]]:
    """(first, step, count) of stretches with one step, each as long as it can be."""
    steps = np.diff(table)
    turns = [*(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    lines, start, turn = [], 0, 0
    while start < len(table):
        while turns[turn] <= start and turn < len(turns) - 1:
            turn += 1
        end = min(turns[turn], len(table) - 1) if start < len(table) - 1 else start
        step = int(steps[start]) if end > start else 0
        lines.append((int(table[start]), step, end - start + 1))
        start = end + 1
    return lines


def _distinct(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The entries without axes along which all are the same, and where each of the array is among them."""
    kept = array
    for axis in range(array.ndim):
        first = np.take(kept, [0], axis) if kept.shape[axis] else kept
        kept = first if np.array_equal(np.broadcast_to(first, kept.shape), kept) else kept
    table = np.broadcast_to(np.arange(kept.size).reshape(kept.shape), array.shape)
    return kept.reshape(-1), table.reshape(-1)


def _json(value: float) -> float | str:
    """JSON has no infinity; both languages read its name."""
    return value if math.isfinite(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
