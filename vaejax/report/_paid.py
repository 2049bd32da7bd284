"""What one pays, in nats, for each latent size: the table beside the answer."""

from __future__ import annotations

from typing import Any

from vaejax.report._words import nats, number, setting

_HEADS = (
    ("latent size", ""),
    ("beta", "its best"),
    ("loses to the best", "test, nats ± s.e."),
    ("beside the answer", "test, nats ± s.e."),
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
    cells = (
        setting(one.latent_size),
        setting(one.beta) if one.beta is not None else number(None),
        nats(one.gap_nats, one.gap_se).removesuffix(" nats"),
        nats(one.pays_nats, one.pays_se).removesuffix(" nats"),
        number(one.num_seeds, 0),
        number(one.rate),
        number(one.distortion),
        number(one.active_units, 1),
    )
    return {"cells": cells, "chosen": chosen}
