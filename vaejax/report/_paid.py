"""What one pays, in nats, for each latent size: the table beside the answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaejax.report._words import DASH, number, plain, setting

_HEADS = (
    ("latent size", ""),
    ("beta", "its best"),
    ("loses to the best", "test, nats"),
    ("± s.e.", "nats"),
    ("beside the answer", "test, nats"),
    ("± s.e.", "nats"),
    ("seeds", ""),
    ("rate", "test, nats"),
    ("distortion", "test, nats"),
    ("active", "units"),
)


def paid(answer: Any) -> dict[str, Any] | None:
    """Heads and rows, one for each latent size, that of the answer marked; nothing where there are fewer than two."""
    if answer is None or len(answer.sizes) < 2:
        return None
    return {"heads": _HEADS, "rows": [_row(one, one.latent_size == answer.latent_size) for one in answer.sizes]}


def _row(one: Any, chosen: bool) -> dict[str, Any]:
    numbers = [(one.gap_nats, 2), (one.gap_se, 2), (one.pays_nats, 2), (one.pays_se, 2), (one.num_seeds, 0)]
    numbers += [(one.rate, 2), (one.distortion, 2), (one.active_units, 1)]
    cells = [_setting(one.latent_size), _setting(one.beta), *(_number(value, digits) for value, digits in numbers)]
    return {"cells": cells, "chosen": chosen}


def _setting(value: Any) -> dict[str, Any]:
    return {"text": DASH, "value": ""} if value is None else {"text": setting(value), "value": plain(value)}


def _number(value: Any, digits: int) -> dict[str, Any]:
    known = value is not None and np.isfinite(value)
    return {"text": number(value, digits), "value": f"{value:.7g}" if known else ""}
