"""What the page's script is told, as JSON: the members, their numbers, charts and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vaejax.answer import doctor
from vaejax.report._roster import Roster, column, hues, labels, levels, ok, values
from vaejax.report._words import is_number, name, plain, setting
from vaejax.report.charts import Spec, limits, rounded, rows

MOST_POINTS = 60  # of a curve


def told(found: Roster, charts: Mapping[str, Spec], pictures: Sequence[Mapping[str, Any]], file: str) -> str:
    """JSON that can stand in a script element: whatever names contain, nothing in it ends the element.

    charts: as Vega, by name. pictures: of each run, as `strips.drawn` gives them. file: what a download is called.
    """
    said = {
        "file": file,
        "axes": [_axis(found, axis) for axis in found.axes],
        "measures": [one._asdict() for one in found.measures],
        "members": _members(found),
        "chosen": found.chosen,
        "charts": charts,
        "rows": rows(found),
        "curves": _curves(found),
        "zooms": _zooms(found),
        "pictures": pictures,
    }
    text = json.dumps(plain_json(said), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def plain_json(value: Any) -> Any:
    """Only what JSON has: numbers of NumPy become Python's, and what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(one) for one in value]
    value = plain(value)
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _axis(found: Roster, axis: str) -> dict[str, Any]:
    at = levels(found, axis)
    numeric = all(is_number(value) for value in at)
    return {"key": axis, "title": name(axis), "values": [setting(value) for value in at], "numeric": numeric}


def _members(found: Roster) -> list[dict[str, Any]]:
    texts, colours, good = labels(found), hues(found), ok(found)
    places = [_places(found, axis) for axis in found.axes]
    numbers = {one.key: values(found, one.key) for one in found.measures}
    made = []
    for run, (first, flat, shown) in enumerate(zip(found.first, found.runs, found.shown, strict=True)):
        said = _findings(found, run)
        for at in range(len(flat.settings)):
            i = first + at
            member: dict[str, Any] = {"ok": bool(good[i]), "place": [place[i] for place in places]}
            member |= {"id": i, "number": i + 1, "run": run, "place_in_run": at, "label": texts[i], "hue": colours[i]}
            member |= {"values": {key: rounded(known[i]) for key, known in numbers.items()}}
            member |= {"findings": said.get(at, []), "command": shown.commands.get(at, "")}
            made.append({**member, "python": _python(flat, at) if shown.answer else ""})
    return made


def _places(found: Roster, axis: str) -> list[int | None]:
    """Of every member, the number of its value among the levels of an axis."""
    at = {value: rank for rank, value in enumerate(levels(found, axis))}
    return [at.get(value) for value in column(found, axis)]


def _python(flat: Any, at: int) -> str:
    pairs = ", ".join(
        f"{axis}={plain(value)!r}"
        for axis, value in zip(flat.axes, flat.settings[at], strict=True)
        if axis.isidentifier()
    )
    return f"model, params = vj.extract(result, {pairs})" if pairs else ""


def _findings(found: Roster, run: int) -> dict[int, list[dict[str, str]]]:
    """What the doctor found of each member of a run, by its place there."""
    flat, said = found.runs[run], {}
    place = {row: at for at, row in enumerate(flat.settings)}
    for table in (found.shown[run].dataset, *found.shown[run].rounds):
        if "status" not in table or "elbo" not in table:
            continue
        for one in doctor(table).findings:
            title = one.name[0].upper() + one.name[1:] + "."
            for member in one.members:
                at = place.get(tuple(plain(member[axis]) for axis in flat.axes if axis in member))
                if at is not None:
                    said.setdefault(at, []).append({"title": title, "evidence": one.evidence})
    return said


def _curves(found: Roster) -> list[dict[str, Any]]:
    """A row for each point: thinned to `MOST_POINTS` epochs, the first and the last among them."""
    made, colours = [], hues(found)
    for first, flat in zip(found.first, found.runs, strict=True):
        if flat.curves.shape[1] < 2:
            continue
        keep = np.unique(np.linspace(0, len(flat.epochs) - 1, MOST_POINTS).round().astype(int))
        for at, curve in enumerate(flat.curves):
            made += [
                {
                    "id": first + at,
                    "hue": colours[first + at],
                    "epoch": float(flat.epochs[k]),
                    "bound": rounded(curve[k]),
                }
                for k in keep
                if np.isfinite(curve[k])
            ]
    return made


def _zooms(found: Roster) -> dict[str, list[float]]:
    """What the chart of latent sizes shows: all members, and those within six margins or errors of the best."""
    for key in ("log_likelihood", "elbo", "latest"):
        value, good = values(found, key), ok(found)
        value = np.where(good, value, np.nan)
        if np.isfinite(value).any():
            break
    else:
        return {}
    kept = value[np.isfinite(value)]
    low, high = limits(kept)
    answers = [shown.answer for shown in found.shown if shown.answer is not None]
    margins = [float(one.margin_nats) for one in answers if np.isfinite(one.margin_nats)]
    errors = values(found, "log_likelihood_se")
    typical = float(np.nanmedian(errors)) if np.isfinite(errors).any() else 0.0
    near = 6 * max([*margins, typical, 1e-6])
    best = float(kept.max())
    return {"all": [low, high], "best": [max(low, best - near), best + 0.12 * near]}
