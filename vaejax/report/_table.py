"""Every member in one table: the numbers behind each sentence and each picture of the page."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from vaejax.report._measured import Measure
from vaejax.report._roster import Roster, column, labels, levels, statuses, values
from vaejax.report._words import DASH, count, is_number, name, number, plain, setting


def heads(found: Roster) -> list[dict[str, Any]]:
    """A column for each axis and each measure, with its unit and how it was got."""
    axes = [
        {"title": name(axis), "unit": "", "how": "", "numeric": all(is_number(value) for value in levels(found, axis))}
        for axis in found.axes
    ]
    return axes + [{"title": one.title, "unit": one.unit, "how": one.how, "numeric": True} for one in found.measures]


def rows(found: Roster) -> list[dict[str, Any]]:
    """One for each member: `kind` is `chosen` or why it has none; a cell has its text and its value to seven digits."""
    axes, numbers = [column(found, axis) for axis in found.axes], [values(found, one.key) for one in found.measures]
    texts, good, chosen = labels(found), statuses(found), set(found.chosen)
    made = []
    for i in range(found.num):
        cells = [_setting(one[i]) for one in axes]
        cells += [_number(one, column[i]) for one, column in zip(found.measures, numbers, strict=True)]
        kind = "chosen" if i in chosen else "" if good[i] == "ok" else good[i]
        made.append({"id": i, "number": i + 1, "label": texts[i], "kind": kind, "cells": cells})
    return made


def _setting(value: Any) -> dict[str, Any]:
    value = plain(value)
    if value is None:
        return {"text": DASH, "value": "", "numeric": False}
    return {"text": setting(value), "value": value, "numeric": is_number(value)}


def _number(one: Measure, value: float) -> dict[str, Any]:
    if not np.isfinite(value):
        return {"text": DASH, "value": "", "numeric": True}
    text = number(value, one.decimals) if one.decimals is not None else f"{value:.4g}".replace("-", "−")  # noqa: RUF001
    return {"text": text, "value": f"{value:.7g}", "numeric": True}


def note(found: Roster) -> str:
    """`40 members; 2 diverged; 10 not begun: these have no numbers.`"""
    lost = Counter(status for status in statuses(found) if status != "ok")
    tail = "".join(f"; {num:,} {status}" for status, num in lost.items())
    return f"{count(found.num, 'member')}{tail}{': these have no numbers' if lost else ''}."
