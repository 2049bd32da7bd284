"""The members of all runs of a page, in one list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from vaejax.report._measured import Measure, measured
from vaejax.report._members import Members, distinct, hue_axes, label, measure, members
from vaejax.report._shown import Shown
from vaejax.report._words import name, setting

MOST_HUES = 24


class Roster(NamedTuple):
    """runs: what was shown, flat. first: where the members of each run begin in the list of all. axes: of any run.

    hue: the axis that colours stand for, `run` where there are several; `None` where nothing varies.
    """

    shown: tuple[Shown, ...]
    runs: tuple[Members, ...]
    first: tuple[int, ...]
    names: tuple[str, ...]
    axes: tuple[str, ...]
    measures: tuple[Measure, ...]
    hue: str | None

    @property
    def num(self) -> int:
        """How many members there are."""
        return self.first[-1] + len(self.runs[-1].settings)

    @property
    def chosen(self) -> list[int]:
        """The member that each answer is about."""
        pairs = zip(self.first, self.runs, strict=True)
        return [first + flat.chosen for first, flat in pairs if flat.chosen is not None]


RUN = "run"


def roster(shown: Sequence[Shown]) -> Roster:
    """Of one run or several; `run` is an axis where there are several, and their names are told apart."""
    runs = tuple(members(one.dataset, one.answer, one.rounds) for one in shown)
    first = tuple(int(at) for at in np.cumsum([0, *(len(flat.settings) for flat in runs)])[:-1])
    axes = tuple(dict.fromkeys(axis for flat in runs for axis in flat.axes if axis != RUN or len(runs) == 1))
    tables = [table for one in shown for table in (one.dataset, *one.rounds)]
    found = Roster(
        tuple(shown), runs, first, _names(shown), (RUN, *axes) if len(runs) > 1 else axes, tuple(measured(tables)), None
    )
    return found._replace(hue=_hue(found))


def _names(shown: Sequence[Shown]) -> tuple[str, ...]:
    names = [one.name or str(one.dataset.attrs.get("name", "")) or "run" for one in shown]
    return tuple(
        f"{text} ({names[: at + 1].count(text)})" if names.count(text) > 1 else text for at, text in enumerate(names)
    )


def _hue(found: Roster) -> str | None:
    ordered = sorted(hue_axes(found.axes), key=lambda axis: axis != RUN)  # which stays first of all
    return next((axis for axis in ordered if 1 < len(levels(found, axis)) <= MOST_HUES), None)


def column(found: Roster, axis: str) -> list[Any]:
    """The value of every member on an axis; `None` where its run has no such axis."""
    if axis == RUN and len(found.runs) > 1:
        return [text for text, flat in zip(found.names, found.runs, strict=True) for _ in flat.settings]
    return [row[flat.axes.index(axis)] if axis in flat.axes else None for flat in found.runs for row in flat.settings]


def levels(found: Roster, axis: str) -> list[Any]:
    """The distinct values on an axis: numbers from small to large, others as they come."""
    return distinct(value for value in column(found, axis) if value is not None)


def values(found: Roster, key: str) -> np.ndarray:
    """A measure of every member, `[num]`; NaN where it was not taken."""
    return np.concatenate([measure(flat, key) for flat in found.runs])


def ok(found: Roster) -> np.ndarray:
    """Which members have numbers, `[num]`."""
    return np.concatenate([flat.ok for flat in found.runs])


def statuses(found: Roster) -> list[str]:
    """Of each member `ok`, or why it has no numbers."""
    return [str(status) for flat in found.runs for status in flat.status]


def hues(found: Roster) -> list[int]:
    """The number of each member's colour, from 0."""
    if found.hue is None:
        return [0] * found.num
    order = {value: rank for rank, value in enumerate(levels(found, found.hue))}
    return [order.get(value, 0) for value in column(found, found.hue)]


def labels(found: Roster) -> list[str]:
    """`beta 1, latent size 16, seed 0` of every member; before it the run, where there are several."""
    several = len(found.runs) > 1
    return [
        (f"{text}: " if several else "") + label(flat, at)
        for text, flat in zip(found.names, found.runs, strict=True)
        for at in range(len(flat.settings))
    ]


def legend(found: Roster) -> tuple[str, list[str]]:
    """What colours stand for, and the value of each; nothing where there is one colour."""
    if found.hue is None:
        return "", []
    return name(found.hue), [setting(value) for value in levels(found, found.hue)]
