"""Held-out likelihood against latent size."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaejax.report._frames import Ends, error_of, limits
from vaejax.report._roster import Roster, column, hues, levels, ok, values
from vaejax.report._words import is_number, plain, setting
from vaejax.report.charts._spec import A, B, Spec, amount, discs, held_out, hue_scale, ring, spec_of

TITLES = {
    "log_likelihood": "log likelihood (nats)",
    "elbo": "ELBO (nats)",
    "latest": "ELBO, validation, so far (nats)",
}


def sizes(found: Roster) -> Spec | None:
    """Held-out likelihood against latent size: points are members, lines means over all but size and colour."""
    held, sizes = held_out(found), levels(found, "latent_size")
    if not held or len(sizes) < 2:
        return None
    title = TITLES[held[0]]
    x = {"field": "latents", "title": "latent size", **_size_axis(sizes)}
    frame = {"zero": False, "nice": False, "domainMin": {"expr": "low"}, "domainMax": {"expr": "high"}}
    y, hue = amount(held[0], title, scale=frame), hue_scale(found)
    place, means = {"x": x, "y": y}, _means(found, held)
    ends = {"y": {**y, "field": "down"}, "y2": {"field": "up"}}
    layers = [
        {
            "data": {"values": _band(found, means)},
            "mark": {"type": "rect", "fill": "var(--band)", "clip": True},
            "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "data": {"values": means},
            "mark": {"type": "line", "clip": True, "strokeWidth": 1.8},
            "encoding": {**place, "stroke": hue, "detail": {"field": "line"}},
        },
        {
            "data": {"values": means},
            "mark": {"type": "rule", "clip": True},
            "encoding": {"x": x, **ends, "stroke": hue},
        },
        {"mark": discs(size=52, opacity=0.9, strokeWidth=1), "encoding": {**place, "fill": hue}},
        *[ring(test, dash, place, {"value": 210}) for test, dash in (A, B)],
    ]
    said = "Held-out likelihood of each member against its latent size."
    ends_of_y = [{"name": name, "value": end} for name, end in zip(("low", "high"), zooms(found)["all"], strict=True)]
    return spec_of(said, layers, data={"name": "members"}, params=ends_of_y)


def zooms(found: Roster) -> dict[str, Ends]:
    """What is in the frame: all members, or those within six margins or errors of the best; nothing without numbers."""
    held = held_out(found)
    if not held:
        return {}
    value = values(found, held[0])
    kept = value[ok(found) & np.isfinite(value)]
    low, high = limits(kept)
    answers = [shown.answer for shown in found.shown if shown.answer is not None]
    margins = [float(one.margin_nats) for one in answers if np.isfinite(one.margin_nats)]
    errors = values(found, "log_likelihood_se")
    typical = float(np.nanmedian(errors)) if np.isfinite(errors).any() else 0.0
    near = 6 * max([*margins, typical, 1e-6])
    best = float(kept.max())
    return {"all": (low, high), "best": (max(low, best - near), best + 0.12 * near)}


def _size_axis(sizes: list[Any]) -> Spec:
    if not all(is_number(size) and size > 0 for size in sizes):
        return {"type": "ordinal", "sort": [setting(size) for size in sizes]}
    kind = {"type": "log", "base": 2} if sizes[-1] / sizes[0] >= 4 else {"type": "linear", "zero": False}
    axis = {"values": [plain(size) for size in sizes], "format": "~g", "grid": False, "labelOverlap": True}
    return {"type": "quantitative", "scale": {**kind, "nice": False, "padding": 18}, "axis": axis}


def _band(found: Roster, settings: list[Spec]) -> list[Spec]:
    """One margin deep, from the best mean of a setting: of a single run with an answer."""
    answer = found.shown[0].answer
    if len(found.shown) > 1 or answer is None or not np.isfinite(answer.margin_nats):
        return []
    best = max(one["mean"] for one in settings)
    return [{"low": best - float(answer.margin_nats), "high": best}]


def _means(found: Roster, held: tuple[str, ...]) -> list[Spec]:
    """Of each setting the mean over seeds, with one standard error from examples and seeds.

    `line` is the number of a setting without its latent size.
    """
    value, errors = (
        values(found, held[0]),
        np.nan_to_num(values(found, held[1]) if len(held) > 1 else np.zeros(found.num)),
    )
    axes = [axis for axis in found.axes if axis not in ("seed", "latent_size")]
    settings = list(zip(*(column(found, axis) for axis in axes), strict=True)) or [()] * found.num
    lines = {setting: at for at, setting in enumerate(dict.fromkeys(settings))}
    sizes, colours = column(found, "latent_size"), hues(found)
    cells: dict[tuple[int, Any], list[int]] = {}
    for i in np.flatnonzero(ok(found) & np.isfinite(value)).tolist():
        cells.setdefault((lines[settings[i]], sizes[i]), []).append(i)
    made = []
    for (line, size), at in cells.items():
        mean, error = float(value[at].mean()), error_of(value[at], errors[at])
        place = {"line": line, "hue": colours[at[0]], "latents": plain(size)}
        made.append({**place, held[0]: mean, "mean": mean, "down": mean - error, "up": mean + error})
    return made
