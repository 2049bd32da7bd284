"""What the page's script is told, as JSON: the members, their numbers, charts and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vaejax import tables
from vaejax.answer import Diagnosis
from vaejax.report._findings import titled
from vaejax.report._members import Members
from vaejax.report._roster import Roster, column, hues, labels, levels, statuses, values
from vaejax.report._sprites import rounded
from vaejax.report._words import is_number, name, plain, setting
from vaejax.report.charts import Spec, rows, zooms
from vaejax.report.figures._look import shades

MOST_POINTS = 60  # of a curve


def told(
    found: Roster,
    charts: Mapping[str, Spec],
    pictures: Sequence[Mapping[str, Any]],
    diagnoses: Sequence[Sequence[Diagnosis]],
    file: str,
) -> str:
    """JSON that can stand in a script element: whatever names contain, nothing in it ends the element.

    charts: as Vega, by name. pictures, diagnoses: of each run. file: what a download is called.
    """
    said = {
        "file": file,
        "axes": [_axis(found, axis) for axis in found.axes],
        "measures": [one._asdict() for one in found.measures],
        "members": _members(found, diagnoses),
        "shades": shades(9, 0.0, 1.0),
        "chosen": found.chosen,
        "charts": charts,
        "rows": rows(found),
        "curves": _curves(found),
        "zooms": zooms(found),
        "pictures": pictures,
    }
    text = json.dumps(tables.plain(said), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _axis(found: Roster, axis: str) -> dict[str, Any]:
    at = levels(found, axis)
    numeric = all(is_number(value) for value in at)
    return {"key": axis, "title": name(axis), "values": [setting(value) for value in at], "numeric": numeric}


def _members(found: Roster, diagnoses: Sequence[Sequence[Diagnosis]]) -> list[dict[str, Any]]:
    texts, colours, good = labels(found), hues(found), statuses(found)
    places = [_places(found, axis) for axis in found.axes]
    numbers = {one.key: values(found, one.key) for one in found.measures}
    made = []
    for run, (first, flat, shown) in enumerate(zip(found.first, found.runs, found.shown, strict=True)):
        said = _findings(flat, diagnoses[run])
        for at in range(len(flat.settings)):
            i = first + at
            member: dict[str, Any] = {"ok": good[i] == "ok", "status": good[i], "place": [place[i] for place in places]}
            member |= {"id": i, "number": i + 1, "run": run, "place_in_run": at, "label": texts[i], "hue": colours[i]}
            member |= {"values": {key: rounded(known[i], 7) for key, known in numbers.items()}}
            member |= {"findings": said.get(at, []), "command": shown.commands.get(at, "")}
            made.append({**member, "python": _python(flat, at) if shown.answer else ""})
    return made


def _places(found: Roster, axis: str) -> list[int | None]:
    """Of every member, the number of its value among the levels of an axis."""
    at = {value: rank for rank, value in enumerate(levels(found, axis))}
    return [at.get(value) for value in column(found, axis)]


def _python(flat: Members, at: int) -> str:
    pairs = ", ".join(
        f"{axis}={plain(value)!r}"
        for axis, value in zip(flat.axes, flat.settings[at], strict=True)
        if axis.isidentifier()
    )
    return f"model, params = vj.extract(result, {pairs})" if pairs else ""


def _findings(flat: Members, diagnoses: Sequence[Diagnosis]) -> dict[int, list[dict[str, str]]]:
    """What the doctor found of each member of a run, by its place there."""
    place, said = {row: at for at, row in enumerate(flat.settings)}, {}
    for one in (finding for diagnosis in diagnoses for finding in diagnosis.findings):
        for member in one.members:
            at = place.get(tuple(plain(member[axis]) for axis in flat.axes if axis in member))
            if at is not None:
                said.setdefault(at, []).append({"title": f"{titled(one)}.", "evidence": one.evidence})
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
                    "bound": rounded(curve[k], 7),
                }
                for k in keep
                if np.isfinite(curve[k])
            ]
    return made
