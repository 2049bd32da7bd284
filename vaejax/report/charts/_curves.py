"""The bound over training."""

from __future__ import annotations

import numpy as np

from vaejax.report._frames import heights
from vaejax.report._roster import Roster
from vaejax.report.charts._spec import A, B, Spec, amount, hue_scale, scale_of, spec_of


def curves(found: Roster) -> Spec | None:
    """The bound on the validation split as each member was trained."""
    drawn = [flat.curves for flat in found.runs if flat.curves.shape[1] > 1 and np.isfinite(flat.curves).any()]
    if not drawn:
        return None
    low, high = zip(*(heights(curves, max(1, curves.shape[1] // 10)) for curves in drawn), strict=True)
    domain = scale_of((min(low), max(high)))
    place = {
        "x": amount(
            "epoch",
            "epoch",
            axis={"grid": False, "format": "d", "tickCount": min(10, _longest(found) - 1)},
            scale={"nice": False, "zero": False},
        ),
        "y": amount("bound", "ELBO, validation (nats)", scale=domain),
    }
    line = {"type": "line", "clip": True, "strokeWidth": 1.3, "opacity": 0.55, "cursor": "pointer"}
    layers = [
        {"mark": line, "encoding": {**place, "detail": {"field": "id"}, "stroke": hue_scale(found)}},
        *[
            {
                "transform": [{"filter": test}],
                "mark": {**line, "opacity": 1, "strokeWidth": 3, "stroke": "var(--ink)", "strokeDash": dash},
                "encoding": {**place, "detail": {"field": "id"}},
            }
            for test, dash in (A, B)
        ],
    ]
    return spec_of("The bound on the validation split over training.", layers, height=320, data={"name": "curves"})


def _longest(found: Roster) -> int:
    return int(max(flat.epochs.max(initial=1) for flat in found.runs))
