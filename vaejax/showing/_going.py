from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vaejax import folder
from vaejax.config import axes_of
from vaejax.grid import DESCRIPTIONS
from vaejax.report import Shown
from vaejax.showing._facts import facts_of, name_of

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from vaejax.config import Config

HISTORIES = ("history_validation", "history_value", "history_distortion", "history_rate")
NOT_BEGUN = "not begun"
LATER = "What the test split says, the answer and pictures of members come at the end."


class _Segment(NamedTuple):
    """A line of history.jsonl: members that were trained, by their values on every axis and what was told of them."""

    epoch: int
    members: list[Mapping[str, Any]]


def shown_so_far(path: Path) -> Shown:
    """A run that has not come to its answer: its curves so far, and what is missing.

    It may be going on meanwhile, and is not disturbed: two files of its folder are read, and a line that is only half
    written is left out. Raises: VaejaxError where its configuration cannot be read.
    """
    config, noted = folder.read_config(path)
    segments = _segments(path / "history.jsonl")
    axes = _axes(config, segments)
    attrs = {"epochs": config.epochs, "batch_size": config.batch_size, "data": str(noted.get("name", config.data))}
    attrs |= {f"num_{split}": num for split, num in noted["examples"].items()}
    attrs |= {"preparation": str(noted["preparation"])} if "preparation" in noted else {}
    dataset = _table(axes, segments).assign_attrs(attrs)
    missing = (_told(path, config, segments, dataset), LATER)
    return Shown(dataset, facts=facts_of(path), missing=missing, name=name_of(path))


def _segments(path: Path) -> list[_Segment]:
    """Those that are told of in whole lines."""
    found = []
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    for line in lines:
        try:
            told = json.loads(line)
            found.append(_Segment(int(told["epoch"]), [dict(member) for member in told["members"]]))
        except (ValueError, KeyError, TypeError):
            continue  # the line of the end, or one that was cut off while it was written
    return found


def _axes(config: Config, segments: Sequence[_Segment]) -> dict[str, list[Any]]:
    """The axes that were asked for; of a search, which chooses sizes itself, the values that were trained so far."""
    axes = axes_of(config)
    if all(axes.values()):
        return axes
    members = [member for segment in segments for member in segment.members]
    known = {name: sorted({member[name] for member in members if name in member}) for name in axes}
    found = {name: known[name] or values for name, values in axes.items()}
    return {name: values for name, values in found.items() if values}


def _table(axes: Mapping[str, list[Any]], segments: Sequence[_Segment]) -> xr.Dataset:
    """Histories over the axes; NaN where nothing is known yet."""
    import xarray as xr

    shape, dims = tuple(len(values) for values in axes.values()), tuple(axes)
    epochs = sorted({segment.epoch for segment in segments})
    histories = {name: np.full((*shape, len(epochs)), np.nan) for name in HISTORIES}
    status = np.full(shape, NOT_BEGUN, dtype=object)
    for segment in segments:
        at = epochs.index(segment.epoch)
        for member in segment.members:
            place = _place(axes, member)
            if place is None:
                continue
            for name in HISTORIES:
                value = member.get(name)
                histories[name][(*place, at)] = np.nan if value is None else value
            status[place] = "diverged" if member.get("history_validation") is None else "ok"
    told = {name: ((*dims, "epoch"), values, {"description": DESCRIPTIONS[name]}) for name, values in histories.items()}
    told = told if epochs else {}
    known = {"description": "ok so far, diverged: not finite any more, or not begun"}
    return xr.Dataset({**told, "status": (dims, status.astype(str), known)}, {**axes, "epoch": epochs})


def _place(axes: Mapping[str, list[Any]], member: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Where a member stands; `None` where it is none of this grid."""
    if any(member.get(name) not in values for name, values in axes.items()):
        return None
    return tuple(values.index(member[name]) for name, values in axes.items())


def _told(path: Path, config: Config, segments: Sequence[_Segment], dataset: xr.Dataset) -> str:
    """How far training has come."""
    begun, num = int((dataset["status"].values != NOT_BEGUN).sum()), dataset["status"].size
    others = f" with {begun} of {num} members; the others follow" if begun < num else ""
    start = "The run has not come to its end: it goes on, or was stopped and goes on with --resume. "
    if (path / "search.json").exists() and not begun:
        return f"{start}The search has not come to its first grid."
    if not segments:
        return f"{start}Training has not come to the end of its first segment."
    if segments[-1].epoch == config.epochs and not others:
        return f"{start}Training is over, and members are being measured."
    return f"{start}Training has come to epoch {segments[-1].epoch:,} of {config.epochs:,}{others}."
