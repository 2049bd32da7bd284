"""Rate against distortion."""

from __future__ import annotations

import numpy as np

from vaejax.report._frames import Ends, equal_elbo, front, limits
from vaejax.report._roster import Roster, ok, values
from vaejax.report._words import number
from vaejax.report.charts._spec import A, B, Spec, amount, discs, hue_scale, ring, scale_of, spec_of

_NAMED = 0.25  # lines that end in the left quarter have no name: it would lie on the numbers of the axis


def trade(found: Roster) -> Spec | None:
    """Rate against distortion (Alemi et al. 2018, arXiv:1711.00464), lines of equal ELBO, and the Pareto front."""
    rate, distortion = values(found, "rate"), values(found, "distortion")
    drawn = np.flatnonzero(ok(found) & np.isfinite(rate) & np.isfinite(distortion))
    if not len(drawn):
        return None
    across, up = limits(rate[drawn]), limits(distortion[drawn])
    x = amount("rate", "rate (nats)", scale=scale_of(across), axis={"grid": False})
    y = amount("distortion", "distortion (nats)", scale=scale_of(up), axis={"grid": False})
    place = {"x": x, "y": y}
    lines = {"values": _iso(across, up)}
    from_, to = ({"x": {**x, "field": f"x{end}"}, "y": {**y, "field": f"y{end}"}} for end in (0, 1))
    ends = {"x2": {"field": "x1"}, "y2": {"field": "y1"}}
    beside = {"align": "right", "baseline": "bottom", "dx": -2, "dy": -3}
    best = front(zip(rate[drawn].tolist(), distortion[drawn].tolist(), strict=True))
    size = amount("size", legend=None, scale={"domain": [0, 1], "range": [46, 260]})
    layers = [
        {"data": lines, "mark": {"type": "rule", "stroke": "var(--faint)"}, "encoding": {**from_, **ends}},
        {
            "data": lines,
            "mark": {"type": "text", "fill": "var(--muted)", "fontSize": 11, **beside},
            "encoding": {**to, "text": {"field": "text"}},
        },
        {
            "data": {"values": [{"rate": x, "distortion": y} for x, y in best]},
            "mark": {"type": "line", "clip": True, "stroke": "var(--ink)", "strokeDash": [5, 4], "strokeWidth": 1.4},
            "encoding": {**place, "order": {"field": "rate"}},
        },
        {
            "mark": discs(opacity=0.92, strokeWidth=1.2),
            "encoding": {**place, "size": size, "fill": hue_scale(found)},
        },
        *[ring(test, dash, place, {"value": 420}) for test, dash in (A, B)],
    ]
    return spec_of("Rate against distortion of each member on the test split.", layers, data={"name": "members"})


def _iso(across: Ends, up: Ends) -> list[Spec]:
    """Lines of equal ELBO, from border to border of the frame."""
    lines = []
    for total in equal_elbo(across, up):
        left, right = max(across[0], total - up[1]), min(across[1], total - up[0])
        text = f"ELBO {number(-total, 0 if total == round(total) else 1)}"
        text = text if right > across[0] + _NAMED * (across[1] - across[0]) else ""
        lines.append({"x0": left, "y0": total - left, "x1": right, "y1": total - right, "text": text})
    return lines
